"""Commands: the cost of cmlkit's checks, retries and messages, beside a bare script with the same requests."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping

from benchmarks.measuring import Part, Program, Target, Usage, compared, in_turn
from benchmarks.site import CMLKIT, FLOORS, PNG, Checkout, Site, site
from cmlkit_sandbox.github import trips

ROUNDS = 9
PLOTS = 3
LATENCIES_SECONDS = (0.0, 0.05, 0.2)
LATENCY_ROUNDS = 3
DEEPEST = 6

Sides = Mapping[str, Callable[[], Usage]]


def measure() -> Part:
    """Measure help, comment, check, asset and publish, each against its floor."""
    with site() as here:
        pairs = {
            "cmlkit --help": (_help(), 1.5),
            "comment create": (_comment(here), 1.3),
            "check create": (_check(here), 1.3),
            "asset publish": (_asset(here), 1.3),
        }
        taken = {what: (in_turn(sides, rounds=ROUNDS), limit) for what, (sides, limit) in pairs.items()}
        published = [_published(here, latency) for latency in LATENCIES_SECONDS]
    rows = [compared(what, sides["ours"], sides["floor"]) for what, (sides, _) in taken.items()]
    targets = [
        Target(what=what, value=sides["ours"].wall / sides["floor"].wall, limit=limit, unit="times the floor")
        for what, (sides, limit) in taken.items()
    ]
    deepest = Target(what="A first publish: round trips", value=float(str(published[-1]["trips"])), limit=DEEPEST)
    return Part(rows=[*rows, *published], targets=[*targets, deepest])


def _published(here: Site, latency: float) -> dict[str, object]:
    """Return the row of a first publish at which each request takes so many seconds."""
    counts: dict[str, tuple[int, int]] = {}

    def counted(side: str, run: Callable[[], Usage]) -> Usage:
        before = len(here.github.requests)
        usage = run()
        sent = here.github.requests[before:]
        counts[side] = trips(sent), len(sent)
        return usage

    here.github.latency = latency
    sides = {side: functools.partial(counted, side, run) for side, run in _publish(here).items()}
    usages = in_turn(sides, rounds=LATENCY_ROUNDS)
    here.github.latency = 0.0
    what = f"publish: model of 1 MB, metrics, {PLOTS} plots; {latency * 1000:.0f} ms a request"
    (ours, ours_sent), (floor, floor_sent) = counts["ours"], counts["floor"]
    more = {"trips": ours, "floor_trips": floor, "requests": ours_sent, "floor_requests": floor_sent}
    return {**compared(what, usages["ours"], usages["floor"]), **more}


def _help() -> Sides:
    ours = Program(argv=[CMLKIT, "--help"])
    floor = Program(argv=[sys.executable, str(FLOORS / "nothing.py"), "--help"])
    return {"ours": ours.run, "floor": floor.run}


def _comment(here: Site) -> Sides:
    return {
        "ours": lambda: _with_report(here).cmlkit("comment", "create", "--target", "commit", "report.md").run(),
        "floor": lambda: _with_report(here).floor("comment", "report.md").run(),
    }


def _check(here: Site) -> Sides:
    return {
        "ours": lambda: _with_report(here).cmlkit("check", "create", "report.md").run(),
        "floor": lambda: _with_report(here).floor("check", "report.md").run(),
    }


def _asset(here: Site) -> Sides:
    def prepared() -> Checkout:
        checkout = here.checkout()
        image = checkout.directory / "plot.png"
        image.write_bytes(PNG + b"the first")
        checkout.cmlkit("asset", "publish", "plot.png").run()
        image.write_bytes(PNG + bytes(range(256)) * 400)
        return checkout

    return {
        "ours": lambda: prepared().cmlkit("asset", "publish", "plot.png").run(),
        "floor": lambda: prepared().floor("asset", "plot.png").run(),
    }


def _publish(here: Site) -> Sides:
    def prepared() -> Checkout:
        checkout = here.checkout()
        checkout.train(model_bytes=1_000_000, plots=PLOTS)
        return checkout

    def floor() -> Usage:
        checkout = prepared()
        (checkout.directory / "report.md").write_text("# A report\n" * 40, encoding="utf-8")
        plots = [f"model/{number}.png" for number in range(PLOTS)]
        files = ["model/m.joblib", "model/m.joblib.json", "model/metrics.txt", *plots, "report.md"]
        return checkout.floor("fewest", "cmlkit/main/1", *files).run()

    return {"ours": lambda: prepared().cmlkit("publish").run(), "floor": floor}


def _with_report(here: Site) -> Checkout:
    checkout = here.checkout()
    (checkout.directory / "report.md").write_text("# A report\n" * 40, encoding="utf-8")
    return checkout
