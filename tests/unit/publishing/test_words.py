"""Title, body and commit message of a pull request, its annotations, and the words about what is left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath
from typing import Literal

import pytest

from cmlkit.errors import SettingsError
from cmlkit.forges.base import Annotation
from cmlkit.formats import number as shown
from cmlkit.gate.verdict import RuleResult, Verdict
from cmlkit.publishing import wording
from cmlkit.publishing.base_model import BaseModel
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.marker import marker_in
from cmlkit.publishing.plan import PublishPlan
from cmlkit.publishing.precedence import Place
from cmlkit.records.training_run import DataFingerprint
from cmlkit.report import SUMMARY_LENGTH, Report
from cmlkit.settings.schema import PublishSpec
from cmlkit.sinks.secrets import Secrets
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
        ("", 200, "m: rejected, accuracy 0.9 < 0.95"),
        ("", 20, "m: rejected, accura…"),
        ("{model} of\n run  {run} on {base}", 200, "model/m.joblib of run 100 on main"),
        ("{outcome}", 200, "rejected"),
    ],
)
def test_the_title_is_one_line_that_fits(plan: PublishPlan, template: str, longest: int, title: str) -> None:
    found = wording.title(plan, template, longest=longest)
    assert len(found) <= longest
    assert "\n" not in found
    assert found == title


def test_a_template_with_an_unknown_field_is_refused(plan: PublishPlan) -> None:
    with pytest.raises(SettingsError, match=r"publish\.title"):
        wording.title(plan, "{modle}", longest=200)


def test_the_body_begins_with_the_marker_and_has_run_branch_and_what_to_do(
    workshop: Workshop, plan: PublishPlan
) -> None:
    body = wording.body(plan, workshop.workflow_run("100"), template="Please look, {run}.", limits=LIMITS)
    assert marker_in(body.splitlines()[0]) == plan.marker
    parts = body.split("\n\n")
    assert parts[1] == "Please look, 100."
    assert parts[-1] == "**Merging makes this the first champion of `main`; closing leaves it without one.**"
    assert "[This run](https://forge.example/octo/forest/actions/runs/100)" in body
    assert "`cmlkit/main/100`" in body


# GitHub's limit, and those of forges that take less: Azure Repos takes 4,000 characters for a description.
@pytest.mark.parametrize("limit", [65_536, 35_536, 30_000, 4_000])
@pytest.mark.parametrize("template", ["Please look. " * 9_000, "Please look.\n\n" * 9_000], ids=["a line", "lines"])
def test_a_long_text_of_the_user_is_cut_and_says_so_whatever_the_forge_takes(
    workshop: Workshop, plan: PublishPlan, limit: int, template: str
) -> None:
    limits = dataclasses.replace(LIMITS, text=limit)
    body = wording.body(plan, workshop.workflow_run("100"), template=template, limits=limits)
    assert marker_in(body.splitlines()[0]) == plan.marker
    assert "\n\nPlease look." in body
    assert "too long for a pull request.*" in body
    assert body.endswith("without one.**")
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
    assert found.message == "accuracy >= 0.95 is not met: 0.9 < 0.95."


def test_rules_that_are_met_have_no_annotation(workshop: Workshop) -> None:
    plan = workshop.plan(workshop.trained(0.96), PublishSpec(), run_id="100", rules=("accuracy >= 0.95",))
    assert wording.rejections(plan, level="failure") == []


def test_the_title_without_a_template_has_model_and_verdict_without_its_full_stop(plan: PublishPlan) -> None:
    judged = dataclasses.replace(plan, verdict=Verdict(outcome="better", headline="Better by @ann."))
    assert wording.title(judged, longest=100) == "m: better by @ ann"
    assert wording.title(judged, longest=18) == "m: better by @ ann"
    assert wording.title(judged, longest=17) == "m: better by @ a…"


def test_a_title_or_a_body_may_have_each_field(workshop: Workshop, plan: PublishPlan) -> None:
    judged = dataclasses.replace(plan, verdict=Verdict(outcome="better", headline="Better."))
    template = "{model} {base} {branch} {run} {outcome} {headline}"
    words = "model/m.joblib main cmlkit/main/100 100 better Better."
    assert wording.title(judged, template, longest=200) == words
    body = wording.body(judged, workshop.workflow_run("100"), template=template, limits=LIMITS)
    assert body.split("\n\n")[1] == words


def test_the_body_is_marker_run_what_to_do_and_the_reason_for_another_branch(
    workshop: Workshop, plan: PublishPlan
) -> None:
    judged = dataclasses.replace(
        plan,
        verdict=Verdict(outcome="better", headline="Better."),
        destination=dataclasses.replace(plan.destination, pull_request=7),
        place=Place(branch="daily-1", kept="daily", reason="newer"),
        champion=BaseModel(metrics={}),
    )
    body = wording.body(judged, workshop.workflow_run("100"), limits=LIMITS)
    assert body.split("\n\n") == [
        str(plan.marker),
        (
            "[This run](https://forge.example/octo/forest/actions/runs/100) trained `model/m.joblib` and wrote it to"
            " `daily-1`. It is for #7, whose branch it changes."
        ),
        "**Merging makes this the champion; closing keeps today's.**",
        "`daily` has the model of a newer run, and stays as it is: this result is on `daily-1`.",
    ]


def test_a_long_headline_is_cut(workshop: Workshop, plan: PublishPlan) -> None:
    long = dataclasses.replace(plan, verdict=Verdict(outcome="better", headline="h" * 500))
    body = wording.body(long, workshop.workflow_run("100"), template="{headline}", limits=LIMITS)
    _, own, *_ = body.split("\n\n")
    assert ">" + "h" * 399 + "…<" in own


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_the_users_text_may_take_half_of_what_the_rest_leaves(
    workshop: Workshop, plan: PublishPlan, more: int, is_whole: bool
) -> None:
    def length(text: str) -> int:
        return len(wording.body(plan, workshop.workflow_run("100"), template=text, limits=LIMITS))

    others = length("x") - len("x") - len("\n\n" * 2)
    room = (LIMITS.text - others) // 2
    own = "x" * (room + more)
    body = wording.body(plan, workshop.workflow_run("100"), template=own, limits=LIMITS)
    assert (own in body) is is_whole


def test_a_template_of_the_body_that_is_malformed_is_named(workshop: Workshop, plan: PublishPlan) -> None:
    with pytest.raises(SettingsError, match=r"^The setting publish\.body, '\{'"):
        wording.body(plan, workshop.workflow_run("100"), template="{", limits=LIMITS)


def test_of_many_files_that_others_have_changed_twenty_are_named() -> None:
    assert wording.left_out({f"f{number:02}": "" for number in range(22)}) == (
        "Since the checkout, others have changed the same lines as this run: "
        + ", ".join(f"`f{number:02}` (deleted here)" for number in range(20))
        + ". The commit leaves their text as it is, and is not merged by itself."
    )


@pytest.mark.parametrize(("skip_ci", "end"), [(True, "\n\n[skip ci]\n"), (False, "\n")])
def test_the_commit_message_is_subject_verdict_metrics_and_run(
    workshop: Workshop, plan: PublishPlan, skip_ci: bool, end: str
) -> None:
    metrics = {f"m{number} [skip ci]": number / 8 for number in range(22)}
    run = dataclasses.replace(workshop.trained(0.9), metrics=metrics)
    judged = dataclasses.replace(plan, verdict=Verdict(outcome="better", headline="Better than #1."))
    message = wording.commit_message(run, judged, workshop.workflow_run("100"), skip_ci=skip_ci)
    subject, verdict, values, rest = message.split("\n\n", 3)
    assert (subject, verdict) == ("Retrain model/m.joblib", "Better than # 1.")
    assert values.split("\n") == [f"m{number} (skip ci): {shown(number / 8)}" for number in range(20)]
    assert rest == f"https://forge.example/octo/forest/actions/runs/100{end}"


def test_without_saying_so_a_commit_does_not_skip_ci(workshop: Workshop, plan: PublishPlan) -> None:
    message = wording.commit_message(workshop.trained(0.9), plan, workshop.workflow_run("100"))
    assert message.endswith("/actions/runs/100\n")


@pytest.mark.parametrize(("store", "files"), [("git", ()), ("lfs", ("a", "b"))])
def test_the_report_has_what_the_plan_decided_and_the_base_models_parameters_and_data(
    workshop: Workshop, plan: PublishPlan, store: str, files: tuple[str, ...]
) -> None:
    data = (DataFingerprint(path="data.csv", sha256="d" * 64, size=1),)
    champion = BaseModel(metrics={}, sha256="c" * 64, parameters={"depth": 3}, data=data)
    notes = {"plot.png": "it is not in PNG format"}
    run, workflow_run = workshop.trained(0.9), workshop.workflow_run("100")
    compared = dataclasses.replace(plan, champion=champion, plot_notes=notes, prefix=PurePosixPath("pkg"))
    found = wording.report(
        run,
        compared,
        workflow_run,
        files=[CommitFile(path=path, role="extra", content=b"") for path in files],
        **({} if store == "git" else {"store": store}),
    )
    assert found == Report(
        run=run,
        verdict=plan.verdict,
        workflow_run=workflow_run,
        base="main",
        branch="cmlkit/main/100",
        folder="pkg",
        store=store,
        plot_notes=notes,
        addresses=FACTS.addresses,
        champion_published={},
        champion_parameters={"depth": 3},
        is_rescored=False,
        champion_data=data,
        files=(*files, "model/m.joblib.md") if files else (),
    )
    first = wording.report(run, plan, workflow_run)
    assert (first.champion_parameters, first.champion_data, first.is_rescored) == (None, None, False)


def test_the_report_of_what_is_not_published_names_no_branch(workshop: Workshop, plan: PublishPlan) -> None:
    run = dataclasses.replace(workshop.trained(0.9), parameters={f"p{number}": "x" * 60 for number in range(5_000)})
    page = wording.unpublished(run, plan, workshop.workflow_run("100"))
    assert page == dataclasses.replace(wording.report(run, plan, workshop.workflow_run("100")), branch="").markdown(
        limit=SUMMARY_LENGTH
    )
    assert "cmlkit/main/100" not in page


@pytest.fixture
def plotted(workshop: Workshop) -> tuple[Report, PublishPlan]:
    """The report of a training with plots, one of them kept by DVC, in a folder of the repository."""
    run = dataclasses.replace(workshop.trained(0.9), plots=("model/é #1.png", "out/b.png", "kept.png"))
    plan = workshop.plan(workshop.trained(0.9), PublishSpec(), run_id="100")
    files = [CommitFile(path=f"pkg/{path}", role="plot", content=b"") for path in ("model/é #1.png", "out/b.png")]
    marker = dataclasses.replace(plan.marker, subject="pkg/model/m.joblib")
    plan = dataclasses.replace(plan, prefix=PurePosixPath("pkg"), files=tuple(files), marker=marker)
    return wording.report(run, plan, workshop.workflow_run("100")), plan


def test_the_report_in_the_commit_is_beside_the_model_and_shows_plots_by_relative_paths(
    plotted: tuple[Report, PublishPlan],
) -> None:
    report, plan = plotted
    found = wording.report_file(report, plan)
    assert (found.path, found.role) == ("pkg/model/m.joblib.md", "report")
    text = found.content.decode()
    assert "](%C3%A9%20%231.png)" in text
    assert "](../out/b.png)" in text
    assert "](kept.png)" not in text
    images = {"model/é #1.png": "%C3%A9%20%231.png", "out/b.png": "../out/b.png"}
    assert text == dataclasses.replace(report, images=images).markdown(limit=SUMMARY_LENGTH)


def test_the_report_in_the_commit_has_no_secrets_and_no_halves_of_code_points(
    plotted: tuple[Report, PublishPlan],
) -> None:
    report, plan = plotted
    told = dataclasses.replace(report, run=dataclasses.replace(report.run, command="train --key s3cr3t-value \udc80"))
    text = wording.report_file(told, plan, Secrets.of({"API_TOKEN": "s3cr3t-value"})).content.decode()
    assert "s3cr3t-value" not in text
    assert "--key" in text


def test_the_report_outside_of_the_commit_shows_plots_by_its_id(plotted: tuple[Report, PublishPlan]) -> None:
    report, plan = plotted
    found = wording.of_commit(report, plan, "c" * 40)
    root = f"toy://forge/octo/forest/i/{'c' * 40}/pkg"
    assert found == dataclasses.replace(
        report,
        commit="c" * 40,
        images={"model/é #1.png": f"{root}/model/%C3%A9%20%231.png", "out/b.png": f"{root}/out/b.png"},
    )


FAILED = RuleResult(
    text="accuracy >= 0.95", metric="accuracy", passed=False, value=0.9, threshold=0.95, margin=-0.05,
    comparison="0.9 < 0.95",
)  # fmt: skip
METRICS_FILE = CommitFile(path=METRICS, role="metrics", content=b"\xff\naccuracy: 0.9\n")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (FAILED, "accuracy >= 0.95 is not met: 0.9 < 0.95."),
        (
            dataclasses.replace(FAILED, text="accuracy >= champion - 1", expression="champion 1.95 − 1"),
            "accuracy >= champion - 1 is not met: 0.9 < 0.95 (champion 1.95 − 1).",
        ),
        (
            dataclasses.replace(FAILED, value=None, comparison="", reason="training did not report it"),
            "accuracy >= 0.95 is not met: training did not report it.",
        ),
        (dataclasses.replace(FAILED, passed=True), ""),
        (dataclasses.replace(FAILED, passed=None), ""),
    ],
)
@pytest.mark.parametrize("level", ["warning", "failure"])
def test_only_a_rule_that_failed_has_an_annotation_with_its_numbers_or_the_reason(
    plan: PublishPlan, result: RuleResult, message: str, level: Literal["warning", "failure"]
) -> None:
    others = [CommitFile(path="m.json", role="manifest", content=b"accuracy")]
    verdict = Verdict(
        outcome="rejected", headline="Rejected.", rules=(dataclasses.replace(FAILED, passed=True), result)
    )
    judged = dataclasses.replace(plan, verdict=verdict, files=(*others, METRICS_FILE))
    expected = Annotation(path=METRICS, line=2, level=level, title="accuracy failed the gate", message=message)
    assert wording.rejections(judged, level=level) == ([expected] if message else [])


def test_without_a_metrics_file_there_is_no_place_for_an_annotation(plan: PublishPlan) -> None:
    assert wording.rejections(dataclasses.replace(plan, files=()), level="failure") == []
