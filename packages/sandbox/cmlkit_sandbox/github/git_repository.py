"""Real bare git repositories, used through git's plumbing with an isolated configuration."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from cmlkit_sandbox.github.git_objects import (
    Commit,
    GitObject,
    RefValue,
    Tag,
    TreeEntry,
    parse_commit,
    parse_tag,
)
from cmlkit_sandbox.github.object_reader import ObjectReader

NO_SHA = "0" * 40
SHA = re.compile("[0-9a-f]{40}")
NO_REVISION = re.compile(r"[\s~^:?*\[\\]|\.\.|@\{")
# Commands whose answers about full ids never change; only these are told apart from what a ref or the index decides.
LASTING = frozenset({"ls-tree", "rev-list", "merge-base", "diff-tree"})
SEED_IDENTITY = {
    "GIT_AUTHOR_NAME": "Octo Cat",
    "GIT_AUTHOR_EMAIL": "octo@example.com",
    "GIT_AUTHOR_DATE": "1767225600 +0000",
    "GIT_COMMITTER_NAME": "Octo Cat",
    "GIT_COMMITTER_EMAIL": "octo@example.com",
    "GIT_COMMITTER_DATE": "1767225600 +0000",
}
# What a GitHub repository allows to whoever clones it or pushes to it.
REPOSITORY_CONFIG = """
[http]
    receivepack = true
    uploadpack = true
[uploadpack]
    allowFilter = true
    allowAnySHA1InWant = true
[receive]
    fsckObjects = true
[gc]
    auto = 0
[core]
    logAllRefUpdates = false
"""


class GitFailed(Exception):
    """A git command failed; the message has git's words."""


def isolated_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which git reads no configuration, never prompts, and touches no other repository."""
    return {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **(extra or {}),
    }


class GitRepository:
    """One bare repository. Every method raises GitFailed if git refuses.

    It does without git, or asks it once, what a pull request would ask it a dozen times.

    Args:
        path: The bare repository's folder, such as `OWNER/NAME.git`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._commits: dict[str, Commit] = {}
        self._lasting: dict[tuple[str, ...], bytes] = {}
        # Fork point and two commits -> the tree of their merge, None if they conflict.
        self.merges: dict[tuple[str, str, str], str | None] = {}
        self._objects = ObjectReader(path, isolated_environment({"GIT_DIR": str(path)}))

    @classmethod
    def create(cls, path: Path, *, branch: str) -> GitRepository:
        """Make an empty repository whose HEAD is `branch`."""
        path.mkdir(parents=True)
        repository = cls(path)
        repository.git("init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
        with (path / "config").open("a", encoding="utf-8") as config:
            config.write(REPOSITORY_CONFIG)
        hook = path / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes((files("cmlkit_sandbox.github") / "pre-receive.sh").read_bytes())
        hook.chmod(0o755)
        return repository

    def git(
        self,
        *arguments: str,
        send: bytes = b"",
        environ: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
    ) -> bytes:
        """Run a git command here; return its standard output. An answer that never changes is asked for once."""
        if arguments in self._lasting:
            return self._lasting[arguments]
        environment = isolated_environment({"GIT_DIR": str(self.path), **(environ or {})})
        done = subprocess.run(
            ["git", *arguments], input=send, capture_output=True, cwd=self.path, env=environment, check=False
        )
        if done.returncode not in accept:
            raise GitFailed(done.stderr.decode("utf-8", "replace").strip() or f"git {arguments[0]} failed")
        if _is_lasting(arguments):
            self._lasting[arguments] = done.stdout
        return done.stdout

    def line(self, *arguments: str, send: bytes = b"", environ: Mapping[str, str] | None = None) -> str:
        """Run a git command here; return its standard output, stripped."""
        return self.git(*arguments, send=send, environ=environ).decode("utf-8", "replace").strip()

    def seed(self, source: Path, *, branch: str, message: str) -> str:
        """Commit a folder's files (not its `.git`) to a branch; return the commit's id."""
        with tempfile.TemporaryDirectory() as scratch:
            environ = {**SEED_IDENTITY, "GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(source.resolve())}
            self.git("add", "--all", "--", ":/", environ=environ)
            tree = self.line("write-tree", environ=environ)
        commit = self.line("commit-tree", tree, "-m", message, environ=SEED_IDENTITY)
        self.update_ref(f"refs/heads/{branch}", commit, old=NO_SHA)
        return commit

    def resolve(self, revision: str, *, kind: str = "commit") -> str | None:
        """Return the id of the object of that kind that a branch, tag, full ref or id names; None if missing."""
        if not revision or revision.startswith("-") or NO_REVISION.search(revision):
            return None
        named = (f"refs/heads/{revision}", f"refs/tags/{revision}", revision)
        for candidate in [revision] if SHA.fullmatch(revision) else named:
            if found := self._objects.header(f"{candidate}^{{{kind}}}"):
                return found[0]
        return None

    def tree_id(self, commit: str, folder: str) -> str | None:
        """Return the id of a folder's tree in a commit, or in the commit of a tag; None if it has no such folder."""
        found = self._objects.header(f"{commit}:{folder}")
        return found[0] if found and found[1] == "tree" else None

    def ref(self, name: str) -> RefValue | None:
        """Return the ref with exactly this full name."""
        found = None if NO_REVISION.search(name) else self._objects.header(name)
        return RefValue(name, *found) if found else None

    def has_branches(self) -> bool:
        """Return whether the repository has a branch, and so a commit."""
        packed = self.path / "packed-refs"
        loose = (self.path / "refs" / "heads").rglob("*")
        return any(path.is_file() for path in loose) or (packed.exists() and b" refs/heads/" in packed.read_bytes())

    def refs(self, prefix: str) -> list[RefValue]:
        """Return the refs whose full name starts with a prefix, by name."""
        found: dict[str, str] = {}
        packed = self.path / "packed-refs"
        for line in packed.read_text(encoding="utf-8").splitlines() if packed.exists() else ():
            if line[0] not in "#^":  # else a comment, or the object of the tag before it
                found[line[41:]] = line[:40]
        for path in (self.path / "refs").rglob("*"):
            # One that is written at this moment has a lock beside it, and a file of a push may vanish.
            with contextlib.suppress(OSError):
                if path.suffix != ".lock" and path.is_file():
                    found[path.relative_to(self.path).as_posix()] = path.read_text(encoding="ascii").strip()
        chosen = sorted((name, sha) for name, sha in found.items() if name.startswith(prefix))
        return [RefValue(name, sha, kind) for name, sha in chosen if (kind := self.kind(sha)) is not None]

    def branch_head(self, branch: str) -> str | None:
        ref = self.ref(f"refs/heads/{branch}")
        return None if ref is None else ref.sha

    def valid_ref_name(self, name: str) -> bool:
        try:
            self.git("check-ref-format", name)
        except GitFailed:
            return False
        return True

    def update_ref(self, name: str, new: str, *, old: str | None = None) -> None:
        """Point a ref at an object; with `old`, only if it points there now (NO_SHA: only if it is new)."""
        self.git("update-ref", name, new, *([] if old is None else [old]))

    def delete_ref(self, name: str) -> None:
        self.git("update-ref", "-d", name)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        if ancestor == descendant:
            return True
        try:
            self.git("merge-base", "--is-ancestor", ancestor, descendant)
        except GitFailed:
            return False
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        return self.git("merge-base", one, other, accept=(0, 1)).decode().strip() or None

    def count(self, *revisions: str) -> int:
        """Count the commits of these revisions, written as for `git rev-list`."""
        return int(self.line("rev-list", "--count", *revisions, "--"))

    def log(self, *revisions: str, path: str = "", limit: int | None = None, skip: int = 0) -> list[str]:
        """Return the ids of the revisions' commits, newest first."""
        options = [f"--skip={skip}", *([] if limit is None else [f"--max-count={limit}"])]
        paths = [f":(top,literal){path}"] if path else []
        return self.line("rev-list", *options, *revisions, "--", *paths).split()

    def read(self, sha: str) -> GitObject | None:
        """Return an object by its full id; None if missing."""
        return self._objects.read(sha)

    def write(self, kind: str, content: bytes) -> str:
        """Store an object; return its id."""
        if kind != "blob":  # git checks its form
            return self.line("hash-object", "-t", kind, "-w", "--stdin", send=content)
        stored = b"blob %d\0" % len(content) + content
        sha = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
        target = self.path / "objects" / sha[:2] / sha[2:]
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix="tmp_obj_", delete=False) as file:
                file.write(zlib.compress(stored, 1))
            written = Path(file.name)
            written.chmod(0o444)
            written.replace(target)
        return sha

    def kind(self, sha: str) -> str | None:
        """Return `commit`, `tree`, `blob` or `tag`; None if the object is missing."""
        found = self._objects.header(sha)
        return found[1] if found else None

    def kinds(self, shas: Iterable[str]) -> dict[str, str]:
        """Return id -> kind of the objects that are not missing."""
        return {sha: kind for sha in shas if (kind := self.kind(sha)) is not None}

    def commit(self, sha: str) -> Commit:
        """Return a commit by its id; cached, as commits do not change."""
        if sha not in self._commits:
            found = self.read(sha)
            if found is None or found.kind != "commit":
                raise GitFailed(f"{sha} is not a commit")
            self._commits[sha] = parse_commit(found)
        return self._commits[sha]

    def tag(self, sha: str) -> Tag | None:
        found = self.read(sha)
        return parse_tag(found) if found is not None and found.kind == "tag" else None

    def tree(self, sha: str, *, recursive: bool = False) -> list[TreeEntry]:
        """Return a tree's entries, with its subtrees' entries (and the subtrees themselves) when `recursive`."""
        options = ["-r", "-t"] if recursive else []
        out = self.git("ls-tree", "-z", "--long", *options, sha).decode("utf-8", "surrogateescape")
        return [TreeEntry.parse(record) for record in out.split("\0") if record]

    def entry(self, tree: str, path: str) -> TreeEntry | None:
        """Return the entry at a path in a tree or commit."""
        out = self.git("ls-tree", "-z", "--long", "--full-tree", tree, "--", f"{path.rstrip('/')}")
        records = out.decode("utf-8", "surrogateescape").split("\0")
        return next((TreeEntry.parse(record) for record in records if record), None)

    def write_tree(self, base: str | None, entries: Iterable[TreeEntry]) -> str:
        """Write `base` (None: an empty tree) with entries added, replaced or, if their id is empty, removed."""
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            self.git("read-tree", *([base] if base else ["--empty"]), environ=index)
            for files, group in itertools.groupby(entries, lambda entry: bool(entry.sha) and entry.kind != "tree"):
                if files:
                    # One process for all, as there may be thousands.
                    records = "".join(f"{entry.mode} {entry.sha}\t{entry.path}\0" for entry in group).encode()
                    self.git("update-index", "-z", "--replace", "--index-info", send=records, environ=index)
                else:
                    for entry in group:
                        self._put(entry, index)
            return self.line("write-tree", environ=index)

    def _put(self, entry: TreeEntry, index: Mapping[str, str]) -> None:
        if not entry.sha:
            self.git("rm", "-r", "--cached", "--quiet", "--", f":(top,literal){entry.path}", environ=index)
        else:
            self.git("rm", "-r", "--cached", "-q", "--ignore-unmatch", f":(top,literal){entry.path}", environ=index)
            self.git("read-tree", f"--prefix={entry.path}/", entry.sha, environ=index)


def _is_lasting(arguments: Sequence[str]) -> bool:
    """Return whether git's answer depends on objects alone: a reading command about full ids."""
    command, *rest = arguments
    words = rest[: rest.index("--")] if "--" in rest else rest
    named = [word.removeprefix("^") for word in words if not word.startswith("-")]
    if command == "check-ref-format":
        return True
    return command in LASTING and bool(named) and all(SHA.fullmatch(name) for name in named)
