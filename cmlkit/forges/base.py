"""What cmlkit needs of a forge, in the forge's own nouns. `forges/github` is the one there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

from cmlkit.forges.access import AccessForge
from cmlkit.forges.facts import ForgeFacts
from cmlkit.forges.runners import RunnerForge
from cmlkit.forges.workflows import WorkflowForge
from cmlkit.git.objects import blob_id

if TYPE_CHECKING:
    from cmlkit.git.access import GitAccess


Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]
CheckStatus = Literal["queued", "in_progress", "completed"]


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
        base: Branch that it targets.
        state: `open` or `closed`.
        author: Login of whoever opened it.
        merge_commit: The commit by which it came to its base; empty where it has not been merged.
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


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment. `place` is the number of its pull request or issue, or the id of its commit."""

    id: int
    place: int | str
    url: str
    body: str
    author: str


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A remark of a check at a line of a file, as reviewers see it among the changes; lines count from 1."""

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
    """A file as it will stand in a commit; `path` is its path in the repository."""

    path: str
    content: bytes = field(repr=False)

    @cached_property
    def blob(self) -> str:
        """The id that git gives the content."""
        return blob_id(self.content)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a commit changes, with the bytes themselves.

    Attributes:
        removes: Paths that are there before.
        merging: Another commit, whose files the new one takes over in place of the parent's: a merge.
        known: Ids of blobs that the repository has already.
    """

    message: str
    files: Sequence[NewFile]
    removes: Sequence[str] = ()
    merging: str = ""
    known: Set[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """How far a commit is from another.

    Attributes:
        behind: Commits of the other that it lacks.
        changed: Paths that it changed since they parted; None where they are more than the forge lists.
    """

    behind: int
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
    """What a workflow stated about a file. Empty where the statement does not tell, or is not given.

    Attributes:
        predicate_type: What kind of statement, such as `https://slsa.dev/provenance/v1`.
        repository: Address of the repository whose workflow it was.
        workflow: Path of the workflow's file; `ref` is the branch or tag that it ran for.
        run: Address of the workflow run.
    """

    predicate_type: str
    repository: str
    workflow: str
    ref: str
    run: str


class AssetForge(Protocol):
    """What pruning images needs."""

    @property
    def facts(self) -> ForgeFacts: ...

    def branch_head(self, branch: str) -> str | None:
        """Commit id of the branch's head, or None where there is no such branch."""

    def root_files(self, commit: str) -> dict[str, str]:
        """Name -> blob id of the files in the root folder of the commit."""

    def messages_since(self, ref: str, moment: float) -> list[str]:
        """Messages of the commits up to `ref` that were made since `moment`, in seconds since the epoch."""

    def create_commit(self, *, parent: str, files: Iterable[TreeFile], message: str) -> str:
        """Return the id of a commit of blobs that are there; without history if `parent` is empty. No branch moves."""

    def replace_branch(self, branch: str, commit: str, *, expected: str) -> None:
        """Set the branch to a commit of another history; Conflict where it is not at `expected`."""

    def open_discussions(self) -> dict[int, str]:
        """Number -> body of the open issues and pull requests."""

    def update_body(self, number: int, body: str) -> None:
        """Of an issue or pull request."""

    def comments(self, place: int | str) -> list[Comment]:
        """All comments, oldest first."""

    def update_comment(self, comment: Comment, body: str) -> Comment: ...


class ContentForge(Protocol):
    """Where branches and commits are: all that differs if they go to a fork."""

    def repository(self) -> Repository: ...

    def git_access(self) -> GitAccess:
        """For what does not go through the API."""

    def branch_head(self, branch: str) -> str | None:
        """Commit id of the branch's head, or None where there is no such branch."""

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        """The file's bytes at `ref`, or None where there is none. Files up to 100 MiB."""

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        """Path -> blob id of those of `paths` that are files in the commit's tree."""

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        """Commit on top of `parent`, and let the branch lead there; the commit's id.

        Args:
            parent: The branch's head, or where a new branch begins; empty for a commit without history.
            is_new: Whether the branch is to be made.

        Raises:
            Conflict: The branch has moved, or another process has made it.
        """

    def divergence(self, base: str, head: str) -> Divergence:
        """How far the commit `head` is from the commit `base`."""

    def merge_into(self, branch: str, commit: str) -> str:
        """Merge the commit into the branch, file by file; the branch's new head. Conflict where they conflict."""

    def delete_branch(self, branch: str) -> None:
        """A branch that is gone already is fine."""


class PullRequestForge(Protocol):
    """Pull requests."""

    def pull_requests(
        self, *, base: str, head: str = "", state: str = "open", limit: int | None = None
    ) -> list[PullRequest]:
        """Pull requests that target `base`, from the branch `head` if given, newest first; all without `limit`."""

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        """Pull requests, in whatever state, that hold the commit."""

    def pull_request_authors(self, number: int) -> set[str]:
        """Logins (e-mail addresses where there is none) of everyone who committed to or reviewed the pull request."""

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        """The new one, or the open one of the same head and base that another process, or a lost request, has made.

        Where the repository has no drafts, it is none.
        """

    def update_pull_request(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> PullRequest: ...

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        """Make it a draft, or ready for review."""

    def add_labels(self, number: int, labels: Sequence[str]) -> None: ...

    def request_reviewers(self, number: int, *, people: Sequence[str] = (), teams: Sequence[str] = ()) -> None:
        """Ask people by login and teams by slug for a review."""

    def add_assignees(self, number: int, people: Sequence[str]) -> None: ...

    def set_milestone(self, number: int, title: str) -> None:
        """NotFound where there is no milestone of that title."""

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        """Let GitHub merge once requirements are met; `method` is merge, squash or rebase."""


class CommentForge(Protocol):
    """Comments."""

    def comments(self, place: int | str) -> list[Comment]:
        """Every comment of a pull request or issue, by number, or of a commit, by id; all pages, oldest first."""

    def create_comment(self, place: int | str, body: str) -> Comment: ...

    def update_comment(self, comment: Comment, body: str) -> Comment: ...

    def delete_comment(self, comment: Comment) -> None:
        """A comment that is gone already is fine."""


class CheckForge(Protocol):
    """Verdicts on commits."""

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
        """The commit's check run of this name: the one that cmlkit made before is updated.

        Before it is completed it has no conclusion, whatever `conclusion` says. A check that is updated keeps the
        annotations that it has.
        """

    def create_status(
        self, *, name: str, commit: str, conclusion: Conclusion, title: str, details_url: str = ""
    ) -> str:
        """A commit status, for tokens that may not create check runs; its URL."""


class PublishForge(ContentForge, PullRequestForge, CommentForge, CheckForge, Protocol):
    """What publishing needs. Paths are repository paths; refs are branch names or commit ids."""

    @property
    def facts(self) -> ForgeFacts: ...

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        """Ids of the latest commits up to `ref` that changed the file, newest first; at most 100."""

    def login(self) -> str:
        """Return the login that the token acts as."""

    def token_note(self) -> str:
        """Return what readers of a pull request must know of the token that opened it; empty if nothing."""


class AttestationForge(Protocol):
    """What reading attestations needs."""

    def attestations(self, sha256: str) -> list[Attestation]:
        """What workflows stated about a file of this hash, in hexadecimal; no signature is checked."""


class PromotionForge(Protocol):
    """What promoting needs."""

    def repository(self) -> Repository: ...

    def branch_head(self, branch: str) -> str | None:
        """As in `PublishForge`."""

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        """As in `PublishForge`."""

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        """As in `PublishForge`."""

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        """As in `PublishForge`."""

    def find_commit(self, name: str) -> Commit:
        """The commit that a branch, a tag or a (short) id leads to; NotFound where there is none."""

    def tag_ids(self, prefix: str) -> Mapping[str, str]:
        """Name -> id of the tag's object, of those below `prefix/`; empty for a tag without an object of its own."""

    def tag(self, tag_id: str) -> AnnotatedTag: ...

    def create_tag(self, name: str, *, commit: str, message: str) -> AnnotatedTag:
        """Conflict where there is a tag of this name; none is ever moved."""

    def pull_request(self, number: int) -> PullRequest:
        """NotFound where there is none."""

    def merge(self, pull_request: PullRequest, method: str) -> str:
        """Merge now, as it is at `head_sha`; the commit that its base then has. Conflict where it cannot be merged."""


class Forge(
    RunnerForge,
    PublishForge,
    PromotionForge,
    AssetForge,
    AttestationForge,
    WorkflowForge,
    AccessForge,
    Protocol,
):
    """A whole forge."""
