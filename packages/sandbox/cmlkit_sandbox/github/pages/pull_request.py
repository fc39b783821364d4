"""The contents of a pull request's page, for its template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from cmlkit_sandbox.github.accounts import Account
from cmlkit_sandbox.github.checks import CheckRun, CommitStatus
from cmlkit_sandbox.github.discussion import Label, PullRequest
from cmlkit_sandbox.github.git_changes import FileChange, changes, generated
from cmlkit_sandbox.github.merging import missing_checks, pull_commits
from cmlkit_sandbox.github.pages.diff import Row, rows
from cmlkit_sandbox.github.pages.files import file_at
from cmlkit_sandbox.github.refusals import Refusal
from cmlkit_sandbox.github.repository import Repository

Markdown = Callable[[str], Markup]
# A file with more changed lines than this is folded.
OPEN_LINES = 150
ICONS = {"success": "✓", "neutral": "■", "skipped": "↷", "failure": "✕", "cancelled": "⊘", "pending": "●"}
WORDS = {"success": "Successful", "failure": "Failing", "neutral": "Neutral", "pending": "In progress"}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry of the conversation: a comment with its HTML, a commit, or an event."""

    when: str
    author: Account | None
    kind: str
    text: str = ""
    anchor: str = ""
    html: Markup | None = None
    sha: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A check run or a commit status."""

    name: str
    state: str
    title: str
    url: str
    html: Markup | None = None

    @property
    def icon(self) -> str:
        return ICONS.get(self.state, "✕")


@dataclass(frozen=True, kw_only=True)
class ShownFile:
    """A changed file. `image` is its address, if it is an image that still exists; generated files are folded."""

    change: FileChange
    rows: tuple[Row, ...]
    image: str
    is_generated: bool

    @property
    def is_open(self) -> bool:
        return self.change.changes <= OPEN_LINES and not self.is_generated


def state_of(pull: PullRequest) -> str:
    """Return Open, Draft, Merged or Closed."""
    if pull.merged:
        return "Merged"
    if pull.state == "closed":
        return "Closed"
    return "Draft" if pull.draft else "Open"


def labels_of(repository: Repository, pull: PullRequest) -> list[Label]:
    return [repository.labels[name] for name in pull.labels]


def conversation(repository: Repository, pull: PullRequest, markdown: Markdown) -> list[Event]:
    """Return the conversation in order; the description first."""
    body = markdown(pull.body) if pull.body else Markup("<p><em>No description provided.</em></p>")
    first = Event(when=pull.created, author=pull.author, kind="comment", html=body, anchor="description")
    events = [*_commits(repository, pull), *_comments(repository, pull, markdown), *_endings(pull)]
    return [first, *sorted(events, key=lambda event: event.when)]


def _commits(repository: Repository, pull: PullRequest) -> Iterator[Event]:
    for sha in pull_commits(repository, pull):
        commit = repository.git.commit(sha)
        yield Event(when=commit.committer.iso, author=None, kind="commit", text=commit.title, sha=sha)


def _comments(repository: Repository, pull: PullRequest, markdown: Markdown) -> Iterator[Event]:
    for comment in repository.comments_of(pull.number):
        html, anchor = markdown(comment.body), f"issuecomment-{comment.id}"
        edited = "edited" if comment.updated != comment.created else ""
        yield Event(when=comment.created, author=comment.author, kind="comment", html=html, anchor=anchor, text=edited)
    for review in pull.reviews:
        text = review.state.lower().replace("_", " ")
        yield Event(when=review.submitted, author=review.author, kind="event", text=f"reviewed: {text}")


def _endings(pull: PullRequest) -> Iterator[Event]:
    if pull.merged:
        sha = pull.merge_commit or ""
        yield Event(when=pull.merged, author=pull.merged_by, kind="merged", text="merged commit", sha=sha)
    elif pull.closed:
        yield Event(when=pull.closed, author=pull.closed_by, kind="closed", text="closed this")


def verdicts(repository: Repository, pull: PullRequest, markdown: Markdown, root: str) -> list[Verdict]:
    """Return the newest verdict of each name on the head commit, and the required checks that are still missing.

    Args:
        root: Address of the repository.
    """
    runs = [run for run in list(repository.check_runs.values()) if run.sha == pull.head_sha]
    found = {run.name: _of_run(run, markdown, root) for run in runs}
    found |= {each.context: _of_status(each) for each in repository.statuses if each.sha == pull.head_sha}
    for name in missing_checks(repository, pull):
        found.setdefault(name, Verdict(name=name, state="pending", title="Expected", url=""))
    return list(found.values())


def _of_run(run: CheckRun, markdown: Markdown, root: str) -> Verdict:
    shown = "\n\n".join(filter(None, (run.output.summary, run.output.text)))
    return Verdict(
        name=run.name,
        state=run.conclusion or "pending",
        title=run.output.title or WORDS.get(run.conclusion or "pending", ""),
        url=run.details_url or f"{root}/runs/{run.id}",
        html=markdown(shown) if shown else None,
    )


def _of_status(status: CommitStatus) -> Verdict:
    state = "failure" if status.state == "error" else status.state
    return Verdict(name=status.context, state=state, title=status.description or "", url=status.target_url or "")


def shown_files(repository: Repository, old: str, new: str, image: Callable[[str], str], root: str) -> list[ShownFile]:
    """Return the files that differ between two commits.

    Args:
        image: Maps a file to the address of its image.
        root: Address of the repository.
    """
    changed = changes(repository.git, old, new)
    marked = generated(repository.git, new, [change.path for change in changed])
    return [_shown_file(repository, each, new, image, root, is_generated=each.path in marked) for each in changed]


def _shown_file(
    repository: Repository, change: FileChange, sha: str, image: Callable[[str], str], root: str, *, is_generated: bool
) -> ShownFile:
    picture = ""
    try:
        is_image = change.status != "removed" and file_at(repository, f"{sha}/{change.path}").is_image
        picture = image(f"{root}/raw/{sha}/{change.path}") if is_image else ""
    except Refusal:
        picture = ""
    return ShownFile(change=change, rows=tuple(rows(change.patch)), image=picture, is_generated=is_generated)
