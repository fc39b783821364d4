"""Where a run's results go, event by event: the base, the comment's place, the checked commit, and what may merge."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from cmlkit.errors import CmlkitError, Conflict, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.base import PublishForge, PullRequest, Repository
from cmlkit.publishing.destination import (
    EVENTS,
    RULES,
    Destination,
    commit_of,
    destination,
    head_of_run,
    likely_base,
    merge_by_itself,
    named_base,
    place_of_run,
    settled,
    warn_of_pending_checks,
)
from cmlkit.publishing.marker import Marker
from cmlkit.records.workflow_run import Trigger, TriggerKind, WorkflowRun

HERE = "octo/forest"


def pull(number: int, **changes: object) -> PullRequest:
    fields: dict[str, object] = {
        "number": number,
        "url": "",
        "node_id": "",
        "title": "",
        "body": "",
        "head": "feature",
        "head_sha": "f" * 40,
        "base": "main",
        "state": "open",
        "draft": False,
        "author": "bot",
        "head_repository": HERE,
    }
    return PullRequest(**{**fields, **changes})  # type: ignore[arg-type]


@dataclass(kw_only=True)
class Forge:
    """A forge with these pull requests and branches."""

    pulls: tuple[PullRequest, ...] = ()
    branches: tuple[str, ...] = ("main",)
    required: tuple[str, ...] = ()
    failure: CmlkitError | None = None
    asked: list[str] = field(default_factory=list)

    def repository(self) -> Repository:
        self.asked.append("repository")
        return Repository(full_name=HERE, default_branch="main", private=False, url="")

    def branch_head(self, branch: str) -> str | None:
        return "b" * 40 if branch in self.branches else None

    def pull_request(self, number: int) -> PullRequest:
        return next(item for item in self.pulls if item.number == number)

    def pull_requests(self, *, head: str = "") -> list[PullRequest]:
        return [item for item in self.pulls if head in ("", f"octo:{item.head}")]

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        return [item for item in self.pulls if item.head_sha == commit]

    def login(self) -> str:
        return "bot"

    def required_checks(self, branch: str) -> list[str]:
        assert branch == "main"
        if self.failure is not None:
            raise self.failure
        return list(self.required)

    def made(self) -> PublishForge:
        return cast("PublishForge", self)


def run_of(
    kind: TriggerKind, *, event: str = "push", pull_request: int | None = None, **trigger: object
) -> WorkflowRun:
    return WorkflowRun(
        repository=HERE,
        run_id="7",
        sha="a" * 40,
        event=event,
        pull_request=pull_request,
        from_fork=kind == "fork",
        trigger=Trigger(kind=kind, **trigger),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("workflow_run", "base", "unmerged", "refused"),
    [
        (run_of("branch", branch="main"), "main", False, False),
        (run_of("branch", branch="daily"), "daily", False, False),
        (run_of("tag"), "main", True, False),
        (run_of("pull-request", pull_request=3, branch="feature", base="main"), "feature", False, False),
        (run_of("pull-request", pull_request=3, branch="main", base="release"), "main", True, False),
        (run_of("merged", pull_request=3, branch="feature", base="release"), "release", True, False),
        (run_of("fork", pull_request=3, base="main"), "main", True, True),
        (run_of("queue", base="main"), "main", True, False),
        (run_of("issue", issue=5), "main", True, False),
        (run_of("none", event=""), "main", False, False),
    ],
    ids=lambda value: value.trigger.kind if isinstance(value, WorkflowRun) else None,
)
def test_the_base_is_the_events_own_branch_or_what_its_rule_names(
    workflow_run: WorkflowRun, base: str, unmerged: bool, refused: bool
) -> None:
    found = destination(workflow_run, forge=Forge().made())
    assert (found.base, bool(found.unmerged), bool(found.refused)) == (base, unmerged, refused)
    if refused:
        with pytest.raises(SettingsError, match="^The pull request #3 comes from a fork: octo/forest has") as caught:
            found.raise_if_refused()
        assert "--target-branch" in caught.value.next_step
    else:
        found.raise_if_refused()


def test_a_base_that_the_user_names_is_used_whatever_the_event_is_and_nobody_is_asked() -> None:
    forge = Forge()
    assert destination(run_of("fork", pull_request=3), forge=forge.made(), named="results") == Destination(
        base="results"
    )
    assert forge.asked == []


def test_a_run_after_a_run_of_a_tag_has_no_branch_of_that_name() -> None:
    found = destination(run_of("branch", event="workflow_run", branch="v1.0"), forge=Forge().made())
    assert (found.base, bool(found.unmerged)) == ("main", True)


@pytest.mark.parametrize(
    ("changes", "base", "refused"),
    [
        ({}, "feature", False),
        ({"head_repository": "bob/forest"}, "main", True),
        ({"merge_commit": "c" * 40}, "main", False),
    ],
    ids=["within", "of a fork", "merged"],
)
def test_a_comment_on_a_pull_request_is_about_that(changes: dict[str, object], base: str, refused: bool) -> None:
    forge = Forge(pulls=(pull(5, **changes),)).made()
    found = destination(run_of("discussion", event="issue_comment", issue=5), forge=forge)
    assert (found.base, bool(found.refused)) == (base, refused)
    assert found.refused.startswith("The pull request #5 comes from a fork: ") is refused


@pytest.mark.parametrize(
    ("changes", "kind", "branch"),
    [
        ({}, "pull-request", "feature"),
        ({"head_repository": "bob/forest"}, "fork", ""),
        ({"head_repository": "bob/forest", "merge_commit": "c" * 40}, "fork", ""),
        ({"merge_commit": "c" * 40}, "merged", "feature"),
    ],
    ids=["within", "of a fork", "of a fork and merged", "merged"],
)
@pytest.mark.parametrize("reads_only", ["", "Dependabot"])
@pytest.mark.parametrize(
    "event",
    [{"kind": "discussion", "issue": 5}, {"kind": "branch", "head": "octo:feature", "commit": "f" * 40}],
    ids=["a comment on it", "after a run of its branch"],
)
def test_a_run_that_only_names_a_pull_request_learns_all_about_it(
    event: dict[str, Any], reads_only: Any, changes: dict[str, object], kind: TriggerKind, branch: str
) -> None:
    forge = Forge(pulls=(pull(5, body="Text", base="release", **changes), pull(6, head="other", head_sha="f" * 40)))
    found = settled(run_of(reads_only=reads_only, **event), forge=forge.made())
    assert (found.pull_request, found.from_fork, found.run_id) == (5, kind == "fork", "7")
    assert found.trigger == Trigger(
        kind=kind, branch=branch, base="release", commit="f" * 40, body="Text", reads_only=reads_only
    )


@pytest.mark.parametrize(
    "workflow_run",
    [
        run_of("issue", issue=5),
        run_of("discussion"),
        run_of("branch", branch="main", commit="f" * 40),
        run_of("pull-request", pull_request=3, head="octo:feature", commit="f" * 40),
        run_of("branch", head="octo:feature", commit="e" * 40),
        run_of("branch", head="octo:absent", commit="f" * 40),
    ],
    ids=["an issue", "no number", "no head", "its own pull request", "another commit", "another branch"],
)
def test_a_run_that_is_about_no_other_pull_request_stays_as_it_is(workflow_run: WorkflowRun) -> None:
    assert settled(workflow_run, forge=Forge(pulls=(pull(5),)).made()) == workflow_run


@pytest.mark.parametrize(("branch", "base"), [("daily", "daily"), ("", "main")])
def test_outside_of_an_event_the_branch_of_the_shell_is_the_base(branch: str, base: str) -> None:
    shell = run_of("none", event="", branch=branch)
    workflow_run = dataclasses.replace(shell, ref=f"refs/heads/{branch}" if branch else "")
    assert destination(workflow_run, forge=Forge().made()) == Destination(base=base)
    assert named_base(workflow_run) == branch


def test_the_branch_of_a_shell_is_no_base_of_another_event() -> None:
    workflow_run = dataclasses.replace(run_of("tag", branch="v1"), ref="refs/heads/v1")
    assert destination(workflow_run, forge=Forge().made()).base == "main"


@pytest.mark.parametrize(
    ("workflow_run", "expected"),
    [
        (
            run_of("pull-request", pull_request=3, branch="feature", base="main", commit="c" * 40),
            Destination(base="feature", pull_request=3, commit="c" * 40),
        ),
        (
            run_of("pull-request", pull_request=3, branch="main", base="release", commit="c" * 40),
            Destination(
                base="main",
                pull_request=3,
                commit="c" * 40,
                unmerged="main is the default branch, which a pull request's run never changes without a review",
            ),
        ),
        (
            run_of("pull-request", pull_request=3, commit="c" * 40),
            Destination(
                base="main", pull_request=3, commit="c" * 40, unmerged="main is not the pull request's own branch"
            ),
        ),
        (
            run_of("merged", pull_request=3, branch="feature", base="release", commit="c" * 40),
            Destination(base="release", unmerged="release is not the event's own branch"),
        ),
        (run_of("branch", branch="daily", commit="c" * 40), Destination(base="daily")),
        (run_of("branch", event="workflow_run", branch="main"), Destination(base="main")),
    ],
    ids=["a pull request", "of the default branch", "without its branch", "merged", "a push", "after a run"],
)
def test_only_a_pull_requests_own_result_is_a_change_to_it(workflow_run: WorkflowRun, expected: Destination) -> None:
    assert destination(workflow_run, forge=Forge().made()) == expected


@pytest.mark.parametrize(("default", "asked"), [("trunk", []), ("", ["repository"])])
def test_the_forge_is_asked_for_the_default_branch_only_if_it_is_unknown(default: str, asked: list[str]) -> None:
    forge = Forge()
    assert destination(run_of("tag"), forge=forge.made(), default=default).base == (default or "main")
    assert forge.asked == asked


@pytest.mark.parametrize(
    ("workflow_run", "words"),
    [
        (run_of("fork", pull_request=3), "The pull request #3 comes"),
        (run_of("fork", issue=5), "The pull request #5 comes"),
        (run_of("fork", pull_request=3, issue=5), "The pull request #3 comes"),
        (run_of("fork"), "The pull request comes"),
    ],
)
def test_a_forks_pull_request_is_named_if_its_number_is_known(workflow_run: WorkflowRun, words: str) -> None:
    refused = destination(workflow_run, forge=Forge().made()).refused
    assert refused.startswith(f"{words} from a fork: octo/forest has no branch")


@pytest.mark.parametrize(
    ("pulls", "number"),
    [
        ((pull(4, head_sha="c" * 40),), 4),
        ((pull(4),), None),
        ((pull(4, head_sha="c" * 40), pull(5, head_sha="c" * 40)), None),
    ],
    ids=["its head", "another commit", "two of them"],
)
def test_a_run_after_that_of_a_pull_request_finds_it_only_by_branch_and_commit(
    pulls: tuple[PullRequest, ...], number: int | None
) -> None:
    workflow_run = run_of("pull-request", event="workflow_run", head="octo:feature", commit="c" * 40, branch="feature")
    assert destination(workflow_run, forge=Forge(pulls=pulls).made()).pull_request == number


@pytest.mark.parametrize(
    ("workflow_run", "named", "likely"),
    [
        (run_of("branch", branch="daily"), "", "daily"),
        (run_of("queue", base="release"), "", "release"),
        (run_of("tag"), "", "main"),
        (run_of("tag"), "results", "results"),
        (run_of("discussion", issue=5), "", "main"),
    ],
)
def test_the_likely_base_is_told_without_asking(workflow_run: WorkflowRun, named: str, likely: str) -> None:
    assert likely_base(workflow_run, named=named) == likely


def test_every_rule_is_in_the_table_of_events_and_every_event_has_a_rule() -> None:
    assert {row.rule for row in EVENTS} == RULES.keys()
    assert {named_base(run_of(kind, branch="b", base="t")) for kind in RULES} == {"b", "t", ""}


OPENED = pull(8, body=str(Marker(kind="pull-request", subject="m", run="7")), head_sha="c" * 40)
NEWER = pull(9, body=str(Marker(kind="pull-request", subject="m", run="8")))
REPORT = pull(10, body=str(Marker(kind="report", subject="m", run="7")))


@pytest.mark.parametrize(
    ("workflow_run", "target", "pulls", "place"),
    [
        (run_of("branch", branch="main"), "auto", (OPENED,), 8),
        (run_of("branch", branch="main"), "pr", (OPENED,), 8),
        (run_of("branch", branch="main"), "auto", (), "a" * 40),
        (run_of("branch", branch="main"), "auto", (pull(8, body=OPENED.body, author="ann"),), "a" * 40),
        (run_of("pull-request", pull_request=3, branch="feature"), "auto", (OPENED,), 3),
        (run_of("issue", issue=5), "auto", (OPENED,), 5),
        (run_of("issue", issue=5), "pr", (OPENED,), 8),
        (run_of("discussion", issue=4), "auto", (pull(4), OPENED), 4),
        (run_of("discussion", issue=4), "pr", (pull(4), OPENED), 4),
        (run_of("branch", commit="f" * 40), "auto", (pull(4),), 4),
        (run_of("branch", commit="f" * 40), "pr", (pull(4),), 4),
        (run_of("branch", branch="main"), "auto", (NEWER,), "a" * 40),
        (run_of("branch", branch="main"), "auto", (REPORT,), "a" * 40),
        (run_of("branch", branch="main"), "auto", (NEWER, REPORT, OPENED), 8),
        (run_of("branch", branch="main"), "pr/5", (OPENED,), 5),
        (run_of("branch", branch="main"), "commit", (OPENED,), "a" * 40),
        (run_of("pull-request", pull_request=3, commit="d" * 40), "commit", (), "d" * 40),
    ],
)
def test_a_comment_goes_to_what_people_read(
    workflow_run: WorkflowRun, target: str, pulls: tuple[PullRequest, ...], place: int | str
) -> None:
    assert place_of_run(target, forge=Forge(pulls=pulls).made(), workflow_run=workflow_run) == place


def test_head_is_the_commit_of_the_pull_request_that_the_run_opened() -> None:
    assert head_of_run(run_of("branch"), forge=Forge(pulls=(OPENED,)).made()) == "c" * 40
    assert head_of_run(run_of("branch"), forge=Forge(pulls=(pull(8),)).made()) is None


@pytest.mark.parametrize(
    ("workflow_run", "commit"),
    [
        (run_of("branch", branch="main"), "a" * 40),
        (run_of("pull-request", pull_request=3, commit="d" * 40), "d" * 40),
        (run_of("pull-request", pull_request=3), "f" * 40),
        (run_of("queue", pull_request=3), "a" * 40),
        (run_of("discussion", issue=3), "f" * 40),
        (run_of("branch", head="octo:feature", commit="f" * 40), "f" * 40),
    ],
)
def test_a_check_is_on_the_commit_whose_checks_people_see(workflow_run: WorkflowRun, commit: str) -> None:
    assert commit_of(workflow_run, forge=Forge(pulls=(pull(3),)).made()) == commit


@pytest.mark.parametrize(
    ("refused", "is_told"),
    [
        (None, False),
        (PermissionDenied("403"), True),
        (Conflict("409", status=409), True),
        (Conflict("its checks failed"), True),
        (ServiceError("404", status=404), True),
        (ServiceError("422", status=422), True),
    ],
)
def test_a_merge_that_is_refused_is_told(refused: CmlkitError | None, is_told: bool) -> None:
    warnings: list[str] = []
    asked: list[tuple[int, str]] = []

    def enable(pull_request: PullRequest, method: str) -> None:
        asked.append((pull_request.number, method))
        if refused is not None:
            raise refused

    merge_by_itself(pull(3), "squash", destination=Destination(base="main"), enable=enable, warn=warnings.append)
    assert asked == [(3, "squash")]
    assert warnings == [f"The pull request #3 is not merged by itself: {refused}"] * is_told


@pytest.mark.parametrize("status", [None, 405, 423, 500, 503])
def test_a_merge_during_an_outage_is_an_error(status: int | None) -> None:
    def enable(pull_request: PullRequest, method: str) -> None:
        raise ServiceError("an outage", status=status)

    with pytest.raises(ServiceError, match="an outage"):
        merge_by_itself(pull(3), "squash", destination=Destination(base="main"), enable=enable, warn=pytest.fail)


def test_what_is_not_the_events_own_branch_is_not_asked_to_merge() -> None:
    warnings: list[str] = []
    place = Destination(base="main", unmerged="main is not the event's own branch")
    merge_by_itself(
        pull(3), "squash", destination=place, enable=lambda *wish: pytest.fail(str(wish)), warn=warnings.append
    )
    assert warnings[0].startswith("The pull request #3 is not merged by itself: main is not the event's own branch; ")


@pytest.mark.parametrize(
    ("forge", "count"),
    [
        (Forge(), 0),
        (Forge(required=("lint", "test")), 1),
        (Forge(required=("lint",), failure=PermissionDenied("403")), 0),
    ],
)
def test_checks_that_skip_ci_leaves_pending_are_named(forge: Forge, count: int) -> None:
    warnings: list[str] = []
    warn_of_pending_checks("main", forge=forge.made(), otherwise="--no-skip-ci", warn=warnings.append)
    assert len(warnings) == count
    assert all("lint, test" in warning and "--no-skip-ci" in warning for warning in warnings)
