"""The destination of a run's results, by its event: base of the pull request, place of the comment, checked commit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from cmlkit.errors import CmlkitError, Conflict, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.base import PublishForge, PullRequest
from cmlkit.publishing.comment import comment_place
from cmlkit.publishing.marker import marker_in
from cmlkit.records.workflow_run import Trigger, TriggerKind, WorkflowRun

FORK_GUIDE = "docs/how-to/comment-on-forks.md"
USUAL_DEFAULT_BRANCH = "main"
EVENTS_PAGE = "docs/reference/events.md"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The destination of the results of one kind of run.

    Attributes:
        base: The branch that a pull request with results targets, in words; `branch` says where its name comes from:
            the event's own branch, the branch that the event's pull request targets, the default branch, or nowhere.
        merges: Whether a pull request may be merged into it without a person, if the command asks for that.
        comment: Place of a comment with the target `auto`.
        check: The commit that gets a check.
    """

    branch: Literal["own", "target", "default", "none"]
    base: str
    merges: bool
    comment: str
    check: str


_OF_COMMIT = "the open pull request that this run opened or that holds the commit, else the commit"

RULES: Mapping[TriggerKind, Rule] = {
    "branch": Rule(branch="own", base="that branch", merges=True, comment=_OF_COMMIT, check="the branch's commit"),
    "tag": Rule(
        branch="default", base="the default branch", merges=False, comment=_OF_COMMIT, check="the tagged commit"
    ),
    "pull-request": Rule(
        branch="own",
        base="the pull request's own branch",
        merges=True,
        comment="the pull request",
        check="the pull request's head",
    ),
    "merged": Rule(
        branch="target",
        base="the branch that it was merged into",
        merges=False,
        comment="the pull request",
        check="the pull request's head",
    ),
    "fork": Rule(
        branch="none", base="none: refused", merges=False, comment="the pull request", check="the pull request's head"
    ),
    "queue": Rule(
        branch="target",
        base="the branch that the queue merges into",
        merges=False,
        comment="the last pull request of the group",
        check="the group's commit",
    ),
    "issue": Rule(
        branch="default",
        base="the default branch",
        merges=False,
        comment="the issue",
        check="the default branch's commit",
    ),
    "none": Rule(
        branch="default", base="the default branch", merges=True, comment=_OF_COMMIT, check="the checkout's commit"
    ),
}


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """One line of the table of events: an event in one situation, and the rule that holds then."""

    event: str
    situation: str
    rule: TriggerKind


EVENTS: tuple[EventRow, ...] = (
    EventRow(event="push", situation="of a branch", rule="branch"),
    EventRow(event="push", situation="of a tag", rule="tag"),
    EventRow(event="push", situation="of a merge queue's own branch", rule="queue"),
    EventRow(event="schedule", situation="on the default branch", rule="branch"),
    EventRow(event="workflow_dispatch", situation="on any branch", rule="branch"),
    EventRow(event="workflow_dispatch", situation="on a tag", rule="tag"),
    EventRow(event="repository_dispatch", situation="on the default branch", rule="branch"),
    EventRow(event="pull_request", situation="within the repository", rule="pull-request"),
    EventRow(event="pull_request", situation="closed by a merge", rule="merged"),
    EventRow(event="pull_request", situation="from a fork", rule="fork"),
    EventRow(event="pull_request_target", situation="within the repository", rule="pull-request"),
    EventRow(event="pull_request_target", situation="from a fork", rule="fork"),
    EventRow(event="merge_group", situation="of a merge queue", rule="queue"),
    EventRow(event="workflow_run", situation="after the run of a branch", rule="branch"),
    EventRow(event="workflow_run", situation="after the run of a tag", rule="tag"),
    EventRow(event="workflow_run", situation="after the run of a pull request", rule="pull-request"),
    EventRow(event="workflow_run", situation="after the run of a fork's pull request", rule="fork"),
    EventRow(event="issue_comment", situation="on an issue", rule="issue"),
    EventRow(event="issue_comment", situation="on a pull request", rule="pull-request"),
    EventRow(event="issue_comment", situation="on a fork's pull request", rule="fork"),
    EventRow(event="release", situation="of a tag", rule="tag"),
    EventRow(event="", situation="on a developer's machine", rule="none"),
)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The destination of a pull request with results.

    Attributes:
        base: The branch that it targets; for a fork's pull request, the branch to compare with.
        pull_request: Number of the event's pull request, if the result is a change to that.
        commit: The event's commit, which gets the check.
        unmerged: Why nothing is merged into `base` without a person; empty if that may be.
        refused: Why no pull request can be opened; empty if one can.
    """

    base: str
    pull_request: int | None = None
    commit: str = ""
    unmerged: str = ""
    refused: str = ""

    def raise_if_refused(self) -> None:
        """Refuse to open a pull request for a branch that another repository has.

        Raises:
            SettingsError: The message names the ways out.
        """
        if self.refused:
            raise SettingsError(
                self.refused,
                next_step="Name a branch of this repository with --target-branch or publish.base if the result belongs"
                f" there, or only report it: see {FORK_GUIDE}.",
            )


def destination(workflow_run: WorkflowRun, *, forge: PublishForge, named: str = "", default: str = "") -> Destination:
    """Return where this run's result goes.

    Args:
        named: The base branch, if the user names it; it is used whatever the event is, and may be merged into.
        default: The default branch, if it is known; otherwise the forge is asked.

    Raises:
        NotFound, PermissionDenied, ServiceError: The forge does not show the event's pull request.
    """
    if named:
        return Destination(base=named)
    workflow_run = settled(workflow_run, forge=forge)
    kind, trigger = _kind(workflow_run), workflow_run.trigger
    if workflow_run.event == "workflow_run" and kind == "branch" and forge.branch_head(trigger.branch) is None:
        kind = "tag"  # its name is where the branch's would be
    default = default or forge.repository().default_branch
    names = {"own": trigger.branch, "target": trigger.base, "default": default, "none": trigger.base}
    base = names[RULES[kind].branch] or default
    return Destination(
        base=base,
        pull_request=workflow_run.pull_request if kind == "pull-request" else None,
        commit=trigger.commit if kind == "pull-request" else "",
        unmerged=_unmerged(kind, base=base, own=trigger.branch, default=default),
        refused=_refused(workflow_run) if kind == "fork" else "",
    )


def named_base(workflow_run: WorkflowRun) -> str:
    """Return the branch that the event names for the result, without asking the forge; empty if it names none."""
    trigger = workflow_run.trigger
    names = {"own": trigger.branch, "target": trigger.base, "none": trigger.base}
    rule = RULES.get(_kind(workflow_run))
    return names.get(rule.branch, "") if rule else ""


def likely_base(workflow_run: WorkflowRun, *, named: str) -> str:
    """Return the branch that the result is likely to go to, as far as that can be told without asking the forge.

    Args:
        named: The base branch, if the user names it.
    """
    return named or named_base(workflow_run) or USUAL_DEFAULT_BRANCH


def _unmerged(kind: TriggerKind, *, base: str, own: str, default: str) -> str:
    if not RULES[kind].merges:
        return f"{base} is not the event's own branch"
    if kind == "pull-request" and base != own:
        return f"{base} is not the pull request's own branch"
    if kind == "pull-request" and base == default:
        return f"{base} is the default branch, which a pull request's run never changes without a review"
    return ""


def _refused(workflow_run: WorkflowRun) -> str:
    number = workflow_run.pull_request or workflow_run.trigger.issue
    which = f"The pull request #{number}" if number else "The pull request"
    return (
        f"{which} comes from a fork: {workflow_run.repository} has no branch of it that a result could be merged into."
    )


def settled(workflow_run: WorkflowRun, *, forge: PublishForge) -> WorkflowRun:
    """Return the run with the pull request that its event is about, which some events name without its branch."""
    trigger = workflow_run.trigger
    if trigger.kind == "discussion" and trigger.issue is not None:
        return _about(workflow_run, forge.pull_request(trigger.issue))
    if trigger.head and workflow_run.pull_request is None:
        # The commit alone would not do: anybody can have another one's commit at the head of a branch.
        found = [item for item in forge.pull_requests(head=trigger.head) if item.head_sha == trigger.commit]
        return _about(workflow_run, found[0]) if len(found) == 1 else workflow_run
    return workflow_run


def _about(workflow_run: WorkflowRun, pull_request: PullRequest) -> WorkflowRun:
    from_fork = pull_request.head_repository != workflow_run.repository
    trigger = Trigger(
        kind="fork" if from_fork else "merged" if pull_request.merge_commit else "pull-request",
        branch="" if from_fork else pull_request.head,
        base=pull_request.base,
        commit=pull_request.head_sha,
        body=pull_request.body,
        reads_only=workflow_run.trigger.reads_only,
    )
    return dataclasses.replace(workflow_run, pull_request=pull_request.number, from_fork=from_fork, trigger=trigger)


def _kind(workflow_run: WorkflowRun) -> TriggerKind:
    if workflow_run.from_fork:
        return "fork"
    # A shell may name the branch without an event.
    if workflow_run.trigger.kind == "none" and workflow_run.branch:
        return "branch"
    return workflow_run.trigger.kind


def commit_of(workflow_run: WorkflowRun, *, forge: PublishForge) -> str:
    """Return the commit whose checks people see: a pull request's head, not the merge commit that its run tests."""
    found = settled(workflow_run, forge=forge)
    if found.pull_request is not None and not found.trigger.commit and found.trigger.kind != "queue":
        return forge.pull_request(found.pull_request).head_sha
    return found.trigger.commit or found.sha


def place_of_run(target: str, *, forge: PublishForge, workflow_run: WorkflowRun) -> int | str:
    """Return the place that a target names; for `pr` and `auto` first the open pull request that this run created.

    A run on a push or a schedule has no pull request of its own, and its commit is in none.
    """
    if target in ("auto", "pr", "commit"):
        workflow_run = settled(workflow_run, forge=forge)
        trigger = workflow_run.trigger
        workflow_run = dataclasses.replace(workflow_run, sha=trigger.commit or workflow_run.sha)
        if target == "auto" and trigger.kind == "issue" and trigger.issue is not None:
            return trigger.issue
    if target in ("auto", "pr") and workflow_run.pull_request is None:
        opened = _opened_by(workflow_run, forge)
        if opened is not None:
            return opened.number
    return comment_place(target, forge=forge, workflow_run=workflow_run)


def head_of_run(workflow_run: WorkflowRun, *, forge: PublishForge) -> str | None:
    """Return the head of the open pull request that this run opened; None if it opened none.

    `cml pr create` leaves the checkout on that commit, and its documentation names it HEAD afterwards.
    """
    opened = _opened_by(workflow_run, forge)
    return None if opened is None else opened.head_sha


def _opened_by(workflow_run: WorkflowRun, forge: PublishForge) -> PullRequest | None:
    """Return the open pull request that this run opened."""
    login = forge.login()
    for pull_request in forge.pull_requests():
        found = marker_in(pull_request.body) if pull_request.author == login else None
        if found is not None and found.kind == "pull-request" and found.run == workflow_run.run_id:
            return pull_request
    return None


def warn_of_pending_checks(base: str, *, forge: PublishForge, otherwise: str, warn: Callable[[str], None]) -> None:
    """Warn if [skip ci] leaves checks pending that the base branch requires, so that nothing can be merged.

    Args:
        otherwise: The flag with which the checks run.
    """
    try:
        required = forge.required_checks(base)
    except (PermissionDenied, ServiceError):
        return  # whoever may not see the rules is told by the pull request itself
    if required:
        warn(
            f"{base} requires checks that [skip ci] leaves pending: {', '.join(required)}."
            f" Use {otherwise}, or start them by hand."
        )


def merge_by_itself(
    pull_request: PullRequest,
    method: str,
    *,
    destination: Destination,
    enable: Callable[[PullRequest, str], None],
    warn: Callable[[str], None],
) -> None:
    """Let the forge merge the pull request, unless its base is another branch than the event's own.

    What cannot be merged stays open, and a warning says why.

    Args:
        enable: Enables the merge on the forge; `method` is merge, squash or rebase.

    Raises:
        ServiceError: The forge is out of order.
    """
    reason: str | CmlkitError
    if destination.unmerged:
        reason = (
            f"{destination.unmerged}; see {EVENTS_PAGE}."
            " Merge it after a review, or name the branch with --target-branch or publish.base."
        )
    else:
        try:
            return enable(pull_request, method)
        except PermissionDenied as error:
            reason = error
        except ServiceError as error:
            if not isinstance(error, Conflict) and error.status not in (404, 422):
                raise
            reason = error
    warn(f"The pull request #{pull_request.number} is not merged by itself: {reason}")
    return None
