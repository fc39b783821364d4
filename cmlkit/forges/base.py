"""Protocols of a forge, one per need, and the values that they exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

from cmlkit.forges.access import AccessForge
from cmlkit.forges.facts import ForgeFacts
from cmlkit.forges.runners import RunnerForge
from cmlkit.forges.workflows import FailedRunsForge, JobForge, WorkflowForge
from cmlkit.git.objects import blob_id

if TYPE_CHECKING:
    from pathlib import Path

    from cmlkit.git.access import GitAccess


Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]
CheckStatus = Literal["queued", "in_progress", "completed"]


# The author of what a deleted account left.
DELETED_ACCOUNT = "ghost"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository: `OWNER/NAME`, its default branch, and whether the public can read it."""

    full_name: str
    default_branch: str
    private: bool
    url: str


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request.

    Attributes:
        node_id: GitHub's GraphQL id, which auto-merge needs.
        head: Branch that holds the change; `head_sha` is its commit.
        head_repository: `OWNER/NAME` of the repository that has this branch; empty if that was deleted.
        base: Branch that it targets.
        state: `open` or `closed`.
        author: Login of the person or App that opened it.
        merge_commit: The commit that merged it into its base; empty if it is not merged.
    """

    number: int
    url: str
    node_id: str
    title: str
    body: str
    head: str
    head_sha: str
    base: str
    state: str
    draft: bool
    author: str
    labels: tuple[str, ...] = ()
    merge_commit: str = ""
    head_repository: str = ""


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment. `place` is the number of its pull request or issue, or the id of its commit."""

    id: int
    place: int | str
    url: str
    body: str
    author: str


@dataclass(frozen=True, kw_only=True)
class Issue:
    """An open issue, which is no pull request; `author` is the login of who opened it.

    Attributes:
        locked: Whether its conversation is, so that a job's token may neither change nor close it.
    """

    number: int
    url: str
    body: str
    author: str
    locked: bool = False


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A check's remark at a line of a file, shown among the changes; lines count from 1."""

    path: str
    line: int
    level: Literal["notice", "warning", "failure"]
    title: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check run."""

    id: int
    url: str


@dataclass(frozen=True, kw_only=True)
class TreeFile:
    """One file of a commit: its path in the repository, and the id of its bytes' blob; None removes the file."""

    path: str
    blob: str | None
    mode: str = "100644"


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file to commit; `path` is its path in the repository.

    Attributes:
        mode: git's mode: 100644, 100755 for a program, or 120000 for a symbolic link, whose content is its target.
    """

    path: str
    content: bytes = field(repr=False)
    mode: str = "100644"

    @cached_property
    def blob(self) -> str:
        """git's id of the content."""
        return blob_id(self.content)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of a commit, with the files' contents.

    Attributes:
        removes: Existing paths to remove.
        merging: Another commit to merge, whose files replace the parent's.
        known: Ids of blobs that the repository already has.
    """

    message: str
    files: Sequence[NewFile]
    removes: Sequence[str] = ()
    merging: str = ""
    known: Set[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NewPullRequest:
    """A pull request that is to be opened, of a branch into `base`."""

    base: str
    title: str
    body: str
    draft: bool


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Questions that a publish is about to ask.

    Attributes:
        base: Branch that the pull request targets, or is likely to.
        branch: Branch of the commit; empty if it is not known yet.
        folders: Paths of the folders of the commit's files; empty for the root.
        manifest: Path of the file whose `history` latest versions are going to be read.
    """

    base: str
    branch: str
    folders: Sequence[str]
    manifest: str
    history: int


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """How far a commit is from another.

    Attributes:
        behind: Number of the other's commits that it lacks.
        ahead: Number of its commits that the other lacks.
        changed: Paths changed since their merge base; None if there are more than the forge lists.
    """

    behind: int
    ahead: int = 0
    changed: frozenset[str] | None


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit: its id and its message."""

    id: str
    message: str


@dataclass(frozen=True, kw_only=True)
class AnnotatedTag:
    """An annotated tag: the id of its object, its name, the commit that it names, and its message."""

    id: str
    name: str
    commit: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """A workflow's statement about a file. Fields are empty if unknown.

    Attributes:
        predicate_type: What kind of statement, such as `https://slsa.dev/provenance/v1`.
        repository: Address of the repository whose workflow it was.
        workflow: Path of the workflow's file; `ref` is its branch or tag.
        run: Address of the workflow run.
    """

    predicate_type: str
    repository: str
    workflow: str
    ref: str
    run: str


class AssetForge(Protocol):
    """The forge as pruning images needs it."""

    @property
    def facts(self) -> ForgeFacts: ...

    def branch_head(self, branch: str) -> str | None:
        """Return the commit id of the branch's head, or None if the branch does not exist."""

    def root_files(self, commit: str) -> dict[str, str]:
        """Return name -> blob id of the files in the root folder of the commit."""

    def messages_since(self, ref: str, moment: float) -> list[str]:
        """Return the messages of the commits up to `ref` made since `moment`, in seconds since the epoch."""

    def create_commit(self, *, parent: str, files: Iterable[TreeFile], message: str) -> str:
        """Commit existing blobs, without history if `parent` is empty; return the commit's id. No branch moves."""

    def replace_branch(self, branch: str, commit: str, *, expected: str) -> None:
        """Set the branch to a commit of another history. Conflict if it is not at `expected`."""

    def open_discussions(self) -> dict[int, str]:
        """Return number -> body of the open issues and pull requests."""

    def update_body(self, number: int, body: str) -> None:
        """Replace the body of an issue or pull request."""

    def comments(self, place: int | str) -> list[Comment]:
        """Return all comments, oldest first."""

    def update_comment(self, comment: Comment, body: str) -> Comment: ...


class ContentForge(Protocol):
    """Branches and commits: the part that differs if they go to a fork."""

    def repository(self) -> Repository: ...

    def git_access(self) -> GitAccess:
        """Return URL and credentials for git and LFS."""

    def check_start(self, commit: str) -> None:
        """Look, before anything is written, whether a branch can start at a commit of the base.

        Raises:
            PermissionDenied: The forge will surely refuse it to this token.
        """

    def branch_head(self, branch: str) -> str | None:
        """Return the commit id of the branch's head, or None if the branch does not exist."""

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        """Return the file's bytes at `ref`, or None if it is missing. Files up to 100 MiB."""

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        """Return path -> blob id of those of `paths` that are files in the commit's tree."""

    def tree_files(self, commit: str, paths: Iterable[str]) -> Mapping[str, TreeFile]:
        """Return path -> file, with its mode, of those of `paths` that are files in the commit's tree."""

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        """Commit on top of `parent`, and move the branch to the commit; return its id.

        Args:
            parent: The branch's head, or the start of a new branch; empty for a commit without history.
            is_new: Whether to create the branch.

        Raises:
            Conflict: The branch has moved, or another process has created it.
        """

    def upload(self, changes: Changes, *, parent: str) -> None:
        """Upload contents ahead of the commit that has them, as far as that saves time later; nobody sees them."""

    def divergence(self, base: str, head: str) -> Divergence:
        """Return how far the commit `head` is from the commit `base`. NotFound if either is unknown."""

    def push_commit(self, commit: str, *, directory: Path) -> None:
        """Upload a commit of the checkout at `directory`, with all that it builds on; no branch moves."""

    def let_go(self, commit: str) -> None:
        """Remove what keeps an uploaded commit, from this try or an earlier one: a branch has it by now."""

    def create_branch(self, branch: str, commit: str) -> None:
        """Create the branch at a commit. Conflict if it exists elsewhere."""

    def merge_into(self, branch: str, commit: str) -> str:
        """Merge the commit into the branch, file by file; return the new head. Conflict if they conflict."""

    def delete_branch(self, branch: str) -> None:
        """Delete the branch, unless it is gone already."""


class PullRequestForge(Protocol):
    """Pull requests."""

    def pull_requests(
        self, *, base: str = "", head: str = "", state: str = "open", limit: int | None = None
    ) -> list[PullRequest]:
        """Return pull requests, to `base` and from the branch `head` if given, newest first; all without `limit`.

        Args:
            head: A branch, or `OWNER:BRANCH` for one of a fork.
        """

    def pull_request(self, number: int) -> PullRequest:
        """Return the pull request. NotFound if missing."""

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        """Return pull requests in any state that contain the commit."""

    def pull_request_authors(self, number: int) -> set[str]:
        """Return the logins (or e-mail addresses) of all who committed to or reviewed the pull request."""

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        """Create it, or return the open one of this head and base that another process or a lost request created.

        It is no draft if the repository has no drafts.
        """

    def update_pull_request(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> PullRequest: ...

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        """Make it a draft, or mark it ready for review."""

    def add_labels(self, number: int, labels: Sequence[str]) -> None: ...

    def request_reviewers(self, number: int, *, people: Sequence[str] = (), teams: Sequence[str] = ()) -> None:
        """Ask people by login and teams by slug for a review."""

    def add_assignees(self, number: int, people: Sequence[str]) -> None: ...

    def set_milestone(self, number: int, title: str) -> None:
        """Set the milestone. NotFound if none has that title."""

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        """Let the forge merge once requirements are met; `method` is merge, squash or rebase."""

    def merge_when_ready(self, pull_request: PullRequest, method: str) -> None:
        """Like `enable_auto_merge`, but merge at once if the forge does not wait. Conflict if it cannot be merged."""


class CommentForge(Protocol):
    """Comments."""

    def comments(self, place: int | str) -> list[Comment]:
        """Return all comments of a pull request or issue, by number, or of a commit, by id; oldest first."""

    def create_comment(self, place: int | str, body: str) -> Comment: ...

    def comment_among(self, place: int | str, body: str) -> list[Comment]:
        """Create a comment; return all that are there then, oldest first, with those that others made meanwhile."""

    def update_comment(self, comment: Comment, body: str) -> Comment: ...

    def delete_comment(self, comment: Comment) -> None:
        """Delete the comment, unless it is gone already."""


class CheckForge(Protocol):
    """Checks and statuses of commits."""

    def required_checks(self, branch: str) -> list[str]:
        """Return the names of the checks that a merge into the branch requires, as far as the token may see them."""

    def create_check(
        self,
        *,
        name: str,
        commit: str,
        conclusion: Conclusion,
        title: str,
        summary: str,
        details_url: str = "",
        status: CheckStatus = "completed",
        annotations: Sequence[Annotation] = (),
    ) -> Check:
        """Create the commit's check run of this name, or update the one that cmlkit created before.

        `conclusion` is ignored until it is completed. An updated check keeps its
        annotations.
        """

    def create_status(
        self, *, name: str, commit: str, conclusion: Conclusion, title: str, details_url: str = ""
    ) -> str:
        """Create a commit status, for tokens that may not create check runs; return its URL."""


class PublishForge(ContentForge, PullRequestForge, CommentForge, CheckForge, FailedRunsForge, JobForge, Protocol):
    """The forge as publishing needs it. Paths are repository paths; refs are branch names or commit ids."""

    @property
    def facts(self) -> ForgeFacts: ...

    def look_ahead(self, outlook: Outlook) -> None:
        """Ask at once what is going to be asked, if the forge can; the questions themselves are then answered sooner.

        It raises nothing: a question that cannot be answered ahead is asked later.
        """

    def commit_and_open(
        self, changes: Changes, *, branch: str, parent: str, pull_request: NewPullRequest
    ) -> tuple[str, PullRequest | None]:
        """Commit on top of `parent` to a new branch, and open the pull request if that can be done in the same step.

        Returns:
            The commit's id, and the pull request; None if it remains to be created.

        Raises:
            Conflict: Another process has created the branch.
        """

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        """Return the ids of the latest commits up to `ref` that changed the file, newest first; at most 100."""

    def find_commit(self, name: str) -> Commit:
        """Return the commit of a branch, a tag or a (short) id. NotFound if missing."""

    def author_of(self, commit: str) -> str:
        """Return the login of the commit's author, or the e-mail address if the forge knows no login."""

    def login(self) -> str:
        """Return the login that the token acts as."""

    def token_note(self) -> str:
        """Return a note about the token for readers of its pull requests; empty if none is needed."""


class IssueForge(Protocol):
    """The forge as telling of failed runs needs it."""

    def login(self) -> str:
        """Return the login that the token acts as."""

    def issues(self) -> list[Issue]:
        """Return the open issues, oldest first."""

    def create_issue(self, *, title: str, body: str) -> Issue:
        """Open an issue, once, also if an answer is lost."""

    def update_body(self, number: int, body: str) -> None:
        """Replace the body of an issue or pull request."""

    def close_issue(self, number: int) -> None:
        """Close an issue as completed."""

    def create_comment(self, place: int | str, body: str) -> Comment: ...


class AttestationForge(Protocol):
    """The forge as reading attestations needs it."""

    def attestations(self, sha256: str) -> list[Attestation]:
        """Return workflows' statements about a file with this hash, in hexadecimal; signatures are not checked."""


class PromotionForge(Protocol):
    """The forge as promoting needs it."""

    def repository(self) -> Repository: ...

    def branch_head(self, branch: str) -> str | None:
        """See `ContentForge`."""

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        """See `ContentForge`."""

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        """See `ContentForge`."""

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        """See `ContentForge`."""

    def find_commit(self, name: str) -> Commit:
        """Return the commit of a branch, a tag or a (short) id. NotFound if missing."""

    def tag_ids(self, prefix: str) -> Mapping[str, str]:
        """Return name -> id of the tag's object for tags below `prefix/`; empty for a lightweight tag."""

    def tag(self, tag_id: str) -> AnnotatedTag: ...

    def check_tag(self, commit: str) -> None:
        """Look, before anything is written, whether the commit can get a tag. PermissionDenied if it surely cannot."""

    def create_tag(self, name: str, *, commit: str, message: str) -> AnnotatedTag:
        """Create a tag. Conflict if one of this name exists; none is ever moved."""

    def pull_request(self, number: int) -> PullRequest:
        """Return the pull request. NotFound if missing."""

    def merge(self, pull_request: PullRequest, method: str) -> str:
        """Merge now, at `head_sha`; return the base's new commit. Conflict if it cannot be merged."""


class Forge(
    RunnerForge,
    PublishForge,
    PromotionForge,
    AssetForge,
    IssueForge,
    AttestationForge,
    WorkflowForge,
    AccessForge,
    Protocol,
):
    """A whole forge."""
