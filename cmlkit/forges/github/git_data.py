"""The repository's content without a checkout: files, blobs, trees, commits and branches."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cmlkit.errors import Conflict, NotFound, ServiceError
from cmlkit.forges.base import Changes, Divergence, Repository, TreeFile
from cmlkit.forges.github.client import Client, commit_author, parsed
from cmlkit.forges.github.git_uploads import API_BLOB_BYTES, API_BLOBS, GitUploads
from cmlkit.forges.github.signed_commits import SignedCommits
from cmlkit.forges.github.transport import RAW
from cmlkit.git.objects import blob_id

if TYPE_CHECKING:
    from cmlkit.git.access import GitAccess

# https://docs.github.com/en/rest/commits/commits#compare-two-commits
LISTED_FILES = 300
# GitHub allows 80 content-creating requests a minute and 100 at a time; few at a time also bound the memory.
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
UPLOADS_AT_A_TIME = 4
# GitHub gives up on a request after ten seconds, and a tree of many entries takes long.
TREE_ENTRIES = 2000


class GitData:
    """The repository's content.

    Args:
        environ: Environment of git, which carries large files, such as PATH and proxies.
    """

    def __init__(self, client: Client, environ: Mapping[str, str]) -> None:
        self._client = client
        self._uploads = GitUploads(client, environ)
        self._signed = SignedCommits(client)
        # Ids of blobs that an earlier try of a commit has uploaded.
        self._uploaded: set[str] = set()

    def repository(self) -> Repository:
        return parsed(_repository, self._client.http.get(self._client.path()))

    def git_access(self) -> GitAccess:
        from cmlkit.git.access import GitAccess, basic

        return GitAccess(
            url=f"{self.repository().url}.git", authorization=basic("x-access-token", self._client.http.token)
        )

    def branch_head(self, branch: str) -> str | None:
        try:
            document = self._client.http.get(self._client.path("git", "ref", "heads", branch))
        except NotFound as error:
            if error.status == 404:
                return None
            raise
        return parsed(lambda ref: str(ref["object"]["sha"]), document)

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        try:
            return self._client.http.request(
                "GET", self._client.path("contents", path), query={"ref": ref}, accept=RAW
            ).content
        except NotFound:
            return None

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        query = {"sha": ref, "path": path, "per_page": limit}
        document = self._client.http.request("GET", self._client.path("commits"), query=query).document
        return parsed(lambda answer: [str(commit["sha"]) for commit in answer], document)

    def author_of(self, commit: str) -> str:
        return parsed(commit_author, self._client.http.get(self._client.path("commits", commit)))

    def blob_ids(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        return {path: file.blob for path, file in self.tree_files(commit, paths).items() if file.blob}

    def tree_files(self, commit: str, paths: Iterable[str]) -> dict[str, TreeFile]:
        # Folder by folder: a recursive listing is cut off in large repositories, and these are one or two folders.
        wanted = {PurePosixPath(path) for path in paths}
        trees: dict[PurePosixPath, Mapping[str, Any]] = {}
        found: dict[str, TreeFile] = {}
        for path in sorted(wanted):
            entry = self._entries(commit, path.parent, trees).get(path.name)
            if entry is not None and entry["type"] == "blob":
                found[str(path)] = TreeFile(path=str(path), blob=str(entry["sha"]), mode=str(entry["mode"]))
        return found

    def _entries(
        self, commit: str, folder: PurePosixPath, trees: dict[PurePosixPath, Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        if folder not in trees:
            if folder == PurePosixPath():
                trees[folder] = self.tree(commit)
            else:
                entry = self._entries(commit, folder.parent, trees).get(folder.name)
                trees[folder] = self.tree(str(entry["sha"])) if entry is not None and entry["type"] == "tree" else {}
        return trees[folder]

    def tree(self, tree: str) -> dict[str, Any]:
        """Return name -> entry for one folder, given a tree or a commit."""
        document = self._client.http.get(self._client.path("git", "trees", tree))
        return parsed(lambda answer: {str(entry["path"]): entry for entry in answer["tree"]}, document)

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        """Commit so that GitHub signs: by createCommitOnBranch for a person's token, else by the Git Data API.

        Files that are too large for the API go through git.
        """
        if self._signed.signs(changes, parent):
            if is_new:
                self.create_branch(branch, parent)
            if signed := self._signed.commit(changes, branch=branch, parent=parent):
                return signed
        self._upload(changes)
        added = (TreeFile(path=file.path, blob=file.blob, mode=file.mode) for file in changes.files)
        # First what goes: a file may take the place of a folder, and a folder that of a file.
        removed = (TreeFile(path=path, blob=None) for path in changes.removes)
        commit = self.create_commit(
            parent=parent, files=[*removed, *added], message=changes.message, merging=changes.merging
        )
        if is_new:
            self.create_branch(branch, commit)
        else:
            self.move_branch(branch, commit)
        return commit

    def _upload(self, changes: Changes) -> None:
        """Upload missing blobs in parallel; raise the first failure, which cancels the uploads not yet started."""
        stored = self._uploaded | changes.known
        missing = {file.blob: file.content for file in changes.files if file.blob not in stored}
        if len(missing) > API_BLOBS:
            self._uploaded |= self._uploads.push_all(missing.values(), access=self.git_access())
            return
        with ThreadPoolExecutor(max_workers=UPLOADS_AT_A_TIME) as pool:
            uploads = [pool.submit(self.create_blob, content) for content in missing.values()]
            try:
                self._uploaded |= {upload.result() for upload in uploads}
            finally:
                pool.shutdown(cancel_futures=True)

    def create_blob(self, content: bytes) -> str:
        if len(content) > API_BLOB_BYTES:
            blob = self._uploads.push(content, access=self.git_access())
        else:
            blob = self._create("blobs", {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"})
        if blob != blob_id(content):
            raise ServiceError(f"GitHub stored other bytes than it was sent: blob {blob}, not {blob_id(content)}.")
        return blob

    def create_commit(self, *, parent: str, files: Iterable[TreeFile], message: str, merging: str = "") -> str:
        files = list(files)
        parents = [commit for commit in (parent, merging) if commit]
        base = {"base_tree": self._tree_of(parents[-1])} if parents else {}
        entries = [{"path": file.path, "mode": file.mode, "type": "blob", "sha": file.blob} for file in files]
        for start in range(0, max(len(entries), 1), TREE_ENTRIES):
            tree = self._create("trees", {**base, "tree": entries[start : start + TREE_ENTRIES]})
            base = {"base_tree": tree}
        # No author, no committer: GitHub then signs the commit for the bot or App whose token this is.
        commit = self._create("commits", {"message": message, "tree": tree, "parents": parents})
        self._uploads.let_go(file.blob for file in files if file.blob)
        return commit

    def _tree_of(self, commit: str) -> str:
        return parsed(
            lambda answer: str(answer["tree"]["sha"]),
            self._client.http.get(self._client.path("git", "commits", commit)),
        )

    def _create(self, kind: str, body: Mapping[str, object]) -> str:
        document = self._client.http.request(
            "POST", self._client.path("git", kind), body=body, repeatable=True
        ).document
        return parsed(lambda answer: str(answer["sha"]), document)

    def create_branch(self, branch: str, commit: str) -> None:
        def send() -> str:
            body = {"ref": f"refs/heads/{branch}", "sha": commit}
            self._client.http.request("POST", self._client.path("git", "refs"), body=body)
            return commit

        head = self._client.once(send, lambda: self.branch_head(branch))
        if head != commit:
            raise Conflict(
                f"The branch {branch!r} of {self._client.full_name} exists already, at {head[:12]}.", status=422
            )
        self._uploads.let_go([commit])

    def push_commit(self, commit: str, *, directory: Path) -> None:
        self._uploads.push_commit(commit, directory=directory, access=self.git_access())

    def move_branch(self, branch: str, commit: str) -> None:
        path = self._client.path("git", "refs", "heads", branch)

        def send() -> bool:
            self._client.http.request("PATCH", path, body={"sha": commit, "force": False}, repeatable=False)
            return True

        # Sent again after somebody else has built on it, the move would look like a conflict: so look for the commit.
        self._client.once(send, lambda: self._contains(branch, commit) or None)

    def _contains(self, branch: str, commit: str) -> bool:
        head = self.branch_head(branch)
        if head is None or head == commit:
            return head == commit
        document = self._client.http.get(self._client.path("compare", f"{commit}...{head}"), per_page=1)
        return parsed(lambda answer: answer["status"] in ("ahead", "identical"), document)

    def divergence(self, base: str, head: str) -> Divergence:
        # The files come with the first page, whatever its size.
        document = self._client.http.get(self._client.path("compare", f"{base}...{head}"), per_page=1)
        return parsed(_divergence, document)

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


def _repository(answer: Any) -> Repository:
    return Repository(
        full_name=str(answer["full_name"]),
        default_branch=str(answer["default_branch"]),
        private=bool(answer["private"]),
        url=str(answer["html_url"]),
    )


def _divergence(answer: Any) -> Divergence:
    files = answer["files"]
    changed = {str(file[name]) for file in files for name in ("filename", "previous_filename") if name in file}
    return Divergence(
        behind=int(answer["behind_by"]),
        ahead=int(answer["ahead_by"]),
        changed=frozenset(changed) if len(files) < LISTED_FILES else None,
    )
