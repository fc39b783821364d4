"""Precedence: a newer run's model stays where it is, and a rejected model never takes an accepted one's place.

A branch says whose model it has in the model's manifest, which is committed with the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cmlkit.clock import Clock
from cmlkit.errors import Conflict, ModelError
from cmlkit.forges.base import PublishForge, PullRequest
from cmlkit.gate.verdict import Verdict
from cmlkit.model.manifest import ModelManifest, RecordedVerdict
from cmlkit.publishing.branch import refused
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.own_branch import check_own
from cmlkit.publishing.pull_request import earlier_pull_requests

Reason = Literal["", "newer", "accepted"]

_WORDS = {"newer": "the model of a newer run", "accepted": "a model that the gate accepted, unlike this one"}


class Overtaken(Conflict):
    """Another run, whose model stays, wrote to the branch after the plan was made."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The run that a model is from.

    Attributes:
        run: GitHub's id of the run, or another id outside Actions.
        trained: ISO 8601, in UTC; empty if unknown.
        is_accepted: Whether the gate accepted the model.
    """

    run: str
    attempt: int
    trained: str
    is_accepted: bool

    def is_same_run(self, other: Origin) -> bool:
        return (self.run, self.attempt) == (other.run, other.attempt)

    def is_older_than(self, other: Origin) -> bool:
        """Return whether the other is later: by id and attempt in Actions, whose ids grow, else by the training."""
        if self.run == other.run:
            return self.attempt < other.attempt
        if self.run.isdecimal() and other.run.isdecimal():
            return int(self.run) < int(other.run)
        return bool(self.trained and other.trained) and self.trained < other.trained

    def must_leave(self, other: Origin | None) -> Reason:
        """Return why this model may not take the other's place; empty if it may."""
        if other is None or self.is_same_run(other):
            return ""
        if self.is_older_than(other):
            return "newer"
        return "accepted" if other.is_accepted and not self.is_accepted else ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The branch for a model.

    Attributes:
        head: Its head; None if there is no such branch yet.
        kept: Branch, or `#` and the number of the pull request, that keeps its model instead; empty if none does.
        reason: Why it does.
    """

    branch: str
    head: str | None = None
    kept: str = ""
    reason: Reason = ""

    def sentence(self, *, quoted: Callable[[str], str] = str) -> str:
        """Return a sentence for people; empty if the model is at the place that the settings name."""
        if not self.reason:
            return ""
        kept = self.kept if self.kept.startswith("#") else quoted(self.kept)
        return f"{kept} has {_WORDS[self.reason]}, and stays as it is: this result is on {quoted(self.branch)}."


@dataclass(frozen=True, kw_only=True)
class Precedence:
    """The rules of precedence for one model of one run.

    Attributes:
        ours: The run that publishes.
        marker: Identifies its pull request.
        manifest: Repository path of the model's manifest.
        base: The branch that pull requests target; `base_head` is its head.
    """

    ours: Origin
    marker: Marker
    manifest: str
    base: str
    base_head: str
    forge: PublishForge
    clock: Clock

    def place(self, name: str, *, reuses: bool) -> Place:
        """Return the branch: that of an open pull request, `name`, or one beside it if that keeps its model.

        Args:
            name: The branch that the settings name.
            reuses: Whether to go on with the branch of an earlier pull request.

        Raises:
            SettingsError: The branch exists, and cmlkit did not make it.
        """
        kept: tuple[str, Reason] = ("", "")
        if reuses:
            earlier = earlier_pull_requests(self.base, self.marker, forge=self.forge)
            found = [(item, self._of_pull_request(item)) for item in earlier]
            left = [(f"#{item.number}", why) for item, origin in found if (why := self.ours.must_leave(origin))]
            kept = left[0] if left else kept
            if free := [each for each in found if not self.ours.must_leave(each[1])]:
                branch = max(free, key=lambda each: self._rank(each[1]))[0].head
                return Place(branch=branch, head=self.forge.branch_head(branch), kept=kept[0], reason=kept[1])
        head = self._own_head(name)
        if head is not None and (reason := self.ours.must_leave(self._of_branch(name, head))):
            kept = kept if kept[1] else (name, reason)
            name = beside(name, self.marker)
            head = self._own_head(name)
        return Place(branch=name, head=head, kept=kept[0], reason=kept[1])

    def _own_head(self, name: str) -> str | None:
        head = self.forge.branch_head(name)
        if head is not None:
            check_own(name, head, base=self.base_head, run=self.marker.run, forge=self.forge, clock=self.clock)
        return head

    def _rank(self, origin: Origin | None) -> tuple[bool, bool]:
        """Prefer the run's own earlier try, then an accepted model's pull request; the newest comes first anyway."""
        return (False, False) if origin is None else (origin.is_same_run(self.ours), origin.is_accepted)

    def is_judged_alike(self, branch: str, head: str) -> bool:
        """Return whether the gate found of the model at the head of the branch what it found of this one.

        Raises:
            Overtaken: That model must stay there.
        """
        origin = self._of_branch(branch, head)
        if self.ours.must_leave(origin):
            raise Overtaken(f"Another run has written its model to the branch {branch!r}.", next_step="Run it again.")
        return origin is None or origin.is_accepted == self.ours.is_accepted

    def outranks(self, pull_request: PullRequest) -> bool:
        """Return whether an earlier pull request's model may not be given up for this one."""
        return not self.ours.is_accepted and bool(self.ours.must_leave(self._of_pull_request(pull_request)))

    def yields_to(self, pull_request: PullRequest) -> bool:
        """Return whether this model may be given up for that of a newer run's pull request."""
        theirs = self._of_pull_request(pull_request)
        return theirs is None or theirs.is_accepted or not self.ours.is_accepted

    def is_overtaken(self) -> bool:
        """Return whether a newer run has an open pull request for the model."""
        markers = (marker_in(item.body) for item in earlier_pull_requests(self.base, self.marker, forge=self.forge))
        return any(found is not None and self.marker.is_older_than(found) for found in markers)

    def _of_pull_request(self, pull_request: PullRequest) -> Origin | None:
        """Return the origin of a pull request's model; None if it has none that is known."""
        content = self.forge.read_file(self.manifest, ref=pull_request.head_sha) or b""
        return origin_in(content) or self._of_marker(pull_request)

    def _of_branch(self, branch: str, head: str) -> Origin | None:
        content = self.forge.read_file(self.manifest, ref=head)
        if content is None:
            return None
        opened = [] if (found := origin_in(content)) else self.forge.pull_requests(base=self.base, head=branch)
        return self._of_marker(opened[0]) if opened else found

    def _of_marker(self, pull_request: PullRequest) -> Origin | None:
        """Return what the body tells, as of a pull request of 0.1.0, whose manifest has no verdict."""
        found = marker_in(pull_request.body)
        if found is None or not found.is_about(self.marker):
            return None
        return Origin(run=found.run, attempt=found.attempt, trained="", is_accepted=not pull_request.draft)


def origin_in(content: bytes) -> Origin | None:
    """Return the origin that a manifest tells; None if it is malformed, or has no verdict."""
    try:
        manifest = ModelManifest.from_json(content, source="a manifest")
    except ModelError:
        return None
    return origin_of(manifest.verdict, trained=manifest.created)


def origin_of(verdict: RecordedVerdict | None, *, trained: str) -> Origin | None:
    """Return the origin of a model with this verdict; None without one, as of a model that was not published."""
    if verdict is None or not verdict.run:
        return None
    return Origin(run=verdict.run, attempt=verdict.attempt, trained=trained, is_accepted=verdict.accepted)


def recorded(verdict: Verdict, marker: Marker) -> RecordedVerdict:
    """Return the verdict as a manifest has it."""
    failed = tuple(result.text for result in verdict.rules if result.passed is False)
    return RecordedVerdict(outcome=verdict.outcome, failed=failed, run=marker.run, attempt=marker.attempt)


def beside(name: str, marker: Marker) -> str:
    """Return the name of this run's own branch, if the one of this name keeps its model."""
    own = f"{name}-{marker.attempt}" if name.endswith(marker.run) else f"{name}-{marker.run}-{marker.attempt}"
    return f"cmlkit/{marker.run}-{marker.attempt}" if refused(own) else own
