"""Files of a checkout that differ from its commit, as git would commit them: with its filters and modes.

The user's index, objects and files are only read: staging happens in a temporary index with temporary objects.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import GitFailed, SettingsError
from cmlkit.git.checkout import root, shared_file
from cmlkit.git.command import run_git

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SYMLINK = "120000"
TIMEOUT_SECONDS = 1800.0
# git-lfs may be missing, and git status fails if it needs it; its pointers are made and compared here.
_WITHOUT_LFS = ("-c", "filter.lfs.clean=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false")
PATHS_ASKED = 500  # a command line has room for them


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Paths in the repository that git lists as changed.

    Attributes:
        present: New and changed files; symbolic links are files, too.
        gone: Deleted files.
        ignored: Files that git ignores, and folders, with a slash at the end, in which it ignores all.
        inner: Submodules, and repositories inside this one.
        unmerged: Files with a merge conflict.
        untracked: Those of `present` and `inner` that neither the commit nor the index has.
    """

    present: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()
    unmerged: frozenset[str] = frozenset()
    untracked: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Version:
    """A file's version: its mode, such as 100644, 100755 or 120000, and the id of its blob."""

    mode: str
    blob: str


@dataclass(frozen=True, kw_only=True)
class ChangedFile:
    """A file that differs from a commit; `before` is None if it is new, `after` if it is deleted."""

    path: str
    before: Version | None
    after: Version | None


def list_changes(directory: Path, specs: Sequence[str], *, each_ignored: bool = False) -> Listed:
    """Return the files that match the pathspecs and differ from the checked-out commit.

    Args:
        each_ignored: Whether to list each file in the folders that git ignores.

    Raises:
        SettingsError: git does not understand a pathspec, or it leads out of the repository.
        GitError: As from `run_git`.
    """
    if not specs:
        return Listed()
    options = ["--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=none"]
    options.append("--ignored=traditional" if each_ignored else "--ignored=matching")
    # Without optional locks, so that git does not rewrite the user's index.
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        command = (*_WITHOUT_LFS, "status", *options, "--", *specs)
        output = run_git(directory, *command, environ=environ, timeout=TIMEOUT_SECONDS)
    except GitFailed as error:
        if not re.search(r"outside repository|pathspec|beyond a symbolic link", error.words):
            raise
        raise SettingsError(f"git cannot look for these files: {error.words[-400:]}") from error
    return parse_status(os.fsdecode(output))


def parse_status(output: str) -> Listed:
    """Return what `git status --porcelain=v2 -z --no-renames` lists. https://git-scm.com/docs/git-status"""
    present: set[str] = set()
    gone: set[str] = set()
    ignored: set[str] = set()
    inner: set[str] = set()
    unmerged: set[str] = set()
    untracked: set[str] = set()
    for record in filter(None, output.split("\0")):
        kind, _, rest = record.partition(" ")
        if kind == "!":
            ignored.add(rest)
        elif kind == "?":
            (inner if rest.endswith("/") else present).add(rest)
            untracked.add(rest)
        elif kind == "u":
            unmerged.add(rest.split(" ", 9)[9])
        elif kind == "1":
            states, submodule, *_, path = rest.split(" ", 7)
            place = inner if submodule.startswith("S") else gone if _is_gone(states) else present
            place.add(path)
    return Listed(
        present=frozenset(present),
        # A file that was removed from the index and written again is listed twice.
        gone=frozenset(gone - present),
        ignored=frozenset(ignored),
        inner=frozenset(inner),
        unmerged=frozenset(unmerged),
        untracked=frozenset(untracked - gone),
    )


def _is_gone(states: str) -> bool:
    """Return whether the file is missing on disk, from its states in the index and on disk."""
    return states.endswith("D") or states == "D."


def is_tracked(directory: Path, path: str) -> bool:
    """Return whether the index has the file, or files below the folder."""
    return bool(run_git(directory, "ls-files", "-z", "--", f":(literal){path}"))


def ignored(top: Path, paths: Sequence[str]) -> list[str]:
    """Return those of the repository paths that git ignores and does not track; of very many, the first are looked at.

    Args:
        top: The repository's top folder.
    """
    specs = [f":(top,literal){path}" for path in paths[:PATHS_ASKED]]
    output = run_git(top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *specs)
    return [path for path in os.fsdecode(output).split("\0") if path]


def with_lfs(top: Path, paths: Iterable[str]) -> set[str]:
    """Return those of the repository paths that the .gitattributes in the checkout give to Git LFS.

    Args:
        top: The repository's top folder.
    """
    return _lfs_in(run_git(top, "check-attr", "-z", "--stdin", "filter", send=_joined(paths)))


def without_rule(top: Path, attribute: str, paths: Iterable[str]) -> set[str]:
    """Return those of the repository paths for which no rule in the checkout sets or unsets the attribute.

    Args:
        top: The repository's top folder.
    """
    values = _values(run_git(top, "check-attr", "-z", "--stdin", attribute, send=_joined(paths)))
    return {path for path, value in values.items() if value == "unspecified"}


def _lfs_in(output: bytes) -> set[str]:
    """Return the paths with `filter=lfs` in the output of `git check-attr -z`."""
    return {path for path, value in _values(output).items() if value == "lfs"}


def _values(output: bytes) -> dict[str, str]:
    """Return path -> value in the output of `git check-attr -z` for one attribute."""
    fields = os.fsdecode(output).split("\0")
    return dict(zip(fields[::3], fields[2::3], strict=False))


def committed_changes(directory: Path, old: str, new: str, specs: Sequence[str] = ()) -> list[ChangedFile]:
    """Return the files that differ between two commits; only those that match the pathspecs, if there are any."""
    command = ("diff-tree", "-r", "--raw", "-z", "--no-renames", old, new, "--", *specs)
    return _changed_files(run_git(directory, *command))


def small_blobs(directory: Path, commit: str, *, since: str, limit: int) -> list[bytes]:
    """Return the new blobs of up to `limit` bytes in the commits up to `commit` that are not in `since`."""
    listed = run_git(directory, "rev-list", "--objects", commit, f"^{since}", "--")
    # With the paths as the rest of each line, which would otherwise count as part of the id.
    check = "--batch-check=%(objecttype) %(objectsize) %(objectname) %(rest)"
    fields = (line.split(b" ", 3) for line in run_git(directory, "cat-file", check, send=listed).split(b"\n") if line)
    small = [blob.decode("ascii") for kind, size, blob, _ in fields if kind == b"blob" and int(size) <= limit]
    return list(_read(directory, small).values())


def read_blob(directory: Path, blob: str) -> bytes:
    """Return the bytes of a blob that the repository has."""
    return run_git(directory, "cat-file", "blob", blob)


class Staging:
    """A temporary index that starts as a commit's, and an object store of its own in front of the repository's."""

    def __init__(self, directory: Path, commit: str | None, folder: Path) -> None:
        self._top = root(directory)
        self._commit = commit or EMPTY_TREE
        objects = shared_file(directory, "objects")
        (folder / "objects").mkdir()
        self._environ = {
            **os.environ,
            "GIT_INDEX_FILE": str(folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(
                filter(None, [_quoted(objects), os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")])
            ),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        self._git("read-tree", *([commit] if commit else ["--empty"]))

    def remove(self, paths: Iterable[str]) -> None:
        self._git("update-index", "--force-remove", "-z", "--stdin", send=_joined(paths))

    def add(self, paths: Iterable[str]) -> None:
        """Stage files as they are on disk, through git's filters; files that git ignores, too.

        Raises:
            SettingsError: A file cannot be read, or a filter failed.
        """
        # Line ends that a round trip would change are the user's choice; git add would stop at them.
        settings = ("-c", "core.safecrlf=false", "-c", "core.sparseCheckout=false")
        try:
            self._git(
                *(*settings, "add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"), send=_joined(paths)
            )
        except GitFailed as error:
            raise SettingsError(
                f"git cannot take these files: {error.words[-400:] or error.message}",
                next_step="Try it with git add, and correct what it says.",
            ) from error

    def add_content(self, path: str, content: bytes, *, mode: str) -> None:
        """Stage bytes as a file, past git's filters."""
        blob = self._git("hash-object", "-w", "--stdin", send=content).decode("ascii").strip()
        self._git("update-index", "-z", "--replace", "--index-info", send=_joined([f"{mode} {blob}\t{path}"]))

    def changes(self) -> list[ChangedFile]:
        """Return the staged files that differ from the commit."""
        return _changed_files(self._git("diff-index", "--cached", "--raw", "-z", "--no-renames", self._commit, "--"))

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """Return blob id -> size in bytes."""
        send = "".join(f"{blob}\n" for blob in blobs).encode()
        lines = self._git("cat-file", "--batch-check=%(objectname) %(objectsize)", send=send).decode("ascii")
        return {blob: int(size) for blob, size in (line.split(" ") for line in lines.splitlines())}

    def read(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """Return blob id -> bytes."""
        return _read(self._top, blobs, environ=self._environ)

    def with_lfs(self, paths: Iterable[str]) -> set[str]:
        """Return those of the paths whose attributes give them to Git LFS."""
        return _lfs_in(self._git("check-attr", "-z", "--stdin", "filter", send=_joined(paths)))

    def file(self, path: str) -> Path:
        """Return the place on disk of a path in the repository."""
        return self._top / path

    def mode_on_disk(self, path: str) -> str:
        """Return the mode that git gives a regular file or a symbolic link."""
        mode = self.file(path).lstat().st_mode
        if stat.S_ISLNK(mode):
            return SYMLINK
        return "100755" if mode & stat.S_IXUSR else "100644"

    def _git(self, *arguments: str, send: bytes = b"") -> bytes:
        return run_git(self._top, *arguments, send=send, environ=self._environ, timeout=TIMEOUT_SECONDS)


@contextmanager
def staging(directory: Path, commit: str | None) -> Iterator[Staging]:
    """Yield a temporary index that starts as `commit`, or empty if the repository has no commit."""
    with tempfile.TemporaryDirectory(prefix="cmlkit-stage-") as folder:
        yield Staging(directory, commit, Path(folder))


def _changed_files(output: bytes) -> list[ChangedFile]:
    fields = os.fsdecode(output).split("\0")
    found = [_changed_file(record, path) for record, path in zip(fields[::2], fields[1::2], strict=False)]
    return [each for each in found if each is not None]


def _changed_file(record: str, path: str) -> ChangedFile | None:
    """Return the file of a raw diff record, `:100644 100755 ID ID M`; None for a submodule."""
    if not record:
        return None
    before_mode, after_mode, before, after, _ = record.removeprefix(":").split(" ")
    versions = (Version(mode=before_mode, blob=before), Version(mode=after_mode, blob=after))
    if any(version.mode == "160000" for version in versions):
        return None
    was, now = (None if version.mode == "000000" else version for version in versions)
    return ChangedFile(path=path, before=was, after=now)


def _read(directory: Path, blobs: Iterable[str], *, environ: Mapping[str, str] | None = None) -> dict[str, bytes]:
    wanted = list(dict.fromkeys(blobs))
    send = "".join(f"{blob}\n" for blob in wanted).encode()
    output = memoryview(run_git(directory, "cat-file", "--batch", send=send, environ=environ, timeout=TIMEOUT_SECONDS))
    found: dict[str, bytes] = {}
    for blob in wanted:
        header = bytes(output[:128]).partition(b"\n")[0]
        start, size = len(header) + 1, int(header.split(b" ")[2])
        found[blob] = bytes(output[start : start + size])
        output = output[start + size + 1 :]
    return found


def _joined(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _quoted(path: Path) -> str:
    # A colon or a quote would split the list. https://git-scm.com/docs/git#Documentation/git.txt
    text = str(path)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if re.search(r'[:"\\]', text) else text
