"""A forge that keeps one repository in memory, with branches, pull requests, comments and checks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmlkit.forges.base import (
    Changes,
    Check,
    Comment,
    Commit,
    Divergence,
    NewPullRequest,
    Outlook,
    PullRequest,
    Repository,
    TreeFile,
)
from cmlkit.forges.facts import Addresses, ForgeFacts, Limits
from cmlkit.forges.tokens import Tokens
from cmlkit.forges.workflows import FailedRun, Job
from cmlkit.git.access import GitAccess
from cmlkit.git.limits import FileLimits
from cmlkit.git.objects import blob_id
from tests.fake_forge import FakeForge

ROOT = "toy://forge"
FACTS = ForgeFacts(
    name="Toy Forge",
    limits=Limits(
        text=10_000,
        summary=10_000,
        title=100,
        files=FileLimits(
            host="Toy Forge", git=10**6, git_advised=10**5, lfs=10**7, lfs_everybody=10**7, lfs_plans="none"
        ),
    ),
    addresses=Addresses(
        commit="{repository}/c/{commit}", file="{repository}/f/{commit}/{path}", image="{repository}/i/{commit}/{path}"
    ),
)
TOKENS = Tokens(forge=FACTS.name, variables=("TOY_TOKEN",))


@dataclass(frozen=True, kw_only=True)
class ToyCommit:
    """A commit: its parent and its whole tree."""

    parent: str
    files: Mapping[str, bytes]
    message: str = ""


@dataclass
class ToyForge:
    """Implements `PublishForge`."""

    name: str
    commits: dict[str, ToyCommit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    all_comments: list[Comment] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)
    facts: ForgeFacts = FACTS
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def start(self, files: Mapping[str, bytes]) -> None:
        """Begin the branch `main` with these files."""
        self.branches["main"] = self._store(ToyCommit(parent="", files=files))

    def repository(self) -> Repository:
        return Repository(full_name=self.name, default_branch="main", private=False, url=f"{ROOT}/{self.name}")

    def git_access(self) -> GitAccess:
        return GitAccess(url=f"{ROOT}/{self.name}.git")

    def check_start(self, commit: str) -> None:
        pass

    def branch_head(self, branch: str) -> str | None:
        return self.branches.get(branch)

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        return self.commits[self.branches.get(ref, ref)].files.get(path)

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        files = self.commits[commit].files
        return {path: blob_id(files[path]) for path in paths if path in files}

    def tree_files(self, commit: str, paths: Iterable[str]) -> Mapping[str, TreeFile]:
        return {path: TreeFile(path=path, blob=blob) for path, blob in self.blob_ids(commit, paths).items()}

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        kept = {path: content for path, content in self.commits[parent].files.items() if path not in changes.removes}
        written = {file.path: file.content for file in changes.files}
        self.branches[branch] = self._store(
            ToyCommit(parent=parent, files={**kept, **written}, message=changes.message)
        )
        return self.branches[branch]

    def upload(self, changes: Changes, *, parent: str) -> None:
        pass

    def look_ahead(self, outlook: Outlook) -> None:
        pass

    def commit_and_open(
        self, changes: Changes, *, branch: str, parent: str, pull_request: NewPullRequest
    ) -> tuple[str, PullRequest | None]:
        return self.commit(changes, branch=branch, parent=parent, is_new=True), None

    def divergence(self, base: str, head: str) -> Divergence:
        return Divergence(behind=0, changed=frozenset())

    def push_commit(self, commit: str, *, directory: Path) -> None:
        raise NotImplementedError

    def let_go(self, commit: str) -> None:
        raise NotImplementedError

    def create_branch(self, branch: str, commit: str) -> None:
        self.branches[branch] = commit

    def merge_into(self, branch: str, commit: str) -> str:
        self.branches[branch] = commit
        return commit

    def delete_branch(self, branch: str) -> None:
        self.branches.pop(branch, None)

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        found, commit = list[str](), ref
        while commit in self.commits and len(found) < limit:
            parent = self.commits[commit].parent
            before = self.commits[parent].files.get(path) if parent in self.commits else None
            if self.commits[commit].files.get(path) != before:
                found.append(commit)
            commit = parent
        return found

    def find_commit(self, name: str) -> Commit:
        return Commit(id=name, message=self.commits[name].message)

    def author_of(self, commit: str) -> str:
        return "toy"

    def login(self) -> str:
        return "toy"

    def failed_runs(self, workflow: str, *, since: float) -> list[FailedRun]:
        return []

    def jobs(self, run_id: str) -> list[Job]:
        return []

    def token_note(self) -> str:
        return ""

    def pull_requests(
        self, *, base: str = "", head: str = "", state: str = "open", limit: int | None = None
    ) -> list[PullRequest]:
        found = [item for item in self.pulls.values() if base in ("", item.base) and head in ("", item.head)]
        return [item for item in found if state in ("all", item.state)][::-1][:limit]

    def pull_request(self, number: int) -> PullRequest:
        return self.pulls[number]

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        return [item for item in self.pulls.values() if item.head_sha == commit]

    def pull_request_authors(self, number: int) -> set[str]:
        return {"toy"}

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        number = next(self.numbers)
        self.pulls[number] = PullRequest(
            number=number,
            url=f"{ROOT}/{self.name}/p/{number}",
            node_id="",
            title=title,
            body=body,
            head=head,
            head_sha=self.branches[head],
            base=base,
            state="open",
            draft=draft,
            author="toy",
        )
        return self.pulls[number]

    def update_pull_request(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> PullRequest:
        given: dict[str, Any] = {
            name: value for name, value in (("title", title), ("body", body), ("state", state)) if value
        }
        self.pulls[number] = dataclasses.replace(self.pulls[number], **given)
        return self.pulls[number]

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        return pull_request

    def add_labels(self, number: int, labels: Sequence[str]) -> None:
        pass

    def request_reviewers(self, number: int, *, people: Sequence[str] = (), teams: Sequence[str] = ()) -> None:
        pass

    def add_assignees(self, number: int, people: Sequence[str]) -> None:
        pass

    def set_milestone(self, number: int, title: str) -> None:
        pass

    def merge_when_ready(self, pull_request: PullRequest, method: str) -> None:
        raise NotImplementedError

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        pass

    def comments(self, place: int | str) -> list[Comment]:
        return [comment for comment in self.all_comments if comment.place == place]

    def create_comment(self, place: int | str, body: str) -> Comment:
        number = next(self.numbers)
        self.all_comments.append(Comment(id=number, place=place, url=f"{ROOT}/n/{number}", body=body, author="toy"))
        return self.all_comments[-1]

    def comment_among(self, place: int | str, body: str) -> list[Comment]:
        self.create_comment(place, body)
        return self.comments(place)

    def update_comment(self, comment: Comment, body: str) -> Comment:
        changed = dataclasses.replace(comment, body=body)
        self.all_comments[self.all_comments.index(comment)] = changed
        return changed

    def delete_comment(self, comment: Comment) -> None:
        self.all_comments.remove(comment)

    def required_checks(self, branch: str) -> list[str]:
        return []

    def create_check(self, *, name: str, conclusion: str, **shown: Any) -> Check:
        self.checks.append((name, conclusion))
        return Check(id=len(self.checks), url=f"{ROOT}/k/{len(self.checks)}")

    def create_status(self, *, name: str, conclusion: str, **shown: Any) -> str:
        return self.create_check(name=name, conclusion=conclusion).url

    def annotation_titles(self, run_id: str, *, attempt: int) -> list[str]:
        return []

    def _store(self, commit: ToyCommit) -> str:
        commit_id = f"{len(self.commits) + 1:040x}"
        self.commits[commit_id] = commit
        return commit_id


# Repository -> forge and its runners, for as long as the process lives.
FORGES: dict[str, ToyForge] = {}
RUNNERS: dict[str, FakeForge] = {}


def environ_at(server_url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    return environ


def with_stored_token(server_url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    return environ


def signing_in(server_url: str, environ: Mapping[str, str]) -> str:
    return "Set TOY_TOKEN."


def withheld(server_url: str, environ: Mapping[str, str]) -> str:
    return ""


def open_forge(
    *, repository: str, environ: Mapping[str, str], notify: Callable[[str], None], hurried: bool = False
) -> ToyForge:
    TOKENS.required(environ, repository=repository)
    return FORGES.setdefault(repository, ToyForge(name=repository))


def open_for_publishing(
    *, repository: str, environ: Mapping[str, str], notify: Callable[[str], None], fork: str, base: str
) -> ToyForge:
    return open_forge(repository=repository, environ=environ, notify=notify)


def open_for_runners(
    *,
    repository: str,
    environ: Mapping[str, str],
    notify: Callable[[str], None],
    keep_secret: Callable[[str], None],
    scope: str,
    group: str,
    hurried: bool = False,
) -> FakeForge:
    return RUNNERS.setdefault(repository, FakeForge())


def git_access(environ: Mapping[str, str]) -> GitAccess | None:
    return None
