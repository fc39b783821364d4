"""The repository's content without a checkout: files, blobs, trees, commits and branches."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cmlkit.errors import Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import Changes, Divergence, NewFile, Repository, TreeFile
from cmlkit.forges.github.client import Client, commit_author
from cmlkit.forges.github.git_uploads import API_BLOB_BYTES, API_BLOBS, GitUploads
from cmlkit.forges.github.memory import Entry
from cmlkit.forges.github.refusal import is_too_large
from cmlkit.forges.github.signed_commits import SignedCommits
from cmlkit.forges.github.transport import RAW
from cmlkit.forges.github.workflow_files import WorkflowFiles
from cmlkit.git.objects import blob_id
from cmlkit.records.fields import Fields
from cmlkit.together import together

if TYPE_CHECKING:
    from cmlkit.git.access import GitAccess

# https://docs.github.com/en/rest/commits/commits#compare-two-commits
LISTED_FILES = 300
# GitHub allows 80 content-creating requests a minute and 100 at a time; few at a time also bound the memory.
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
UPLOADS_AT_A_TIME = 8
UPLOADING_BYTES = 4 * API_BLOB_BYTES
# Text stands in the tree itself, up to so much of it in one request.
INLINE_BYTES = 1024**2
# GitHub gives up on a request after ten seconds, and a tree of many entries takes long.
TREE_ENTRIES = 2000


class GitData:
    """The repository's content.

    Args:
        environ: Environment of git, which carries large files, such as PATH and proxies.
        workflow_files: Explains the refusal of refs.
    """

    def __init__(self, client: Client, environ: Mapping[str, str], workflow_files: WorkflowFiles) -> None:
        self._client = client
        self._workflow_files = workflow_files
        self._uploads = GitUploads(client, environ)
        self._signed = SignedCommits(client)
        # Ids of blobs that an earlier try of a commit has uploaded.
        self._uploaded: set[str] = set()

    def check_start(self, commit: str) -> None:
        """Do nothing: a branch here has the commit, and so its workflow files."""

    def repository(self) -> Repository:
        memory = self._client.memory
        if memory.repository is None:
            memory.repository = _repository(self._client.http.get(self._client.path()))
        return memory.repository

    def git_access(self) -> GitAccess:
        from cmlkit.git.access import GitAccess, basic

        return GitAccess(
            url=f"{self.repository().url}.git", authorization=basic("x-access-token", self._client.http.token)
        )

    def branch_head(self, branch: str) -> str | None:
        if branch in self._client.memory.heads:
            return self._client.memory.heads.pop(branch)
        try:
            document = self._client.http.get(self._client.path("git", "ref", "heads", branch))
        except NotFound as error:
            if error.status == 404:
                return None
            raise
        return document.inside("object").filled("sha")

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        if (ref, path) in self._client.memory.contents:
            return self._client.memory.contents[ref, path]
        try:
            return self._client.http.request(
                "GET", self._client.path("contents", path), query={"ref": ref}, accept=RAW
            ).content
        except NotFound:
            return None

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        if (known := self._client.memory.histories.get((ref, path))) is not None:
            return known[:limit]
        query = {"sha": ref, "path": path, "per_page": limit}
        answer = self._client.http.request("GET", self._client.path("commits"), query=query).fields
        return [commit.filled("sha") for commit in answer.items()]

    def author_of(self, commit: str) -> str:
        return commit_author(self._client.http.get(self._client.path("commits", commit)))

    def blob_ids(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        return {path: file.blob for path, file in self.tree_files(commit, paths).items() if file.blob}

    def tree_files(self, commit: str, paths: Iterable[str]) -> dict[str, TreeFile]:
        # Folder by folder: a recursive listing is cut off in large repositories, and these are one or two folders.
        wanted = {PurePosixPath(path) for path in paths}
        trees: dict[PurePosixPath, Mapping[str, Entry]] = {}
        found: dict[str, TreeFile] = {}
        for path in sorted(wanted):
            entry = self._entries(commit, path.parent, trees).get(path.name)
            if entry is not None and entry.kind == "blob":
                found[str(path)] = TreeFile(path=str(path), blob=entry.sha, mode=entry.mode)
        return found

    def _entries(
        self, commit: str, folder: PurePosixPath, trees: dict[PurePosixPath, Mapping[str, Entry]]
    ) -> Mapping[str, Entry]:
        if folder not in trees:
            if (known := self._client.memory.folders.get((commit, _key(folder)))) is not None:
                trees[folder] = known
            elif folder == PurePosixPath():
                trees[folder] = self.tree(commit)
            else:
                entry = self._entries(commit, folder.parent, trees).get(folder.name)
                trees[folder] = self.tree(entry.sha) if entry is not None and entry.kind == "tree" else {}
            self._client.memory.folders[commit, _key(folder)] = trees[folder]
        return trees[folder]

    def tree(self, tree: str) -> dict[str, Entry]:
        """Return name -> entry for one folder, given a tree or a commit."""
        answer = self._client.http.get(self._client.path("git", "trees", tree))
        return {
            item.filled("path"): Entry(kind=item.text("type"), sha=item.filled("sha"), mode=item.text("mode"))
            for item in answer.listed("tree")
        }

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        """Commit so that GitHub signs: by createCommitOnBranch for a person's token, else by the Git Data API.

        Files that are too large for the API go through git.
        """
        if self._signed.signs(changes, parent):
            if is_new:
                self.create_branch(branch, parent)
            if signed := self._signed.commit(changes, branch=branch, parent=parent):
                self._client.memory.without_checks.add(signed)
                return signed
            is_new = False
        commit = self.write(changes, parent=parent)
        if is_new:
            self.create_branch(branch, commit)
        else:
            self.move_branch(branch, commit)
        return commit

    def signs(self, changes: Changes, parent: str) -> bool:
        """Return whether this commit is one that GitHub makes and signs on the branch itself."""
        return self._signed.signs(changes, parent)

    def write(self, changes: Changes, *, parent: str) -> str:
        """Write the commit's objects; return its id. No branch moves."""
        self._upload(changes, parent)
        inline = self._inline(changes)
        added = [_entry(file, text=inline.get(file.path)) for file in changes.files]
        # First what goes: a file may take the place of a folder, and a folder that of a file.
        removed = [_entry(TreeFile(path=path, blob=None)) for path in changes.removes]
        commit = self._commit_entries(
            [*removed, *added], parent=parent, message=changes.message, merging=changes.merging
        )
        self._uploads.let_go(file.blob for file in changes.files)
        self._client.memory.without_checks.add(commit)
        return commit

    def upload(self, changes: Changes, *, parent: str) -> None:
        """Upload the blobs that the commit of these changes needs, and ask for the tree that it changes."""
        if not self._signed.signs(changes, parent):
            self._upload(changes, parent)

    def _upload(self, changes: Changes, parent: str) -> None:
        """Upload missing blobs at once; raise the first failure."""
        stored = self._uploaded | changes.known
        inline = self._inline(changes)
        missing = {
            file.blob: file.content for file in changes.files if file.blob not in stored and file.path not in inline
        }
        tree_of = changes.merging or parent
        if len(missing) > API_BLOBS:
            self._uploaded |= self._uploads.push_all(missing.values(), access=self.git_access())
            return
        largest = max(map(len, missing.values()), default=0)
        sends = [functools.partial(self.create_blob, content) for content in missing.values()]
        asks = [functools.partial(self._tree_of, tree_of)] if tree_of else []
        at_once = max(1, min(UPLOADS_AT_A_TIME, UPLOADING_BYTES // max(largest, 1)))
        self._uploaded |= set(together(*sends, *asks, at_once=at_once)[: len(sends)])

    def _inline(self, changes: Changes) -> dict[str, str]:
        """Return path -> text of the new files that the tree can have as text, so that they need no request."""
        found, size = {}, 0
        for file in changes.files:
            if file.blob in self._uploaded or file.blob in changes.known or size + len(file.content) > INLINE_BYTES:
                continue
            if (text := _text(file)) is not None:
                found[file.path], size = text, size + len(file.content)
        return found

    def create_blob(self, content: bytes) -> str:
        blob = self._sent(content) if len(content) <= API_BLOB_BYTES else None
        if blob is None:
            blob = self._uploads.push(content, access=self.git_access())
        if blob != blob_id(content):
            raise ServiceError(f"GitHub stored other bytes than it was sent: blob {blob}, not {blob_id(content)}.")
        return blob

    def _sent(self, content: bytes) -> str | None:
        """Create a blob through the API; return None if GitHub finds it too large, as it does from case to case."""
        try:
            return self._create("blobs", {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"})
        except ServiceError as error:
            if not is_too_large(error):
                raise
            return None

    def create_commit(self, *, parent: str, files: Iterable[TreeFile], message: str, merging: str = "") -> str:
        files = list(files)
        entries = [_entry(file) for file in files]
        commit = self._commit_entries(entries, parent=parent, message=message, merging=merging)
        self._uploads.let_go(file.blob for file in files if file.blob)
        return commit

    def _commit_entries(
        self, entries: Sequence[Mapping[str, object]], *, parent: str, message: str, merging: str
    ) -> str:
        parents = [commit for commit in (parent, merging) if commit]
        base = {"base_tree": self._tree_of(parents[-1])} if parents else {}
        tree = self._create_tree(entries[:TREE_ENTRIES], base)
        for start in range(TREE_ENTRIES, len(entries), TREE_ENTRIES):
            tree = self._create_tree(entries[start : start + TREE_ENTRIES], {"base_tree": tree})
        # No author, no committer: GitHub then signs the commit for the bot or App whose token this is.
        return self._create("commits", {"message": message, "tree": tree, "parents": parents})

    def _create_tree(self, entries: Sequence[Mapping[str, object]], base: Mapping[str, str]) -> str:
        """Create a tree of these entries on top of `base`; halve what GitHub finds too large."""
        try:
            return self._create("trees", {**base, "tree": list(entries)})
        except ServiceError as error:
            if len(entries) < 2 or not is_too_large(error):
                raise
        middle = len(entries) // 2
        return self._create_tree(entries[middle:], {"base_tree": self._create_tree(entries[:middle], base)})

    def _tree_of(self, commit: str) -> str:
        trees = self._client.memory.trees
        if commit not in trees:
            answer = self._client.http.get(self._client.path("git", "commits", commit))
            trees[commit] = answer.inside("tree").filled("sha")
        return trees[commit]

    def _create(self, kind: str, body: Mapping[str, object]) -> str:
        path = self._client.path("git", kind)
        return self._client.http.request("POST", path, body=body, repeatable=True).fields.filled("sha")

    def create_branch(self, branch: str, commit: str) -> None:
        def send() -> str:
            body = {"ref": f"refs/heads/{branch}", "sha": commit}
            try:
                self._client.http.request("POST", self._client.path("git", "refs"), body=body)
            except (PermissionDenied, NotFound) as error:
                raise self._workflow_files.explained(error, commit) from error
            return commit

        head = self._client.once(send, lambda: self.branch_head(branch))
        if head != commit:
            raise Conflict(
                f"The branch {branch!r} of {self._client.full_name} exists already, at {head[:12]}.", status=422
            )

    def push_commit(self, commit: str, *, directory: Path) -> None:
        self._uploads.push_commit(commit, directory=directory, access=self.git_access())

    def let_go(self, commit: str) -> None:
        self._uploads.let_go_commit(commit)

    def move_branch(self, branch: str, commit: str) -> None:
        path = self._client.path("git", "refs", "heads", branch)

        def send() -> bool:
            body = {"sha": commit, "force": False}
            try:
                self._client.http.request("PATCH", path, body=body, repeatable=False)
            except (PermissionDenied, NotFound) as error:
                raise self._workflow_files.explained(error, commit) from error
            return True

        # Sent again after somebody else has built on it, the move would look like a conflict: so look for the commit.
        self._client.once(send, lambda: self._contains(branch, commit) or None)

    def _contains(self, branch: str, commit: str) -> bool:
        head = self.branch_head(branch)
        if head is None or head == commit:
            return head == commit
        document = self._client.http.get(self._client.path("compare", f"{commit}...{head}"), per_page=1)
        return document.text("status") in ("ahead", "identical")

    def divergence(self, base: str, head: str) -> Divergence:
        # The files come with the first page, whatever its size.
        document = self._client.http.get(self._client.path("compare", f"{base}...{head}"), per_page=1)
        return _divergence(document)

    def merge_into(self, branch: str, commit: str) -> str:
        body = {"base": branch, "head": commit}
        # Merged twice, the second merge finds nothing to do.
        self._client.http.request("POST", self._client.path("merges"), body=body, repeatable=True)
        return self.branch_head(branch) or commit

    def delete_branch(self, branch: str) -> None:
        try:
            self._client.http.request("DELETE", self._client.path("git", "refs", "heads", branch))
        except (NotFound, Conflict):
            # GitHub says the same of a branch that the token may not delete: only one that is gone is fine.
            if self.branch_head(branch) is not None:
                raise


def _key(folder: PurePosixPath) -> str:
    return "" if folder == PurePosixPath() else str(folder)


def _entry(file: TreeFile | NewFile, *, text: str | None = None) -> dict[str, object]:
    """Return an entry of a new tree: with the id of its blob, or with its text."""
    content = {"sha": file.blob} if text is None else {"content": text}
    return {"path": file.path, "mode": file.mode, "type": "blob", **content}


def _text(file: NewFile) -> str | None:
    """Return a file's content as the text whose UTF-8 it is; None if it is binary."""
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _repository(answer: Fields) -> Repository:
    return Repository(
        full_name=answer.filled("full_name"),
        default_branch=answer.filled("default_branch"),
        private=answer.flag("private"),
        url=answer.filled("html_url"),
    )


def _divergence(answer: Fields) -> Divergence:
    files = answer.listed("files")
    changed = {file.text("filename") for file in files}
    changed |= {file.text("previous_filename") for file in files if file.has("previous_filename")}
    return Divergence(
        behind=answer.whole("behind_by"),
        ahead=answer.whole("ahead_by"),
        changed=frozenset(changed) if len(files) < LISTED_FILES else None,
    )
