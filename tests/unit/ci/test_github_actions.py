"""GitHub Actions."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from cmlkit.ci.base import SUMMARY_LIMIT_BYTES, PullRequestEvent
from cmlkit.ci.github_actions import GithubActions, WorkflowLog
from cmlkit.errors import FileError, SettingsError

RUN = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "octo/model",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_SERVER_URL": "https://github.example/",
}


def test_the_run_is_what_the_environment_says() -> None:
    run = GithubActions(RUN).workflow_run()
    assert (run.repository, run.run_id, run.attempt, run.branch) == ("octo/model", "42", 2, "main")
    assert run.url == "https://github.example/octo/model/actions/runs/42"
    assert run.label == "cmlkit-42-2"


def test_a_machine_of_githubs_tells_its_cores_and_an_own_runner_none() -> None:
    """RUNNER_ENVIRONMENT is github-hosted or self-hosted."""
    assert GithubActions(RUN | {"RUNNER_ENVIRONMENT": "github-hosted"}).hosted_cores == os.cpu_count()
    assert GithubActions(RUN | {"RUNNER_ENVIRONMENT": "self-hosted"}).hosted_cores == 0
    assert GithubActions(RUN).hosted_cores == 0


def test_a_shell_may_name_the_run_only() -> None:
    environ = {"GITHUB_REPOSITORY": "octo/model", "GITHUB_SHA": "a" * 40, "GITHUB_SERVER_URL": "https://github.com"}
    first, second = (GithubActions(environ).workflow_run() for _ in range(2))
    assert first.label != second.label
    assert GithubActions(environ).workflow_run(local_id="0a1b").run_id == "local0a1b"
    assert not GithubActions(environ).has_run
    assert GithubActions(environ | {"GITHUB_RUN_ID": "123"}).has_run


def test_a_pull_request_event_gives_its_number(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}), encoding="utf-8")
    environ = RUN | {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    assert GithubActions(environ).workflow_run().pull_request == 7
    assert GithubActions(environ | {"GITHUB_EVENT_NAME": "push"}).workflow_run().pull_request is None
    event.write_text("{", encoding="utf-8")
    assert GithubActions(environ).workflow_run().pull_request is None


@pytest.mark.parametrize(
    ("head", "from_fork"),
    [
        ({"repo": {"full_name": "ann/forest"}}, True),
        ({"repo": {"full_name": "octo/forest"}}, False),
        ({"repo": None}, True),
    ],
    ids=["a fork", "the same repository", "a fork that was deleted"],
)
def test_a_pull_request_of_a_fork_is_known_as_one(tmp_path: Path, head: dict[str, object], from_fork: bool) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": head}}), encoding="utf-8")
    environ = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event), "GITHUB_REPOSITORY": "octo/forest"}
    assert GithubActions(RUN | environ).workflow_run().from_fork is from_fork


def test_the_pull_request_is_known_with_the_branch_that_it_targets(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}), encoding="utf-8")
    environ = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event), "GITHUB_BASE_REF": "main"}
    assert GithubActions(RUN | environ).pull_request() == PullRequestEvent(number=7, base="main")
    assert GithubActions(RUN).pull_request() is None


def test_the_workspace_is_the_folder_of_the_checkout() -> None:
    assert GithubActions({"GITHUB_WORKSPACE": "/home/runner/model"}).workspace == Path("/home/runner/model")
    assert GithubActions(RUN).workspace is None


def test_no_value_of_an_output_can_set_another_output(tmp_path: Path) -> None:
    file = tmp_path / "output"
    place = GithubActions({"GITHUB_OUTPUT": str(file)})
    place.write_outputs({"commit_sha": "x\nEOF\nevil=1", "changed": True, "none": None})
    lines = file.read_text(encoding="utf-8").splitlines()
    name, _, delimiter = lines[0].partition("<<")
    assert name == "commit-sha"
    assert lines[1 : lines.index(delimiter)] == ["x", "EOF", "evil=1"]
    assert "true" in lines
    assert sum("<<" in line for line in lines) == 3


def test_a_summary_that_would_not_fit_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    place = GithubActions({"GITHUB_STEP_SUMMARY": str(file)})
    assert place.write_summary("# one")
    assert not place.write_summary("x" * SUMMARY_LIMIT_BYTES)
    assert file.read_text(encoding="utf-8") == "# one\n"
    assert not GithubActions(RUN).write_summary("# one")


def test_a_full_disk_is_told_of_the_outputs_and_leaves_the_summary_out() -> None:
    """/dev/full is a disk without room: https://man7.org/linux/man-pages/man4/full.4.html"""
    place = GithubActions({"GITHUB_OUTPUT": "/dev/full", "GITHUB_STEP_SUMMARY": "/dev/full"})
    with pytest.raises(SettingsError, match="cannot be written to /dev/full: No space left on device"):
        place.write_outputs({"commit_sha": "x"})
    assert not place.write_summary("# one")


def test_a_step_that_takes_no_outputs_is_told_by_its_file(tmp_path: Path) -> None:
    place = GithubActions({"GITHUB_OUTPUT": str(tmp_path / "gone" / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path)})
    with pytest.raises(FileError, match="cannot be written to .*output: No such file"):
        place.write_outputs({"label": "x"})
    assert not place.write_summary("# one")


def test_annotations_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    GithubActions(RUN).annotate("error", "50% lost\nnext: retry", title="a:b,c")
    assert capsys.readouterr().err == "::error title=a%3Ab%2Cc::50%25 lost%0Anext: retry\n"


def test_a_shell_with_a_steps_variables_sees_no_lines_for_the_runner(capsys: pytest.CaptureFixture[str]) -> None:
    place = GithubActions({"GITHUB_REPOSITORY": "octo/model"})
    place.annotate("error", "It failed.")
    assert capsys.readouterr() == ("", "")
    assert not isinstance(place.progress(), WorkflowLog)
    assert isinstance(GithubActions(RUN).progress(), WorkflowLog)


def test_what_is_printed_during_a_stage_folds_below_its_title() -> None:
    log = io.StringIO()
    with WorkflowLog(log).stage("Train") as say:
        print("epoch 1", file=log)
        say("42 s")
    group, printed, end, outcome = log.getvalue().splitlines()
    assert (group, printed, end) == ("::group::Train", "epoch 1", "::endgroup::")
    assert outcome.startswith("Train: 42 s (")


def test_a_stage_that_fails_closes_its_group_before_it_says_so() -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="no"), WorkflowLog(log).stage("Train"):
        raise ValueError("no")
    end, outcome = log.getvalue().splitlines()[1:]
    assert (end, outcome[:19]) == ("::endgroup::", "Train: failed after")


def test_a_warning_in_a_workflow_is_one_annotation_whatever_it_says() -> None:
    log = io.StringIO()
    WorkflowLog(log).warn("slow\nnext: 50% more")
    assert log.getvalue() == "::warning title=cmlkit::slow%0Anext: 50%25 more\n"


def test_a_token_that_was_just_made_is_masked_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    place = GithubActions(RUN)
    place.keep_secret("ab%cd\nef-gh-ij\n")
    assert capsys.readouterr().err == "::add-mask::ab%25cd%0Aef-gh-ij\n"
    assert place.secrets.hidden("the ef-gh-ij") == "the ***"


@pytest.mark.parametrize(("environ", "secret"), [({"GITHUB_RUN_ID": "42"}, "ab%cd-ef-gh"), (RUN, " ")])
def test_nothing_is_printed_outside_of_a_job_or_for_an_empty_token(
    environ: dict[str, str], secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    GithubActions(environ).keep_secret(secret)
    assert capsys.readouterr().err == ""
