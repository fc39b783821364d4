"""cmlkit's own branches, known by name, by the trailer of a commit, or by the marker of a pull request."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from cmlkit.errors import SettingsError
from cmlkit.forges.base import Changes
from cmlkit.publishing.marker import Kind, Marker
from cmlkit.publishing.own_branch import check_own, own_branch, refuse_chain, signed
from cmlkit.records.workflow_run import Trigger, TriggerKind, WorkflowRun
from cmlkit.settings.schema import PublishSpec
from tests.fake_forge import FastClock
from tests.unit.publishing.in_memory import ToldForge

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
        ("{run}-results", "4711-results", True),
        ("{run}-results", "4711-results-2", False),
        ("{user}-results", "-results", True),
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
    for message in ("Retrain", "Retrain\n"):
        assert signed(message, "results") == "Retrain\n\nCmlkit-Branch: [results]\n"


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
    with pytest.raises(SettingsError, match="cmlkit made the branch results-4711:"):
        refuse_chain(pushed("results-4711"), PublishSpec(branch="results-{run}"))
    refuse_chain(pushed("cmlkit/main/1"), PublishSpec(allow_chains=True))


@pytest.fixture
def forge() -> ToldForge:
    found = ToldForge("octo/forest")
    found.start({})
    return found


def commit(forge: ToldForge, branch: str, message: str) -> None:
    parent = forge.branches.get(branch, forge.branches["main"])
    forge.commit(Changes(message=message, files=()), branch=branch, parent=parent, is_new=branch not in forge.branches)


def check(forge: ToldForge, name: str, clock: FastClock | None = None) -> None:
    clock = clock or FastClock()
    check_own(name, forge.branches[name], base=forge.branches["main"], run="100", forge=forge, clock=clock)


def assert_refused(forge: ToldForge, name: str, clock: FastClock | None = None) -> None:
    with pytest.raises(SettingsError, match=f"The branch '{name}' exists, and cmlkit did not make it") as caught:
        check(forge, name, clock)
    assert "publish.branch" in caught.value.next_step


@pytest.mark.parametrize(
    ("name", "message", "is_own"),
    [
        ("cmlkit/daily", "By hand", True),
        ("daily-100", "By hand", True),
        ("daily", signed("Retrain", "daily"), True),
        ("daily", signed("Retrain", "weekly"), False),
        ("daily", "By hand", False),
    ],
)
def test_an_existing_branch_is_cmlkits_by_its_name_or_its_last_commit(
    forge: ToldForge, name: str, message: str, is_own: bool
) -> None:
    commit(forge, name, message)
    clock = FastClock()
    if is_own:
        check(forge, name, clock)
    else:
        assert_refused(forge, name, clock)
    assert clock.slept == []


@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize(("kind", "is_own"), [("pull-request", True), ("report", False), (None, False)])
def test_an_existing_branch_is_cmlkits_if_one_of_its_pull_requests_has_the_marker(
    forge: ToldForge, state: str, kind: Kind | None, is_own: bool
) -> None:
    for name in ("daily", "release"):
        commit(forge, name, "By hand")
    bodies = ["By hand", str(Marker(kind=kind, subject="m", run="99")) if kind else "Too"]
    for body in bodies:
        opened = forge.create_pull_request(head="daily", base="main", title="T", body=body, draft=False)
        forge.pulls[opened.number] = dataclasses.replace(opened, state=state)
    if is_own:
        check(forge, "daily")
    else:
        assert_refused(forge, "daily")
    assert_refused(forge, "release")


@pytest.mark.parametrize(
    ("meanwhile", "is_fine"),
    [
        (lambda forge: commit(forge, "daily", signed("Retrain", "daily")), True),
        (lambda forge: forge.delete_branch("daily"), True),
        (lambda forge: commit(forge, "daily", "By hand"), False),
    ],
    ids=["another run commits", "another run gives it up", "a person commits"],
)
def test_a_branch_without_a_commit_may_be_one_that_another_run_is_making(
    forge: ToldForge, meanwhile: Callable[[ToldForge], None], is_fine: bool
) -> None:
    forge.create_branch("daily", forge.branches["main"])
    clock = FastClock(when_slept=lambda: meanwhile(forge) if len(clock.slept) == 3 else None)
    if is_fine:
        check(forge, "daily", clock)
    else:
        assert_refused(forge, "daily", clock)
    assert clock.slept == [1.0] * 3


def test_a_branch_that_stays_without_a_commit_is_not_cmlkits(forge: ToldForge) -> None:
    forge.create_branch("daily", forge.branches["main"])
    clock = FastClock()
    assert_refused(forge, "daily", clock)
    assert clock.slept == [1.0] * 5, "it waits between looks, and not after the last"


def test_the_last_look_at_a_branch_without_a_commit_counts(forge: ToldForge) -> None:
    forge.create_branch("daily", forge.branches["main"])
    clock = FastClock(
        when_slept=lambda: commit(forge, "daily", signed("Retrain", "daily")) if len(clock.slept) == 5 else None
    )
    check(forge, "daily", clock)
    assert clock.slept == [1.0] * 5
