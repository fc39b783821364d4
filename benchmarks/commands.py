"""Commands: the cost of cmlkit's checks, retries and messages, beside a bare script with the same requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from benchmarks.measuring import MIB, Part, Program, Target, Usage, compared, in_turn
from benchmarks.site import CMLKIT, FLOORS, PNG, Checkout, Site, site

ROUNDS = 9
# CML 0.20 on a machine of this size: seconds and MiB of a comment, seconds of publishing in three processes.
CML_COMMENT_SECONDS, CML_COMMENT_MIB, CML_STAGE_SECONDS = 0.95, 152, 3.5
PLOTS = 3

Sides = Mapping[str, Callable[[], Usage]]


def measure() -> Part:
    """Measure help, comment, check, asset and publish, each against its floor."""
    with site() as here:
        pairs = {
            "cmlkit --help": (_help(), 1.5),
            "comment create": (_comment(here), 1.3),
            "check create": (_check(here), 1.3),
            "asset publish": (_asset(here), 1.3),
            f"publish: model of 1 MB, metrics, {PLOTS} plots": (_publish(here), 1.5),
        }
        taken = {what: (in_turn(sides, rounds=ROUNDS), limit) for what, (sides, limit) in pairs.items()}
    rows = [compared(what, sides["ours"], sides["floor"]) for what, (sides, _) in taken.items()]
    targets = [
        Target(what=what, value=sides["ours"].wall / sides["floor"].wall, limit=limit, unit="times the floor")
        for what, (sides, limit) in taken.items()
    ]
    comment, stage = taken["comment create"][0]["ours"], list(taken.values())[-1][0]["ours"]
    return Part(rows=rows, targets=[*targets, *_beside_cml(comment, stage)])


def _beside_cml(comment: Usage, stage: Usage) -> list[Target]:
    return [
        Target(
            what=f"A comment: times faster than CML's {CML_COMMENT_SECONDS} s",
            value=CML_COMMENT_SECONDS / comment.wall,
            limit=3,
            at_least=True,
        ),
        Target(
            what=f"A comment's memory, under half of CML's {CML_COMMENT_MIB} MB",
            value=comment.memory / MIB,
            limit=CML_COMMENT_MIB / 2,
            unit="MiB",
        ),
        Target(
            what=f"The publishing stage: times faster than CML's {CML_STAGE_SECONDS} s",
            value=CML_STAGE_SECONDS / stage.wall,
            limit=4,
            at_least=True,
        ),
    ]


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
        return checkout.floor("publish", "cmlkit/main/1", *files).run()

    return {"ours": lambda: prepared().cmlkit("publish").run(), "floor": floor}


def _with_report(here: Site) -> Checkout:
    checkout = here.checkout()
    (checkout.directory / "report.md").write_text("# A report\n" * 40, encoding="utf-8")
    return checkout
