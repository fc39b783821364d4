"""A pull request with named files, without a training; later steps of the same run can find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import Conflict, SettingsError
from cmlkit.forges.base import NewPullRequest, PublishForge, PullRequest
from cmlkit.git.changes import committed_changes
from cmlkit.git.checkout import subject
from cmlkit.progress import Progress
from cmlkit.publishing.branch import experiment_branch
from cmlkit.publishing.commit import commit_files
from cmlkit.publishing.destination import destination, merge_by_itself, warn_of_pending_checks
from cmlkit.publishing.further_files import store_in_lfs
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.own_branch import signed
from cmlkit.publishing.pull_request import open_pull_request
from cmlkit.publishing.reconcile import beside_others, conflicting, holds, latest, settle, with_commits
from cmlkit.publishing.selection import JobFile, Selection, committed_to_lfs
from cmlkit.publishing.start import Start, locate, uploaded
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import markdown
from cmlkit.report.shortened import shortened
from cmlkit.sinks.plain_text import plain

BRANCH = "cmlkit/pr/{base}/{run}"
NAMES_SHOWN = 20
_OWN_WORDS = "Of the run "


@dataclass(frozen=True, kw_only=True)
class PullRequestSpec:
    """Settings of the pull request.

    Attributes:
        base: Branch that it targets; that of the run's event if empty.
        branch: Template of its branch; the fields are {base}, {run}, {attempt} and {sha}.
        title: Made from the names of the files if empty.
        message: Message of the commit; the title if empty.
        skip_ci: Whether the commit's message has [skip ci]; if None, unless there is a message or it is to be merged.
        auto_merge: merge, squash or rebase; empty for none.
    """

    base: str = ""
    branch: str = BRANCH
    title: str = ""
    body: str = ""
    message: str = ""
    skip_ci: bool | None = None
    auto_merge: str = ""

    @property
    def skips_ci(self) -> bool:
        return self.skip_ci if self.skip_ci is not None else not (self.message or self.auto_merge)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The content of a pull request that is to be opened.

    Attributes:
        files: Files on top of its start, or of its branch if that exists.
        conflicts: Paths of files whose changes do not go together with those of others since the checkout.
        subject: Subject of the job's last commit; empty if it made none.
    """

    start: Start
    files: tuple[JobFile, ...]
    conflicts: tuple[str, ...] = ()
    subject: str = ""


def publish_files(
    selection: Selection,
    spec: PullRequestSpec,
    *,
    directory: Path,
    forge: PublishForge,
    workflow_run: WorkflowRun,
    progress: Progress,
    clock: Clock | None = None,
) -> PullRequest | None:
    """Commit the files, and the commits that the job made, to a branch of this run, and open its pull request.

    Later calls in the same run add to the same pull request, and keep its title and text unless they name others. The
    checkout is not touched.

    Returns:
        The pull request; None if nothing changed, or if the base has these files already.

    Raises:
        SettingsError: The branch's name is wrong, the title too long, or the base branch does not exist.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    clock = clock or SystemClock()
    _check_title(spec.title, longest=forge.facts.limits.title)
    place = destination(workflow_run, forge=forge, named=spec.base)
    place.raise_if_refused()
    base, base_head = place.base, _base_head(place.base, forge, workflow_run)
    forge.check_start(base_head)
    proposal = _propose(
        selection,
        directory=directory,
        base_head=base_head,
        forge=forge,
        workflow_run=workflow_run,
        progress=progress,
        clock=clock,
    )
    if proposal is None:
        progress.note(f"Nothing changed: {base} needs no pull request.")
        return None
    if proposal.conflicts:
        progress.warn(_conflict_note(proposal.conflicts, base))
    store_in_lfs(selection.stored, forge=forge, clock=clock, say=progress.note)
    branch = experiment_branch(
        spec.branch,
        base=base,
        run=workflow_run.run_id,
        attempt=workflow_run.attempt,
        date="",
        sha=workflow_run.sha or base_head,
        named="--branch",
    )
    title = spec.title or _title(proposal)
    message = signed(f"{spec.message or title}{' [skip ci]' if spec.skips_ci else ''}", branch)
    left = _write(proposal, branch=branch, base=base, message=message, directory=directory, forge=forge, clock=clock)
    if left:
        progress.warn(_left_note(left, branch))
    notes = _notes(proposal, left, base=base, branch=branch)
    pull_request = _opened(spec, title, notes, branch=branch, base=base, forge=forge, workflow_run=workflow_run)
    if spec.skips_ci:
        warn_of_pending_checks(base, forge=forge, otherwise="--no-skip-ci", warn=progress.warn)
    if spec.auto_merge and not proposal.conflicts and not left:
        merge_by_itself(
            pull_request, spec.auto_merge, destination=place, enable=forge.merge_when_ready, warn=progress.warn
        )
    return pull_request


def _opened(
    spec: PullRequestSpec,
    title: str,
    notes: Sequence[str],
    *,
    branch: str,
    base: str,
    forge: PublishForge,
    workflow_run: WorkflowRun,
) -> PullRequest:
    """Open the pull request of the branch; one that exists keeps its title and text unless the spec names others."""
    existing = next(iter(forge.pull_requests(base=base, head=branch)), None)
    words = spec.body or _kept_words(existing)
    new = NewPullRequest(
        base=base,
        title=existing.title if existing and not spec.title else title,
        body=_body(words, notes, workflow_run, limit=forge.facts.limits.text),
        draft=False,
    )
    return open_pull_request(new, branch=branch, is_new=existing is None, forge=forge)


def _propose(
    selection: Selection,
    *,
    directory: Path,
    base_head: str,
    forge: PublishForge,
    workflow_run: WorkflowRun,
    progress: Progress,
    clock: Clock,
) -> Proposal | None:
    """Return what a pull request is to bring; None if that is nothing. Commits of the job are uploaded."""
    start = locate(selection.commit, directory=directory, base_head=base_head, forge=forge, workflow_run=workflow_run)
    if start.is_unknown:
        kept = committed_to_lfs(start.commit, since=start.known, directory=directory)
        store_in_lfs(kept, forge=forge, clock=clock, say=progress.note)
        start = uploaded(start, directory=directory, base_head=base_head, forge=forge)
    if not start.is_own and not _differs(selection.files, base_head, start, forge):
        return None
    if selection.commit is not None and start.is_foreign:
        return _onto_base(selection.files, start, forge=forge, directory=directory)
    own = selection.files
    if start.is_own and start.known != start.commit:
        own = with_commits(selection.files, committed_changes(directory, start.known, start.commit), directory)
    conflicts: tuple[str, ...] = ()
    if start.base_moved:
        moved = forge.divergence(start.commit, base_head).changed
        both = [file for file in own if moved is None or file.path in moved]
        conflicts = conflicting(both, onto=base_head, forge=forge, directory=directory)
    return Proposal(
        start=start,
        files=selection.files,
        conflicts=conflicts,
        subject=subject(directory, start.commit) if start.is_own and start.is_checkout else "",
    )


def _onto_base(files: Sequence[JobFile], start: Start, *, forge: PublishForge, directory: Path) -> Proposal:
    """Return what goes on top of the base for a checkout of another history: nothing that undoes what the base has."""
    conflicts = conflicting(files, onto=start.commit, forge=forge, directory=directory)
    kept = tuple(file for file in files if file.path not in conflicts)
    return Proposal(start=start, files=kept, conflicts=conflicts)


def _differs(files: Sequence[JobFile], base_head: str, start: Start, forge: PublishForge) -> bool:
    """Return whether a file is not what the base has."""
    if start.commit == base_head and start.is_checkout:
        return bool(files)
    there = forge.tree_files(base_head, [file.path for file in files])
    return not holds(there, files)


def _write(
    proposal: Proposal, *, branch: str, base: str, message: str, directory: Path, forge: PublishForge, clock: Clock
) -> tuple[str, ...]:
    """Bring the branch to the proposed commits and files; return the files that others have changed on it instead."""
    start = proposal.start
    head = forge.branch_head(branch)
    is_new = head is None
    if head is None and start.is_own:
        forge.create_branch(branch, start.commit)
        head = start.commit
    elif head is not None and start.is_own and forge.divergence(start.commit, head).behind:
        head = _merged(start.commit, branch, forge)
    if start.is_own and start.is_checkout:
        forge.let_go(start.commit)
    if not proposal.files:
        return ()
    if is_new or head is None:
        found = settle(proposal.files, onto=start.commit, forge=forge, directory=directory)
    elif _has_commits_of_others(branch, base, forge):
        found = beside_others(proposal.files, onto=head, start=start.commit, forge=forge, directory=directory)
    else:
        found = latest(proposal.files)
    commit_files(
        found.files,
        removes=found.removes,
        forge=forge,
        branch=branch,
        base_head=start.commit,
        head=head,
        message=message,
        clock=clock,
    )
    return tuple(file.path for file in found.conflicts)


def _merged(commit: str, branch: str, forge: PublishForge) -> str:
    """Merge the job's commits into its branch, which exists from an earlier try; return the branch's new head."""
    try:
        return forge.merge_into(branch, commit)
    except Conflict as error:
        raise Conflict(
            f"The job's own commits conflict with those on the branch {branch!r}.",
            next_step="Give each attempt a branch of its own, such as --branch 'cmlkit/pr/{base}/{run}-{attempt}'.",
        ) from error


def _has_commits_of_others(branch: str, base: str, forge: PublishForge) -> bool:
    existing = next(iter(forge.pull_requests(base=base, head=branch)), None)
    return existing is not None and bool(forge.pull_request_authors(existing.number) - {forge.login()})


def _check_title(title: str, *, longest: int) -> None:
    if len(title) > longest:
        raise SettingsError(
            f"The title has {len(title)} characters; a pull request takes {longest}.",
            next_step="Shorten --title, and give the rest as --body.",
        )


def _title(proposal: Proposal) -> str:
    names = ", ".join(PurePosixPath(file.path).name for file in proposal.files)
    # The subject of their own commit stays as people wrote it.
    words = plain(f"Update {names}") if names else " ".join(proposal.subject.split())
    return words[:200]


def _kept_words(existing: PullRequest | None) -> str:
    """Return the text of a pull request that a person wrote, or that an earlier call was given; empty if none did."""
    text = existing.body.strip() if existing else ""
    first, _, rest = text.partition("\n")
    words = rest if marker_in(first) else text
    return "" if words.startswith(_OWN_WORDS) else words


def _body(words: str, notes: Sequence[str], workflow_run: WorkflowRun, *, limit: int) -> str:
    """Return the text of the pull request; a long one of the user is cut, and the end says so."""
    words = words or f"{_OWN_WORDS}{workflow_run.url}"
    marker, ending = str(_marker(workflow_run)), "".join(f"\n\n{note}" for note in notes if note not in words)
    # The limit is exclusive, and a line break stands behind the marker.
    room = limit - len(marker) - len(ending) - 2
    return f"{marker}\n{shortened(words, room, lambda left: f'*{left}: too long for a pull request.*')}{ending}"


def _notes(proposal: Proposal, left: Sequence[str], *, base: str, branch: str) -> list[str]:
    """Return the words in markdown about files that others have changed, too."""
    code = markdown.code
    notes = [_conflict_note(proposal.conflicts, code(base), shown=code)] if proposal.conflicts else []
    return [*notes, *([_left_note(left, code(branch), shown=code)] if left else [])]


def _conflict_note(paths: Sequence[str], base: str, *, shown: Callable[[str], str] = str) -> str:
    return (
        f"Since the checkout, {base} has changed in files that the job changed, too: {_listing(paths, shown)}. Resolve"
        " the conflict in the pull request; it is not merged by itself."
    )


def _left_note(paths: Sequence[str], branch: str, *, shown: Callable[[str], str] = str) -> str:
    return (
        f"Others have changed these files on {branch} in the same lines as the job: {_listing(paths, shown)}. They stay"
        " as they are there; another branch (--branch) takes the job's."
    )


def _listing(paths: Sequence[str], shown: Callable[[str], str]) -> str:
    more = f" and {len(paths) - NAMES_SHOWN} more" if len(paths) > NAMES_SHOWN else ""
    return ", ".join(shown(path) for path in paths[:NAMES_SHOWN]) + more


def _marker(workflow_run: WorkflowRun) -> Marker:
    return Marker(kind="pull-request", subject="files", run=workflow_run.run_id, attempt=workflow_run.attempt)


def _base_head(base: str, forge: PublishForge, workflow_run: WorkflowRun) -> str:
    head = forge.branch_head(base)
    if head is None:
        raise SettingsError(
            f"{workflow_run.repository} has no branch {base!r} to open a pull request against.",
            next_step="Name one that exists with --target-branch.",
        )
    return head
