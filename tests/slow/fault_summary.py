"""The summary of the fault sweeps: every injection of every sweep, from all workers, in `build/fault-sweep.json`.

A test of a sweep makes a `Part` and writes it. The sum is made where all tests have ended, in `conftest.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS = ROOT / "build" / "fault-sweep"
SUMMARY = ROOT / "build" / "fault-sweep.json"

# The least number of distinct injections of each operation, so that a sweep cannot shrink unnoticed.
FLOORS: Mapping[str, int] = {
    "asset prune": 45,
    "asset publish": 200,
    "check": 40,
    "comment create": 300,
    "comment update": 60,
    "image check": 80,
    "image recipe": 22,
    "launch": 235,
    "launch again": 36,
    "launch and stop as processes": 42,
    "launch beside another": 33,
    "launch for an organisation": 36,
    "launch in another region": 55,
    "launch on demand": 36,
    "launch some of three": 72,
    "launch that times out": 150,
    "launch three": 50,
    "launch where all is full": 55,
    "launch where some is full": 46,
    "launch with an App": 38,
    "list": 22,
    "model pull": 40,
    "pr create": 65,
    "pr create, commits of the job": 55,
    "pr create, commits of the job, as a process": 5,
    "pr create, commits of the job, with git": 30,
    "pr create, with git": 20,
    "promote, back to the first": 50,
    "promote, with a pull request": 55,
    "promote, with a pull request, as a process": 5,
    "publish, DVC": 35,
    "publish, DVC, with dvc": 6,
    "publish, LFS": 50,
    "publish, S3": 45,
    "publish, auto-merge": 40,
    "publish, first": 40,
    "publish, from a fork": 55,
    "publish, rejected": 30,
    "publish, signed": 40,
    "publish, superseding": 370,
    "publish, superseding, as a process": 8,
    "publish, superseding, with git": 6,
    "publish, unchanged": 20,
    "publish, update of a branch": 60,
    "reap": 110,
    "reap a runner": 9,
    "reap while it is busy": 32,
    "reap, as a preview": 7,
    "rerun": 62,
    "stop": 100,
    "stop in another region": 11,
    "stop three spot instances": 21,
}
LEAST_IN_ALL = 3000


@dataclass(kw_only=True)
class Part:
    """The injections of one test.

    Attributes:
        operation: The command and its circumstances, such as `launch, several regions`.
        name: Distinguishes the parts of an operation, such as the kind of fault.
        injected: (point, fault) of each run with a fault.
        fired: Those whose fault was met.
        orphans: A line for each thing that stayed, and each write that got lost or came twice.
    """

    operation: str
    name: str
    injected: set[tuple[str, str]] = field(default_factory=set)
    fired: set[tuple[str, str]] = field(default_factory=set)
    orphans: list[str] = field(default_factory=list)

    def add(self, point: object, fault: str, *, fired: bool, orphans: Iterable[object] = ()) -> None:
        """Count one run in which `fault` was to happen at `point`."""
        self.injected.add((str(point), fault))
        if fired:
            self.fired.add((str(point), fault))
        self.orphans += [f"{self.operation}: {fault} at {point}: {orphan}" for orphan in orphans]

    def write(self) -> None:
        PARTS.mkdir(parents=True, exist_ok=True)
        named = re.sub(r"[^a-z0-9]+", "-", f"{self.operation} {self.name}".lower())
        shown = {
            "operation": self.operation,
            "injected": sorted(self.injected),
            "fired": sorted(self.fired),
            "orphans": self.orphans,
        }
        (PARTS / f"{named}.json").write_text(json.dumps(shown))


def summed_up() -> dict[str, Any]:
    """Return the figures of each operation and of all; empty if no sweep has run. `build/fault-sweep.json` has them."""
    parts: dict[str, list[Any]] = {}
    for path in sorted(PARTS.glob("*.json")):
        part = json.loads(path.read_text())
        parts.setdefault(part["operation"], []).append(part)
    if not parts:
        return {}
    operations = {operation: _figures(found) for operation, found in sorted(parts.items())}
    totals = {name: sum(figures[name] for figures in operations.values()) for name in ("injections", "fired")}
    orphans = [orphan for figures in operations.values() for orphan in figures["orphans"]]
    summary = {**totals, "orphans": orphans, "operations": operations}
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _figures(parts: Iterable[Any]) -> dict[str, Any]:
    injected, fired, orphans = set(), set(), []
    for part in parts:
        injected |= {tuple(pair) for pair in part["injected"]}
        fired |= {tuple(pair) for pair in part["fired"]}
        orphans += part["orphans"]
    return {
        "points": len({point for point, _ in injected}),
        "faults": sorted({fault for _, fault in injected}),
        "injections": len(injected),
        "fired": len(fired),
        "orphans": orphans,
    }


def line(summary: Mapping[str, Any]) -> str:
    """Return the summary in one line."""
    return (
        f"Fault sweeps: {summary['injections']} distinct injections into {len(summary['operations'])} operations,"
        f" {summary['fired']} fired, {len(summary['orphans'])} orphans."
    )


def shortfalls(summary: Mapping[str, Any]) -> list[str]:
    """Return the operations with fewer injections than their floor; none if not all of the sweeps have run."""
    operations: Mapping[str, Any] = summary["operations"]
    if not FLOORS.keys() <= operations.keys():
        return []
    return [
        f"{operation}: {operations[operation]['injections']} distinct injections, of at least {floor}"
        for operation, floor in FLOORS.items()
        if operations[operation]["injections"] < floor
    ]
