"""The report before anything is published: compared with the forge's base branch, in memory."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cmlkit.data.drift import profile
from cmlkit.errors import ServiceError
from cmlkit.forges.base import Changes, NewFile
from cmlkit.model.file import write_manifest
from cmlkit.publishing.preview import Base, Uncompared, find_base, preview
from cmlkit.records.training_run import DataFingerprint, Rescored, TrainingRun
from cmlkit.records.workflow_run import Trigger, WorkflowRun
from cmlkit.report import SUMMARY_LENGTH
from cmlkit.settings.schema import GateSpec
from tests.unit.publishing.in_memory import METRICS, MODEL, ToldForge, Workshop

DATA = DataFingerprint(path="data.csv", sha256="ab" * 32, size=100, rows=10, columns=2)
PROFILES = f"{MODEL}.profiles.json"


class PastForge(ToldForge):
    """A forge that knows the commits that changed a file, unless it is away."""

    outage: ServiceError | None = None

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        if self.outage:
            raise self.outage
        return [name for name, commit in self.commits.items() if path in commit.files][::-1][:limit]


@dataclass
class Desk:
    """A training in `sub` of a checkout, and the base branch that it is compared with."""

    directory: Path
    forge: PastForge = field(default_factory=lambda: PastForge("octo/forest"))
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forge.start({})

    def trained(self, accuracy: float, **changes: Any) -> TrainingRun:
        run = Workshop(directory=self.directory).trained(accuracy)
        return dataclasses.replace(run, **changes)

    def champion(self, accuracy: float, *, depth: int = 5) -> str:
        """Let the base branch have a model with this accuracy; return its hash."""
        self.trained(accuracy)
        manifest = write_manifest(
            self.directory / MODEL, metrics={"accuracy": accuracy}, parameters={"max_depth": depth}, data=[DATA]
        )
        self.commit({path: (self.directory / path).read_bytes() for path in (MODEL, f"{MODEL}.json", METRICS)})
        return manifest.sha256

    def commit(self, files: dict[str, bytes]) -> None:
        changes = Changes(
            message="M", files=[NewFile(path=f"sub/{path}", content=content) for path, content in files.items()]
        )
        self.forge.commit(changes, branch="main", parent=self.forge.branches["main"], is_new=False)

    def preview(self, run: TrainingRun, *rules: str, base: Base | Uncompared | None = None) -> str:
        head = self.forge.branches["main"]
        return preview(
            run,
            gate=GateSpec.of_rules(rules),
            base=base or Base(branch="main", head=head, files=self.forge),
            directory=self.directory,
            prefix=PurePosixPath("sub"),
            workflow_run=WorkflowRun(repository="octo/forest", run_id="100"),
            warn=self.warnings.append,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(directory=tmp_path)


def test_a_training_is_compared_with_the_base_branch_and_with_what_that_had_before(desk: Desk) -> None:
    for accuracy in (0.8, 0.9):
        desk.champion(accuracy)
    other = dataclasses.replace(DATA, sha256="cd" * 32, size=200, rows=20)
    page = desk.preview(desk.trained(0.95, parameters={"max_depth": 7}, data=(other,)), "accuracy >= champion")
    for shown in (
        "| 0.9 | **0.95**<br>▲",
        "0.95 ≥ 0.9 (champion 0.9)",
        "which may have had other test data",
        "line [0.8, 0.9, 0.95]",
        "| max_depth | `5` | `7` |",
        "| `data.csv` | 20 | 2 | 200 B | `cdcdcdcdcdcd` | +10 rows |",
        "cd sub\npython train.py",
        "[run 100](https://github.com/octo/forest/actions/runs/100)",
    ):
        assert shown in page
    assert page.endswith("\n\n> Compared with `main` at `000000000000`.\n")
    assert desk.warnings == []


def test_a_champion_that_training_has_rescored_has_its_value_on_the_same_data(desk: Desk) -> None:
    sha256 = desk.champion(0.9)
    rescored = Rescored(champion=sha256, metrics={"accuracy": 0.7})
    page = desk.preview(desk.trained(0.95, rescored=rescored))
    assert "| 0.7 | **0.95**<br>▲" in page
    assert "Both models were scored on the same test data." in page


def test_without_a_model_on_the_base_branch_it_is_the_first(desk: Desk) -> None:
    page = desk.preview(desk.trained(0.95), "accuracy >= 0.9")
    assert page.startswith("## 🆕 First model")
    assert page.endswith("> Compared with `main` at `000000000000`.\n")
    assert "History" not in page


def test_a_clones_branch_is_as_old_as_its_last_fetch(desk: Desk) -> None:
    base = Base(branch="main", head=desk.forge.branches["main"], files=desk.forge, is_fetched=True)
    assert desk.preview(desk.trained(0.95), base=base).endswith("at `000000000000`, as last fetched.\n")


def test_the_champion_may_have_nothing_but_metrics(desk: Desk) -> None:
    desk.commit({METRICS: b"accuracy: 0.9\n"})
    page = desk.preview(desk.trained(0.95, parameters={"max_depth": 7}))
    assert "| 0.9 | **0.95**<br>▲" in page
    assert "| max_depth | `7` |" in page


def test_profiles_beside_the_champions_manifest_show_how_the_data_has_drifted(desk: Desk) -> None:
    small, large = ([number + shift for number in range(200)] for shift in (0.0, 1_000.0))
    before, now = (
        dataclasses.replace(DATA, sha256=sha * 32, profiles={"width": profile(values)})
        for sha, values in (("ab", small), ("cd", large))
    )
    desk.trained(0.9)
    write_manifest(desk.directory / MODEL, metrics={"accuracy": 0.9}, parameters={}, data=[before])
    desk.commit({path: (desk.directory / path).read_bytes() for path in (f"{MODEL}.json", PROFILES)})
    assert "width" in desk.preview(desk.trained(0.95, data=(now,)))


def test_a_champion_and_a_history_that_cannot_be_read_are_told(desk: Desk) -> None:
    desk.commit({f"{MODEL}.json": b"{"})
    assert desk.preview(desk.trained(0.95)).startswith("## 🆕")
    [warning] = desk.warnings
    assert f"sub/{MODEL}.json on the base branch" in warning
    desk.champion(0.9)
    desk.forge.outage = ServiceError("GitHub is away.")
    assert "History" not in desk.preview(desk.trained(0.95))
    assert desk.warnings[1:] == ["The report has no history of the metrics: GitHub is away."]


def test_metrics_that_dvc_keeps_for_the_base_branch_and_does_not_give_are_told(desk: Desk) -> None:
    desk.commit(
        {
            "dvc.yaml": b"stages: {train: {cmd: python train.py, metrics: [model/metrics.txt]}}",
            "dvc.lock": b"stages: {train: {outs: [{path: model/metrics.txt, hash: md5, md5: %s, size: 9}]}}"
            % (b"ab" * 16),
        }
    )
    assert desk.preview(desk.trained(0.95)).startswith("## 🆕")
    [warning] = desk.warnings
    assert warning.startswith(f"sub/{METRICS} of the base branch is not read: ")
    assert "None" not in warning


@pytest.mark.parametrize(
    ("rule", "headline"),
    [("accuracy >= 0.9", "## ❔ Not compared: no token is set"), ("accuracy >= 0.99", "## ❌ Rejected")],
)
def test_what_cannot_be_compared_is_not_the_first_model_and_may_still_be_rejected(
    desk: Desk, rule: str, headline: str
) -> None:
    page = desk.preview(desk.trained(0.95), rule, base=Uncompared(reason="no token is set"))
    assert page.startswith(headline)
    assert page.endswith("\n\n> Not compared: no token is set.\n")
    assert "first model" not in page


def test_a_long_reason_is_cut_and_is_no_markup(desk: Desk) -> None:
    page = desk.preview(desk.trained(0.95), base=Uncompared(reason="<b>" + "x" * 500))
    shown = page.rpartition('">')[2]
    assert shown.startswith("Not compared: &#60;b&#62;xxx")
    assert shown.endswith("x…</abbr>\n")
    assert len(shown.removesuffix("</abbr>\n").replace("&#60;", "<").replace("&#62;", ">")) == 400


@pytest.mark.parametrize("excess", [0, 1])
def test_the_page_with_its_note_fits_a_jobs_summary(desk: Desk, excess: int) -> None:
    run = desk.trained(0.95, command="python train.py ")
    room = SUMMARY_LENGTH - len(desk.preview(run)) + excess
    page = desk.preview(dataclasses.replace(run, command=f"{run.command}{'x' * room}"))
    assert ("python train.py" in page) is (not excess)
    assert (len(page) == SUMMARY_LENGTH) is (not excess)
    assert len(page) <= SUMMARY_LENGTH


def test_the_base_is_the_one_on_the_forge(desk: Desk) -> None:
    desk.forge.create_branch("develop", desk.forge.branches["main"])
    desk.champion(0.9)
    heads = desk.forge.branches
    run = WorkflowRun(
        repository="octo/forest", run_id="1", event="push", trigger=Trigger(kind="branch", branch="develop")
    )
    for workflow_run, named, branch in ((run, "", "develop"), (run, "main", "main")):
        found = find_base(
            desk.forge, workflow_run=workflow_run, named=named, directory=desk.directory, warn=desk.warnings.append
        )
        assert found == Base(branch=branch, head=heads[branch], files=desk.forge)
    assert desk.warnings == []
