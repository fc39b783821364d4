"""Runs that publish out of order: whose model a branch has, and what the other run does, in the sandbox's GitHub."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import GateRejected
from cmlkit.publishing.publication import Publication
from cmlkit.settings.schema import PublishSpec
from tests.integration.project import MANIFEST, METRICS, MODEL, Project, RecordedProgress, project

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow

RULE = ["accuracy >= 0.8"]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


@dataclasses.dataclass(frozen=True)
class State:
    """What readers of a pull request see, and what merging it would bring."""

    title: str
    body: str
    draft: bool
    state: str
    head: str
    model: str
    metrics: str
    manifest: str
    comments: tuple[str, ...]


@dataclasses.dataclass
class Overtaking(RecordedProgress):
    """Does something when the first commit begins."""

    act: Callable[[], object] | None = None

    @contextmanager
    def stage(self, title: str) -> Iterator[Any]:
        if title == "Commit the result" and self.act is not None:
            act, self.act = self.act, None
            act()
        yield self.notes.append


def state(there: Project, number: int) -> State:
    pull = there.repository.issues[number]
    model, metrics, manifest = (there.git("show", f"{pull.head}:{path}") for path in (MODEL, METRICS, MANIFEST))
    return State(
        title=pull.title,
        body=pull.body,
        draft=pull.draft,
        state=pull.state,
        head=there.head(pull.head),
        model=model,
        metrics=metrics,
        manifest=manifest,
        comments=tuple(there.comments(number)),
    )


def publish(there: Project, accuracy: float, run_id: str, *, attempt: int = 1, **spec: Any) -> Publication:
    spec = {"on_existing": "update", **spec}
    return there.publish(there.trained(accuracy), run_id=run_id, attempt=attempt, rules=RULE, **spec)


def assert_holds(there: Project, published: Publication, accuracy: float, *, draft: bool) -> None:
    assert published.pull_request_number is not None
    found = state(there, published.pull_request_number)
    assert (found.model, found.metrics) == (f"model of {accuracy}", f"accuracy: {accuracy}\n")
    assert json.loads(found.manifest)["metrics"] == {"accuracy": accuracy}
    assert (found.draft, found.state, found.head) == (draft, "open", published.commit_sha)
    assert f"{accuracy}" in found.title
    assert f"**{accuracy}**" in found.comments[-1]


@pytest.mark.parametrize("accuracy", [0.85, 0.30])
def test_an_older_run_that_is_run_again_leaves_the_newer_ones_pull_request_as_it_is(
    there: Project, accuracy: float
) -> None:
    """Its own model is kept, on a branch and in a pull request of its own."""
    publish(there, 0.9, "100")
    newer = publish(there, 0.99, "101")
    before = state(there, 1)
    older = publish(there, accuracy, "100", attempt=2)
    assert state(there, 1) == before
    assert_holds(there, newer, 0.99, draft=False)
    assert older.branch == "cmlkit/main/100-2"
    assert_holds(there, older, accuracy, draft=accuracy < 0.8)
    said = "#1 has the model of a newer run, and stays as it is: this result is on"
    assert f"{said} cmlkit/main/100-2." in there.progress.warnings
    assert f"{said} `cmlkit/main/100-2`." in there.repository.issues[2].body
    assert older.report.startswith(f"> {said}")


def test_a_rejected_model_gets_a_draft_beside_the_accepted_one_and_both_go_on(there: Project) -> None:
    accepted = publish(there, 0.9, "100")
    before = state(there, 1)
    rejected = publish(there, 0.3, "101")
    assert state(there, 1) == before
    assert_holds(there, rejected, 0.3, draft=True)
    with pytest.raises(GateRejected):
        rejected.raise_if_rejected(PublishSpec())
    assert publish(there, 0.4, "102").branch == rejected.branch
    assert publish(there, 0.95, "103").branch == accepted.branch
    assert there.open_pulls() == [1, 2]


def test_an_accepted_model_takes_the_place_of_a_rejected_one(there: Project) -> None:
    publish(there, 0.3, "100")
    accepted = publish(there, 0.9, "101")
    assert accepted.pull_request_number == 1
    assert_holds(there, accepted, 0.9, draft=False)


def test_an_older_run_on_a_branch_that_is_named_without_the_run_leaves_it_to_the_newer_one(there: Project) -> None:
    publish(there, 0.99, "101", branch="models", on_existing="keep")
    before = state(there, 1)
    older = publish(there, 0.30, "100", branch="models", on_existing="keep")
    assert state(there, 1) == before
    assert older.branch == "models-100-1"
    assert_holds(there, older, 0.30, draft=True)
    assert older.report.startswith("> `models` has the model of a newer run")
    # Trying again finds what is there.
    again = publish(there, 0.30, "100", branch="models", on_existing="keep")
    assert (again.commit_sha, again.pull_request_number) == (older.commit_sha, older.pull_request_number)


def test_a_rejected_model_closes_no_accepted_ones_pull_request(there: Project) -> None:
    publish(there, 0.9, "100", on_existing="supersede")
    publish(there, 0.3, "101", on_existing="supersede")
    rejected = publish(there, 0.4, "102", on_existing="supersede")
    assert rejected.superseded == (2,)
    assert there.open_pulls() == [1, 3]
    assert publish(there, 0.95, "103", on_existing="supersede").superseded == (3, 1)


def test_a_pull_request_of_before_whose_manifest_has_no_verdict_is_judged_by_its_text(there: Project) -> None:
    publish(there, 0.99, "101", branch="models")
    manifest = json.loads(there.git("show", f"models:{MANIFEST}"))
    assert manifest.pop("verdict") == {"outcome": "first", "failed": [], "run": "101", "attempt": 1}
    there.commit_to("models", {MANIFEST: json.dumps(manifest)})
    for run_id, accuracy in (("100", 0.9), ("102", 0.3)):
        assert publish(there, accuracy, run_id, branch="models").branch == f"models-{run_id}-1"


def test_a_newer_run_that_writes_between_plan_and_commit_keeps_the_branch(there: Project) -> None:
    publish(there, 0.9, "100", branch="models")
    other = Project(github=there.github, directory=there.directory.parent / "other")
    there.progress = Overtaking(act=lambda: publish(other, 0.99, "102", branch="models"))
    older = publish(there, 0.95, "101", attempt=2, branch="models")
    assert there.git("show", f"models:{MODEL}") == "model of 0.99"
    assert older.branch == "models-101-2"
    assert_holds(there, older, 0.95, draft=False)


def test_an_older_run_is_not_merged_by_itself(there: Project) -> None:
    publish(there, 0.99, "101")
    publish(there, 0.9, "100", attempt=2, on_existing="supersede", auto_merge="squash")
    assert there.open_pulls() == [1, 2]
    assert any("a newer run has published a model" in warning for warning in there.progress.warnings)
    there.merge(1)
    publish(there, 0.995, "99", attempt=2, auto_merge="squash")
    assert there.open_pulls() == [2, 3]
