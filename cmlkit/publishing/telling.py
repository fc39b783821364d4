"""Telling: comment, check, labels and the like, and what becomes of the pull requests before this one."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cmlkit.errors import PermissionDenied, ServiceError
from cmlkit.forges.base import Conclusion, PublishForge, PullRequest
from cmlkit.progress import Progress
from cmlkit.publishing import wording
from cmlkit.publishing.comment import add_comment, keep_comment
from cmlkit.publishing.destination import warn_of_pending_checks
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.plan import PublishPlan
from cmlkit.publishing.pull_request import (
    Reception,
    close_for,
    marked_pull_requests,
    newest_of_newer,
    supersede,
)
from cmlkit.publishing.wording import rejections
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import MARKER_ROOM, Report
from cmlkit.report.markdown import code
from cmlkit.settings.schema import PublishSpec
from cmlkit.sinks.plain_text import plain
from cmlkit.together import together

CHECK_NAME = "cmlkit"
# Many writes at once trigger GitHub's secondary limits.
# https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
WRITES_AT_ONCE = 3


@dataclass(kw_only=True)
class Told:
    """The result of telling people; `superseded` has the numbers of the pull requests that were closed."""

    comment_url: str = ""
    check_url: str = ""
    superseded: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Telling:
    """The words to people about one commit and its pull request.

    Attributes:
        is_new: Whether the branch was made for this result.
        receptions: Number of a pull request that this one supersedes -> its reception, if that was read a moment ago.
    """

    plan: PublishPlan
    spec: PublishSpec
    forge: PublishForge
    workflow_run: WorkflowRun
    progress: Progress
    pull_request: PullRequest
    is_new: bool
    commit: str
    report: Report
    receptions: Mapping[int, Reception]

    def tell(self) -> Told:
        """Supersede, comment, check, label and so on, a few at a time; return what came of the first three.

        Raises:
            CmlkitError: The first error of a step that is not optional, after all other steps have ended.
        """
        told = Told()

        def supersede_earlier() -> None:
            told.superseded = self._supersede()

        def comment() -> None:
            told.comment_url = self._comment()

        def check() -> None:
            told.check_url = self._check()

        # The longest first.
        together(supersede_earlier, comment, check, *self._settling(), at_once=WRITES_AT_ONCE)
        return told

    def _supersede(self) -> tuple[int, ...]:
        """Close the superseded pull requests; return their numbers.

        With `update` there are any only if other runs opened theirs at the same time, as each saw none to go on with.
        """
        updates = self.spec.on_existing == "update"
        if self.spec.on_existing == "keep" or (updates and not self.is_new):
            return ()
        plan = self.plan
        found = marked_pull_requests(plan.base, plan.marker, forge=self.forge)
        closed = supersede(
            found,
            current=self.pull_request,
            marker=plan.marker,
            forge=self.forge,
            known=self.receptions,
            warn=self.progress.note if updates else self.progress.warn,
            stays=plan.precedence.outranks,
        )
        self._give_way(found)
        return tuple(item.number for item in closed)

    def _give_way(self, found: Sequence[PullRequest]) -> None:
        """Close this pull request if that of a newer run is open, whichever of them was opened first.

        Of runs that publish at the same time, each sees those that opened theirs before; the newest closes the others
        that it sees, and the others that it does not see, see it. A run that somebody runs again is wanted as it is.
        """
        plan = self.plan
        newer = newest_of_newer(found, marker=plan.marker, login=self.forge.login())
        if newer is None or plan.marker.attempt > 1 or not plan.precedence.yields_to(newer):
            return
        if close_for(self.pull_request, newer, marker=plan.marker, forge=self.forge, warn=self.progress.warn):
            self.progress.warn(
                f"The pull request #{newer.number} has the model of a newer run: #{self.pull_request.number} is closed."
            )

    def _comment(self) -> str:
        if self.spec.comment == "none":
            return ""
        write = keep_comment if self.spec.comment == "update" else add_comment
        # Under a pull request, its readers are to see the result; theirs is the choice to merge it into their branch.
        place, note = self.pull_request.number, ""
        if (event := self.plan.destination.pull_request) is not None and event != place:
            place, note = event, f"The result is in #{place}, to be merged into {code(self.plan.base)}.\n\n"
        text = note + self.report.markdown(limit=self._comment_length - len(note))
        return write(place, text, self._report_marker, forge=self.forge).url

    @property
    def _report_marker(self) -> Marker:
        return dataclasses.replace(self.plan.marker, kind="report")

    def _check(self) -> str:
        """Create a check run, or a commit status if the token may not create check runs; return its URL."""
        if not self.spec.check:
            return ""
        title, url = plain(wording.brief(self.plan.verdict)), self.workflow_run.url
        checked = self.plan.destination.commit or self.commit
        try:
            return self.forge.create_check(
                name=CHECK_NAME,
                commit=checked,
                conclusion=self._conclusion,
                title=title,
                summary=wording.summary(self.report, longest=self.forge.facts.limits.summary),
                details_url=url,
                annotations=rejections(self.plan, level="warning" if self.spec.on_rejected == "warn" else "failure"),
            ).url
        except PermissionDenied as refused:
            try:
                return self.forge.create_status(
                    name=CHECK_NAME, commit=checked, conclusion=self._conclusion, title=title, details_url=url
                )
            except PermissionDenied:
                self.progress.warn(f"No check was created: {refused}")
                return ""

    @property
    def _comment_length(self) -> int:
        return self.forge.facts.limits.text - MARKER_ROOM

    @property
    def _conclusion(self) -> Conclusion:
        if self.plan.verdict.accepted:
            return "success" if self.plan.verdict.may_merge else "neutral"
        return "neutral" if self.spec.on_rejected == "warn" else "failure"

    def _settling(self) -> list[Callable[[], None]]:
        """Return the optional steps: draft, labels, reviewers, assignees, milestone, and a look at required checks."""
        forge, spec, pull_request = self.forge, self.spec, self.pull_request
        number = pull_request.number
        is_ours = marker_in(pull_request.body) == self.plan.marker
        steps: list[tuple[object, str, Callable[[], object]]] = [
            (spec.labels, "The labels are not set", lambda: forge.add_labels(number, spec.labels)),
            (spec.reviewers, "Nobody is asked for a review", lambda: self._ask_reviewers(number)),
            (spec.assignees, "Nobody is assigned", lambda: forge.add_assignees(number, spec.assignees)),
            (spec.milestone, "The milestone is not set", lambda: forge.set_milestone(number, spec.milestone)),
            (
                is_ours and pull_request.draft != self.plan.draft,
                "The draft state is unchanged",
                lambda: forge.set_draft(pull_request, self.plan.draft),
            ),
            (spec.skip_ci, "", self._warn_of_pending_checks),
        ]
        return [functools.partial(self._optional, otherwise, act) for wanted, otherwise, act in steps if wanted]

    def _warn_of_pending_checks(self) -> None:
        warn_of_pending_checks(self.plan.base, forge=self.forge, otherwise="--no-skip-ci", warn=self.progress.warn)

    def _ask_reviewers(self, number: int) -> None:
        teams = [name.rpartition("/")[2] for name in self.spec.reviewers if "/" in name]
        people = [name for name in self.spec.reviewers if "/" not in name]
        self.forge.request_reviewers(number, people=people, teams=teams)

    def _optional(self, otherwise: str, act: Callable[[], object]) -> None:
        """Do an optional step: a refusal is a warning; an outage is an error, so that the run is repeated."""
        try:
            act()
        except PermissionDenied as error:
            self.progress.warn(f"{otherwise}: {error}")
        except ServiceError as error:
            if error.status not in (404, 422):
                raise
            self.progress.warn(f"{otherwise}: {error}")
