"""Merging of pull requests: now, or by GitHub once the requirements are met; never while checks are running."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.errors import CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import PullRequest
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.pull_requests import PullRequests
from cmlkit.records.fields import Fields

# Together a minute: `publish` runs on the instance that is paid for, and GitHub takes no wish to merge meanwhile.
CHECKS_PAUSES_SECONDS = (5.0, 10.0, 15.0, 30.0)

_ENABLE_AUTO_MERGE = """
mutation($pullRequest: ID!, $method: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $pullRequest, mergeMethod: $method}) { clientMutationId }
}
"""
# GitHub says so if all requirements are met, and no check runs or has failed; a GitHub Enterprise Server with hooks for
# pushes says the second. https://docs.github.com/en/graphql/reference/enums#mergestatestatus
_CLEAN = ("clean status", "has_hooks status")
# It says so if all requirements are met, but a check that is not required runs or has failed.
# https://github.com/peter-evans/enable-pull-request-automerge/issues/355
_UNSTABLE = "unstable status"
# It says so if the branch has no requirements, whatever checks are doing.
_NO_REQUIREMENTS = "Protected branch rules not configured for this branch"
# It says so if the repository's settings have no auto-merge, in words that have changed over time.
_NO_WAITING = ("not allowed for this repository", "Can't enable auto-merge for this pull request")
_ALLOW_AUTO_MERGE = "Turn on 'Allow auto-merge' under Settings > General > Pull Requests."
# https://docs.github.com/en/rest/checks/runs: conclusions with which a check has not passed.
_FAILED = frozenset({"failure", "timed_out", "cancelled", "action_required", "startup_failure", "stale"})


@dataclass(frozen=True, kw_only=True)
class CommitChecks:
    """The names of a commit's check runs and statuses that still run, and of those that have failed.

    Attributes:
        is_whole: Whether the token may read both kinds.
    """

    pending: tuple[str, ...]
    failed: tuple[str, ...]
    is_whole: bool


class Merging:
    """Merging of the repository's pull requests."""

    def __init__(self, client: Client, pulls: PullRequests) -> None:
        self._client = client
        self._pulls = pulls

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        """Let GitHub merge once requirements are met; merge now if nothing is left to wait for.

        Raises:
            Conflict: A check that is not required has failed, or did not end within a minute.
        """
        for pause in (*CHECKS_PAUSES_SECONDS, None):
            refused = self._enable(pull_request, method)
            if refused is None:
                return
            if any(words in refused.message for words in _CLEAN):
                self.merge(pull_request, method)
                return
            if _NO_REQUIREMENTS in refused.message:
                self._merge_after_checks(pull_request, method)
                return
            if _UNSTABLE not in refused.message:
                raise _auto_merge_refused(refused) from refused
            self._wait(pull_request, self._checks_of(pull_request), pause)

    def merge_when_ready(self, pull_request: PullRequest, method: str) -> None:
        """Like `enable_auto_merge`, but merge after the checks if the repository has no auto-merge."""
        try:
            self.enable_auto_merge(pull_request, method)
        except (ServiceError, PermissionDenied) as error:
            if not any(words in error.message for words in _NO_WAITING):
                raise
            self._merge_without_waiting(pull_request, method, error)

    def merge(self, pull_request: PullRequest, method: str) -> str:
        """Merge now; return the base's new commit."""
        path = self._client.path("pulls", pull_request.number, "merge")
        body = {"merge_method": method, "sha": pull_request.head_sha}

        def send() -> str:
            return self._client.http.request("PUT", path, body=body, repeatable=False).fields.filled("sha")

        try:
            # Sent again after it was merged, it would be refused as not mergeable.
            return self._client.once(send, lambda: self._pulls.pull_request(pull_request.number).merge_commit or None)
        except ServiceError as error:
            if error.status not in (405, 409):
                raise
            raise Conflict(
                f"The pull request {pull_request.number} cannot be merged now: {error.message}",
                next_step=f"See what it waits for: {pull_request.url}",
                status=error.status,
            ) from error

    def _enable(self, pull_request: PullRequest, method: str) -> CmlkitError | None:
        """Enable auto-merge; return GitHub's refusal, if it refuses."""
        needs = "contents=write,pull_requests=write"
        node_id, how = pull_request.node_id, method.upper()
        try:
            self._client.http.graphql(_ENABLE_AUTO_MERGE, needs=needs, pullRequest=node_id, method=how)
        except (ServiceError, PermissionDenied) as error:
            return error
        return None

    def _merge_without_waiting(self, pull_request: PullRequest, method: str, refused: CmlkitError) -> None:
        try:
            self._merge_after_checks(pull_request, method)
        except Conflict as error:
            error.next_step = f"{error.next_step.rstrip('.')}. {refused.next_step or _ALLOW_AUTO_MERGE}"
            raise

    def _merge_after_checks(self, pull_request: PullRequest, method: str) -> None:
        """Merge once no check runs any more: GitHub itself would merge at once, as none is required."""
        for pause in (*CHECKS_PAUSES_SECONDS, None):
            checks = self._checks_of(pull_request)
            is_settled = not (checks.pending or checks.failed)
            if is_settled and (checks.is_whole or not self._is_unstable(pull_request)):
                break
            self._wait(pull_request, checks, pause)
        self.merge(pull_request, method)

    def _wait(self, pull_request: PullRequest, checks: CommitChecks, pause: float | None) -> None:
        """Wait for running checks.

        Raises:
            Conflict: A check has failed, or it was waited for long enough: `pause` is None.
        """
        if checks.failed:
            raise _left_open(
                pull_request,
                f"checks of it failed: {', '.join(checks.failed)}",
                "See them, and merge it by hand if they do not matter",
            )
        if pause is None:
            names = f"these checks still run: {', '.join(checks.pending)}" if checks.pending else ""
            raise _left_open(
                pull_request,
                f"after {sum(CHECKS_PAUSES_SECONDS):.0f} s {names or 'some of its checks still run, or have failed'}",
                "GitHub waits only for checks that the branch requires, by Settings > Branches or Rules: require them,"
                " or merge by hand",
            )
        self._client.http.clock.sleep(pause)

    def _checks_of(self, pull_request: PullRequest) -> CommitChecks:
        """Return the checks of the pull request's head, as far as the token may read them."""
        path = self._client.path("commits", pull_request.head_sha)
        states: list[tuple[str, str]] = []
        is_whole = True
        for part, key, state in (("check-runs", "check_runs", _run_state), ("status", "statuses", _status_state)):
            try:
                found = self._client.http.pages(f"{path}/{part}", key=key)
                states += [state(answer) for answer in found]
            except (PermissionDenied, NotFound):
                is_whole = False  # fine-grained tokens may never read check runs
        return CommitChecks(
            pending=tuple(name for name, state in states if state == "pending"),
            failed=tuple(name for name, state in states if state == "failed"),
            is_whole=is_whole,
        )

    def _is_unstable(self, pull_request: PullRequest) -> bool:
        answer = self._client.http.get(self._client.path("pulls", pull_request.number))
        return answer.text("mergeable_state", "") == "unstable"


def _run_state(run: Fields) -> tuple[str, str]:
    ended = "failed" if run.text("conclusion", "") in _FAILED else "passed"
    return run.filled("name"), ended if run.text("status") == "completed" else "pending"


def _status_state(status: Fields) -> tuple[str, str]:
    states = {"pending": "pending", "error": "failed", "failure": "failed"}
    return status.text("context"), states.get(status.text("state"), "passed")


def _left_open(pull_request: PullRequest, why: str, next_step: str) -> Conflict:
    return Conflict(
        f"The pull request {pull_request.number} is left open: {why}.", next_step=f"{next_step}: {pull_request.url}"
    )


def _auto_merge_refused(error: CmlkitError) -> CmlkitError:
    if "not allowed for this repository" in error.message:
        error.next_step = _ALLOW_AUTO_MERGE
    return error
