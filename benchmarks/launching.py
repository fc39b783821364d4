"""Launching: round trips and seconds from the command's start to RunInstances, and from `online` to its return."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Part, Program, Target
from benchmarks.site import CMLKIT
from cmlkit.runner.arrival import POLL_SECONDS
from cmlkit_sandbox import Sandbox

LATENCY_SECONDS = 0.1
# Longer than anything else that a command does meanwhile, so each round trip adds it once; and so long that other load
# on the machine makes less than a tenth of a round trip.
LONG_SECONDS = 4.0
ROUNDS = 3
DEEPEST = 3
# Written by the tests that boot under systemd.
BOOT = Path("build/nspawn/boot.json")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One launch.

    Attributes:
        bought: Seconds from the start of the process to the arrival of RunInstances.
        returned: Seconds from the runner being online to the end of the process.
        calls_before: Calls to AWS and GitHub before RunInstances; `calls` is their total.
    """

    bought: float
    returned: float
    calls_before: int
    calls: int


def measure() -> Part:
    """Measure launches without latency and with 100 ms per call, in turn."""
    taken: dict[float, list[Launch]] = {0.0: [], LATENCY_SECONDS: []}
    _launch(0.0)
    for _ in range(ROUNDS):
        for latency, launches in taken.items():
            launches.append(_launch(latency))
    rows = [_row(latency, launches) for latency, launches in taken.items()]
    depth = (_launch(LONG_SECONDS).bought - statistics.median(launch.bought for launch in taken[0.0])) / LONG_SECONDS
    returned = statistics.median(launch.returned for launch in taken[LATENCY_SECONDS])
    targets = [
        Target(what="Round trips before RunInstances", value=round(depth, 1), limit=DEEPEST),
        # The poll that sees it, the latency of that poll, and the end of the process.
        Target(what="From online to the return", value=returned, limit=POLL_SECONDS + 3 * LATENCY_SECONDS, unit="s"),
    ]
    return Part(rows=rows, targets=[*targets, *_boot()], notes=_boot_note())


def _launch(latency: float) -> Launch:
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder, "sandbox")) as sandbox:
        sandbox.aws.latency = sandbox.github.latency = latency
        argv = [CMLKIT, "runner", "launch", "--instance-type", "t3.medium", "--region", "eu-west-1"]
        environ = {**sandbox.environ(), "GITHUB_RUN_ID": "1", "GITHUB_SHA": "0" * 40}
        program = Program(argv=argv, directory=Path(folder), environ=environ)
        with _watching(sandbox) as seen:
            begun = time.monotonic()
            program.run()
            ended = time.monotonic()
        calls = len(sandbox.aws.calls) + len(sandbox.github.requests)
    return Launch(
        bought=seen["bought"] - begun,
        returned=ended - seen["online"],
        calls_before=int(seen["calls"]),
        calls=calls,
    )


@contextmanager
def _watching(sandbox: Sandbox) -> Iterator[Mapping[str, float]]:
    """Record when RunInstances came, the number of calls before it, and when the runner was online."""
    seen: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002) and "online" not in seen:
            if "bought" not in seen and any(call.action == "RunInstances" for call in list(sandbox.aws.calls)):
                seen["bought"] = time.monotonic()
                seen["calls"] = len(sandbox.aws.calls) - 1 + len(sandbox.github.requests)
            if any(runner.online for runner in sandbox.github.hub.runners.of(sandbox.repository)):
                seen["online"] = time.monotonic()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _row(latency: float, launches: list[Launch]) -> dict[str, object]:
    return {
        "what": f"runner launch, {latency * 1000:.0f} ms a call",
        "seconds_to_run_instances": round(statistics.median(launch.bought for launch in launches), 2),
        "calls_before": launches[-1].calls_before,
        "seconds_from_online": round(statistics.median(launch.returned for launch in launches), 2),
        "calls": launches[-1].calls,
    }


def _boot() -> list[Target]:
    if not BOOT.exists():
        return []
    seconds = float(json.loads(BOOT.read_text(encoding="utf-8"))["own_work_seconds"])
    return [Target(what="The boot script's own work, without the download", value=seconds, limit=1.0, unit="s")]


def _boot_note() -> list[str]:
    if BOOT.exists():
        return []
    return ["The boot script's own work is not measured here: `make test-slow` boots it under systemd and notes it."]
