"""The GitHub Actions edge."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from cmlkit.ci import github_actions
from cmlkit.errors import SettingsError

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
    run = github_actions.workflow_run(RUN)
    assert (run.repository, run.run_id, run.attempt, run.branch) == ("octo/model", "42", 2, "main")
    assert run.url == "https://github.example/octo/model/actions/runs/42"
    assert run.label == "cmlkit-42-2"


def test_outside_actions_no_two_runs_share_a_label() -> None:
    first, second = (github_actions.workflow_run({}, repository="octo/model") for _ in range(2))
    assert first.label != second.label


def test_without_a_repository_the_error_says_what_to_set() -> None:
    with pytest.raises(SettingsError) as caught:
        github_actions.workflow_run({})
    assert "GITHUB_REPOSITORY" in caught.value.next_step


def test_a_pull_request_event_gives_its_number(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}), encoding="utf-8")
    environ = RUN | {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    assert github_actions.workflow_run(environ).pull_request == 7
    assert github_actions.workflow_run(environ | {"GITHUB_EVENT_NAME": "push"}).pull_request is None
    event.write_text("{", encoding="utf-8")
    assert github_actions.workflow_run(environ).pull_request is None


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
    assert github_actions.workflow_run(RUN | environ).from_fork is from_fork


def test_the_instance_is_what_the_boot_script_told_the_job() -> None:
    told = {
        "CMLKIT_INSTANCE_ID": "i-1",
        "CMLKIT_INSTANCE_TYPE": "t3.medium",
        "CMLKIT_INSTANCE_MARKET": "spot",
        "CMLKIT_INSTANCE_REGION": "eu-west-1",
        "CMLKIT_INSTANCE_PRICE_USD_PER_HOUR": "0.0137",
        "CMLKIT_INSTANCE_STARTED": "not known",
    }
    facts = github_actions.instance_facts(told)
    assert facts is not None
    assert (facts.instance_id, facts.market, facts.price, facts.started) == ("i-1", "spot", 0.0137, None)
    assert github_actions.instance_facts({}) is None


def test_no_value_of_an_output_can_set_another_output(tmp_path: Path) -> None:
    file = tmp_path / "output"
    github_actions.write_outputs(
        {"commit_sha": "x\nEOF\nevil=1", "changed": True, "none": None}, {"GITHUB_OUTPUT": str(file)}
    )
    lines = file.read_text(encoding="utf-8").splitlines()
    name, _, delimiter = lines[0].partition("<<")
    assert name == "commit-sha"
    assert lines[1 : lines.index(delimiter)] == ["x", "EOF", "evil=1"]
    assert "true" in lines
    assert sum("<<" in line for line in lines) == 3


def test_a_summary_that_would_not_fit_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    environ = {"GITHUB_STEP_SUMMARY": str(file)}
    assert github_actions.write_summary("# one", environ)
    assert not github_actions.write_summary("x" * github_actions.SUMMARY_LIMIT_BYTES, environ)
    assert file.read_text(encoding="utf-8") == "# one\n"
    assert not github_actions.write_summary("# one", {})


def test_annotations_stay_on_one_line() -> None:
    assert github_actions.annotation("error", "50% lost\nnext: retry", title="a:b,c") == (
        "::error title=a%3Ab%2Cc::50%25 lost%0Anext: retry"
    )


def test_what_is_printed_during_a_stage_folds_below_its_title() -> None:
    log = io.StringIO()
    with github_actions.WorkflowLog(log).stage("Train") as say:
        print("epoch 1", file=log)
        say("42 s")
    group, printed, end, outcome = log.getvalue().splitlines()
    assert (group, printed, end) == ("::group::Train", "epoch 1", "::endgroup::")
    assert outcome.startswith("Train: 42 s (")


def test_a_stage_that_fails_closes_its_group_before_it_says_so() -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="no"), github_actions.WorkflowLog(log).stage("Train"):
        raise ValueError("no")
    end, outcome = log.getvalue().splitlines()[1:]
    assert (end, outcome[:19]) == ("::endgroup::", "Train: failed after")


def test_a_warning_in_a_workflow_is_one_annotation_whatever_it_says() -> None:
    log = io.StringIO()
    github_actions.WorkflowLog(log).warn("slow\nnext: 50% more")
    assert log.getvalue() == "::warning title=cmlkit::slow%0Anext: 50%25 more\n"
