"""The issue about failed runs: one of them, our own, for scheduled runs, and closed by the next success."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cmlkit.forges.base import Issue
from cmlkit.forges.workflows import Job
from cmlkit.publishing.failure_issue import SHOWN_RUNS, FailureTold, tell_of_failures
from cmlkit.records.workflow_run import WorkflowRun

RUN = WorkflowRun(repository="octo/forest", run_id="7", workflow="Train on EC2", event="schedule")
TRAINED = Job(runner_name="cmlkit-7", name="Train and publish", is_over=True, conclusion="success")
FAILED = replace(TRAINED, conclusion="failure")
STOPS = Job(runner_name="", name="Terminate the instance", is_over=False)


@dataclass
class Forge:
    """A forge with issues, those of others included."""

    open: list[Issue] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def login(self) -> str:
        return "github-actions[bot]"

    def issues(self) -> list[Issue]:
        return list(self.open)

    def create_issue(self, *, title: str, body: str) -> Issue:
        self.titles.append(title)
        self.open.append(Issue(number=len(self.titles), url="https://issue", body=body, author=self.login()))
        return self.open[-1]

    def update_body(self, number: int, body: str) -> None:
        self.open = [replace(issue, body=body) if issue.number == number else issue for issue in self.open]

    def close_issue(self, number: int) -> None:
        self.open = [issue for issue in self.open if issue.number != number]

    def create_comment(self, place: int | str, body: str) -> Any:
        self.comments.append((int(place), body))


def test_a_failed_scheduled_run_opens_an_issue_that_names_run_and_job() -> None:
    forge = Forge()
    assert tell_of_failures(forge, RUN, [FAILED, STOPS]) == FailureTold(url="https://issue", done="Opened")
    assert forge.titles == ["Train on EC2 failed"]
    assert "- [Run 7](https://github.com/octo/forest/actions/runs/7): Train and publish" in forge.open[0].body


def test_the_next_failure_updates_it_and_the_latest_runs_are_shown() -> None:
    forge = Forge()
    for number in range(1, SHOWN_RUNS + 4):
        told = tell_of_failures(forge, replace(RUN, run_id=str(number)), [FAILED])
    assert told is not None
    assert (told.done, len(forge.open), len(forge.titles)) == ("Updated", 1, 1)
    lines = [line for line in forge.open[0].body.splitlines() if line.startswith("- ")]
    assert [line[3:].partition("]")[0] for line in lines] == [f"Run {number}" for number in range(13, 3, -1)]


def test_a_repeated_stop_names_the_run_once() -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [FAILED])
    tell_of_failures(forge, RUN, [FAILED])
    assert forge.open[0].body.count("Run 7") == 1


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch"])
def test_the_next_run_that_succeeds_says_so_and_closes_it(event: str) -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [FAILED])
    told = tell_of_failures(forge, replace(RUN, run_id="8", event=event), [TRAINED, STOPS])
    assert (told, forge.open) == (FailureTold(url="https://issue", done="Closed"), [])
    assert forge.comments == [(1, "[Run 8](https://github.com/octo/forest/actions/runs/8) has succeeded.")]


# https://docs.github.com/en/rest/actions/workflow-jobs: conclusions of a job
@pytest.mark.parametrize("conclusion", ["cancelled", "skipped", ""])
def test_a_run_that_neither_failed_nor_succeeded_says_nothing(conclusion: str) -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [FAILED])
    assert tell_of_failures(forge, replace(RUN, run_id="8"), [replace(TRAINED, conclusion=conclusion)]) is None
    assert len(forge.open) == 1


def test_a_run_that_somebody_started_opens_no_issue() -> None:
    forge = Forge()
    assert tell_of_failures(forge, replace(RUN, event="workflow_dispatch"), [FAILED]) is None
    assert forge.open == []


def test_the_next_attempt_counts_alone() -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [FAILED])
    told = tell_of_failures(forge, replace(RUN, attempt=2), [FAILED, replace(TRAINED, attempt=2)])
    assert told is not None
    assert told.done == "Closed"


def test_an_issue_that_a_person_locked_is_left_alone_and_the_next_failure_opens_one() -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [FAILED])
    forge.open = [replace(forge.open[0], locked=True)]
    before = list(forge.open)
    assert tell_of_failures(forge, replace(RUN, run_id="8"), [TRAINED]) is None
    assert (forge.open, forge.comments) == (before, [])
    told = tell_of_failures(forge, replace(RUN, run_id="9"), [FAILED])
    assert told is not None
    assert (told.done, len(forge.open)) == ("Opened", 2)


def test_a_name_of_many_lines_makes_a_title_that_the_forge_takes_and_nothing_in_it_mentions_anybody() -> None:
    forge = Forge()
    job = replace(FAILED, name="@octo/everyone closes #1 ::error::x --> <b>")
    tell_of_failures(forge, replace(RUN, workflow="Train\n-->" + "x" * 1000), [job])
    tell_of_failures(forge, replace(RUN, workflow="Train\n-->" + "x" * 1000, run_id="8"), [job])
    assert forge.titles == [f"Train -->{'x' * 191} failed"]
    [issue] = forge.open
    assert issue.body.count("-->") == 1
    assert not re.search(r"(?<![\w\u200b\\])@octo|closes #1|<b>", issue.body.partition("-->")[2])


def test_issues_of_others_with_a_copied_marker_and_of_other_workflows_stay() -> None:
    forge = Forge()
    tell_of_failures(forge, replace(RUN, workflow="Train monthly"), [FAILED])
    copied = replace(forge.open[0], number=9, author="mallory", body=forge.open[0].body.replace("monthly", "on EC2"))
    forge.open.append(copied)
    tell_of_failures(forge, replace(RUN, run_id="8"), [TRAINED])
    assert [issue.number for issue in forge.open] == [1, 9]


def test_a_later_attempt_is_named_and_the_rest_of_the_text_is_exact() -> None:
    forge = Forge()
    again = replace(FAILED, attempt=2)
    told = tell_of_failures(forge, replace(RUN, attempt=2), [replace(again, name=""), again])
    assert told == FailureTold(url="https://issue", done="Opened")
    _, words, empty, line = forge.open[0].body.split("\n")
    assert (words[:16], empty) == ("These runs faile", "")
    assert line == "- [Run 7](https://github.com/octo/forest/actions/runs/7), attempt 2: a job, Train and publish"
    assert tell_of_failures(forge, replace(RUN, run_id="8"), [FAILED]) == FailureTold(
        url="https://issue", done="Updated"
    )


def test_a_job_that_was_skipped_beside_those_that_succeeded_is_no_failure() -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [FAILED])
    skipped = replace(TRAINED, name="Attest the model", conclusion="skipped")
    told = tell_of_failures(forge, replace(RUN, run_id="8"), [TRAINED, skipped])
    assert told == FailureTold(url="https://issue", done="Closed")


def test_a_jobs_name_takes_120_characters_at_most() -> None:
    forge = Forge()
    tell_of_failures(forge, RUN, [replace(FAILED, name="x" * 200)])
    assert re.findall(">(x+…?)<", forge.open[0].body) == ["x" * 119 + "…"]
