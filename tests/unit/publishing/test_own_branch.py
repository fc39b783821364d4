"""cmlkit's own branches, known by name, by the trailer of a commit, or by the marker of a pull request."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.own_branch import own_branch, refuse_chain, signed
from cmlkit.records.workflow_run import Trigger, TriggerKind, WorkflowRun
from cmlkit.settings.schema import PublishSpec

USUAL = "cmlkit/{base}/{run}"


def pushed(branch: str, *, message: str = "", event: str = "push") -> WorkflowRun:
    trigger = Trigger(kind="branch", branch=branch, message=message)
    return WorkflowRun(repository="octo/forest", run_id="1", event=event, trigger=trigger)


@pytest.mark.parametrize(
    ("template", "branch", "is_own"),
    [
        (USUAL, "cmlkit/main/4711", True),
        (USUAL, "cmlkit/pr/main/4711", True),
        (USUAL, "cmlkit-assets", True),
        (USUAL, "main", False),
        (USUAL, "cmlkit-settings", False),
        ("{run}", "main", False),
        ("{run}", "4711", True),
        ("{sha}", "feature", False),
        ("{base}-trained-{date}", "main-trained-2024-05-31", True),
        ("{base}-trained-{date}", "main-trained", False),
        ("results of {", "main", False),
    ],
)
def test_a_branch_is_known_by_its_name(template: str, branch: str, is_own: bool) -> None:
    assert own_branch(pushed(branch), template=template) == (branch if is_own else "")


@pytest.mark.parametrize(("branch", "is_own"), [("results", True), ("main", False), ("result", False)])
def test_a_commit_says_for_which_branch_it_was_made(branch: str, is_own: bool) -> None:
    assert bool(own_branch(pushed(branch, message=signed("Retrain", "results")), template=USUAL)) is is_own


def test_a_message_gets_a_trailer_only_if_the_name_does_not_tell() -> None:
    assert signed("Retrain", "cmlkit/main/1") == "Retrain"
    assert signed("Retrain", "results") == "Retrain\n\nCmlkit-Branch: [results]\n"


@pytest.mark.parametrize(("kind", "is_own"), [("pull-request", True), ("fork", True), ("merged", False)])
def test_a_pull_request_is_known_by_its_marker(kind: TriggerKind, is_own: bool) -> None:
    body = f"{Marker(kind='pull-request', subject='files', run='1')}\nText"
    trigger = Trigger(kind=kind, branch="" if kind == "fork" else "results", body=body)
    run = WorkflowRun(repository="octo/forest", run_id="1", event="pull_request", pull_request=7, trigger=trigger)
    assert bool(own_branch(run, template=USUAL)) is is_own


@pytest.mark.parametrize("event", ["", "workflow_dispatch"])
def test_a_person_may_start_a_run_on_any_branch(event: str) -> None:
    refuse_chain(pushed("cmlkit/main/1", event=event), PublishSpec())


def test_a_chain_is_refused_unless_a_setting_allows_it() -> None:
    with pytest.raises(SettingsError, match="cmlkit made the branch cmlkit/main/1") as caught:
        refuse_chain(pushed("cmlkit/main/1"), PublishSpec())
    assert "publish.allow-chains" in caught.value.next_step
    refuse_chain(pushed("cmlkit/main/1"), PublishSpec(allow_chains=True))
