"""Title, body and commit message of a pull request, its annotations, and the words about what is left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.publishing import wording
from cmlkit.publishing.marker import marker_in
from cmlkit.publishing.plan import PublishPlan
from cmlkit.publishing.precedence import Place
from cmlkit.settings.schema import PublishSpec
from tests.toys.forge import FACTS
from tests.unit.publishing.in_memory import METRICS, Workshop

# As GitHub's: a body has room for a report besides the user's own text.
LIMITS = dataclasses.replace(FACTS.limits, text=65_536)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(directory=tmp_path)


@pytest.fixture
def plan(workshop: Workshop) -> PublishPlan:
    return workshop.plan(workshop.trained(0.9), PublishSpec(), run_id="100", rules=("accuracy >= 0.95",))


@pytest.mark.parametrize(
    ("template", "longest", "title"),
    [
        ("", 200, "Retrain m: rejected: accuracy >= 0.95 is not met (0.9)"),
        ("", 20, "Retrain m: rejected…"),
        ("{model} of\n run  {run} on {base}", 200, "model/m.joblib of run 100 on main"),
        ("{outcome}", 200, "rejected"),
    ],
)
def test_the_title_is_one_line_that_fits(plan: PublishPlan, template: str, longest: int, title: str) -> None:
    found = wording.title(plan, template, longest=longest)
    assert len(found) <= longest
    assert "\n" not in found
    if template or longest == 20:
        assert found == title
    else:
        assert found.startswith("Retrain m: rejected")


def test_a_template_with_an_unknown_field_is_refused(plan: PublishPlan) -> None:
    with pytest.raises(SettingsError, match=r"publish\.title"):
        wording.title(plan, "{modle}", longest=200)


def test_the_body_begins_with_the_marker_and_has_verdict_run_and_branch(workshop: Workshop, plan: PublishPlan) -> None:
    body = wording.body(
        plan, workshop.workflow_run("100"), template="Please look, {run}.", note="A note.", limits=LIMITS
    )
    assert marker_in(body.splitlines()[0]) == plan.marker
    parts = body.split("\n\n")
    assert parts[1] == "Please look, 100."
    assert parts[-1] == "A note."
    assert "[This run](https://forge.example/octo/forest/actions/runs/100)" in body
    assert "`cmlkit/main/100`" in body


# GitHub's limit, and those of forges that take less: Azure Repos takes 4,000 characters for a description.
@pytest.mark.parametrize("limit", [65_536, 35_536, 30_000, 4_000])
@pytest.mark.parametrize("template", ["Please look. " * 9_000, "Please look.\n\n" * 9_000], ids=["a line", "lines"])
def test_a_long_text_of_the_user_is_cut_and_says_so_whatever_the_forge_takes(
    workshop: Workshop, plan: PublishPlan, limit: int, template: str
) -> None:
    limits = dataclasses.replace(LIMITS, text=limit)
    body = wording.body(plan, workshop.workflow_run("100"), template=template, note="A note.", limits=limits)
    assert marker_in(body.splitlines()[0]) == plan.marker
    assert "\n\nPlease look." in body
    assert "too long for a pull request.*" in body
    assert body.endswith("A note.")
    assert limit // 4 < len(body) < limit * 3 // 4 + 1_000, "half of it is for the report"
    short = wording.body(plan, workshop.workflow_run("100"), template="Please look.", limits=limits)
    assert "\n\nPlease look.\n\n" in short


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"place": Place(branch="daily-1", kept="daily", reason="newer")}, "`daily` has the model of a newer run"),
        ({"place": Place(branch="daily-1", kept="#4", reason="accepted")}, "#4 has a model that the gate accepted"),
    ],
)
def test_the_body_says_why_the_branch_is_another(
    workshop: Workshop, plan: PublishPlan, changes: dict[str, Place], words: str
) -> None:
    body = wording.body(dataclasses.replace(plan, **changes), workshop.workflow_run("100"), limits=LIMITS)  # type: ignore[arg-type]
    assert words in body


def test_the_body_names_the_pull_request_whose_branch_it_changes(workshop: Workshop, plan: PublishPlan) -> None:
    destined = dataclasses.replace(plan, destination=dataclasses.replace(plan.destination, pull_request=7))
    assert "It is for #7" in wording.body(destined, workshop.workflow_run("100"), limits=LIMITS)


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ({}, []),
        ({"a": "https://x/a"}, ["`a` ([its version here](https://x/a))"]),
        ({"a": "", "b": "https://x/b"}, ["`a` (deleted here), `b` (["]),
    ],
)
def test_files_that_others_have_changed_are_named_with_the_runs_own_version(
    versions: dict[str, str], words: list[str]
) -> None:
    found = wording.left_out(versions)
    assert bool(found) is bool(versions)
    assert all(word in found for word in words)


@pytest.mark.parametrize("skip_ci", [True, False])
def test_the_commit_message_has_verdict_metrics_and_run(workshop: Workshop, plan: PublishPlan, skip_ci: bool) -> None:
    message = wording.commit_message(workshop.trained(0.9), plan, workshop.workflow_run("100"), skip_ci=skip_ci)
    assert message.startswith("Retrain model/m.joblib\n\n")
    assert "accuracy: 0.9" in message
    assert message.endswith("[skip ci]\n") is skip_ci


def test_a_rule_that_is_not_met_is_an_annotation_at_its_metric(plan: PublishPlan) -> None:
    [found] = wording.rejections(plan, level="failure")
    assert (found.path, found.line, found.level, found.title) == (METRICS, 1, "failure", "accuracy failed the gate")
    assert found.message == "accuracy is 0.9; the rule is accuracy >= 0.95 (that is 0.95, missed by 0.05)."


def test_rules_that_are_met_have_no_annotation(workshop: Workshop) -> None:
    plan = workshop.plan(workshop.trained(0.96), PublishSpec(), run_id="100", rules=("accuracy >= 0.95",))
    assert wording.rejections(plan, level="failure") == []
