"""git's history in the checkout, read only: commits that changed a file, past versions of files, tags and branches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import Conflict, GitFailed, ServiceError, SettingsError
from cmlkit.git.checkout import remote_default_branch
from cmlkit.git.command import ask_git, git_text, run_git

FETCH_TIMEOUT_SECONDS = 600.0
_FORMAT = "%H%x00%cI%x00%P%x00%B%x00"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit: its id, its date (ISO 8601), its parents' ids, and its message."""

    sha: str
    date: str
    parents: tuple[str, ...]
    message: str


@dataclass(frozen=True, kw_only=True)
class File:
    """A file in a commit: the id of its blob, and its bytes."""

    blob: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag: its name below `refs/tags/`, the commit that it names, its date (ISO 8601), and its message."""

    name: str
    commit: str
    date: str
    message: str


def commits_of(directory: Path, path: str, *, ref: str, mainline: bool) -> list[Commit]:
    """Return the commits up to `ref` that changed the file at the repository path, newest first.

    Args:
        mainline: Only commits of the branch itself; a merge counts as one commit with all its changes.
    """
    kind = ["--first-parent"] if mainline else ["--full-history"]
    output = run_git(directory, "log", *kind, f"--format={_FORMAT}", "-z", ref, "--", f":(top,literal){path}")
    fields = output.decode("utf-8", "replace").split("\0")
    # Each commit ends with its own null byte, and `-z` puts another between commits.
    records = [fields[start : start + 4] for start in range(0, len(fields) - 4, 5)]
    return [
        Commit(sha=sha.strip(), date=date, parents=tuple(parents.split()), message=message)
        for sha, date, parents, message in records
    ]


def files_at(directory: Path, path: str, commits: Iterable[str]) -> dict[str, File]:
    """Return the file at the repository path for each commit that has it."""
    wanted = list(dict.fromkeys(commits))
    send = "".join(f"{commit}:{path}\n" for commit in wanted).encode()
    output = run_git(directory, "cat-file", "--batch", send=send) if wanted else b""
    found: dict[str, File] = {}
    for commit in wanted:
        header, _, output = output.partition(b"\n")
        words = header.decode("utf-8", "replace").split(" ")
        if len(words) != 3 or not words[2].isdecimal():
            continue  # `… missing`
        size = int(words[2])
        if words[1] == "blob":
            found[commit] = File(blob=words[0], content=output[:size])
        output = output[size + 1 :]
    return found


def tags(directory: Path, prefix: str) -> list[Tag]:
    """Return the annotated tags whose names begin with `prefix/`."""
    fields = "%00".join(
        ["%(refname)", "%(objecttype)", "%(*objectname)", "%(*objecttype)", "%(creatordate:iso-strict)", "%(contents)"]
    )
    output = run_git(directory, "for-each-ref", f"--format={fields}%00", f"refs/tags/{prefix}/")
    records = output.decode("utf-8", "replace").removesuffix("\0\n").split("\0\n")
    found = [record.split("\0") for record in records if record]
    return [
        Tag(name=name.removeprefix("refs/tags/"), commit=commit, date=date, message=message)
        for name, kind, commit, target, date, message in found
        if kind == "tag" and target == "commit"
    ]


def branches(directory: Path, pattern: str, *, remote: str = "origin") -> dict[str, str]:
    """Return the head of each local and (as last fetched) remote branch that matches the pattern."""
    places = (f"refs/heads/{pattern}", f"refs/remotes/{remote}/{pattern}")
    output = run_git(directory, "for-each-ref", "--format=%(refname) %(objectname)", *places).decode("utf-8", "replace")
    pairs = [line.split(" ") for line in output.splitlines()]
    # The remote's come last, so they win if a name is in both places.
    return {name.removeprefix("refs/heads/").removeprefix(f"refs/remotes/{remote}/"): sha for name, sha in pairs}


def resolve(directory: Path, name: str) -> str | None:
    """Return the id of the commit that a branch, tag or (short) id names; None if there is no such commit."""
    return ask_git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


def default_branch(directory: Path, *, remote: str = "origin") -> str:
    """Return the remote's default branch as the clone knows it, else main or master, else HEAD.

    Raises:
        SettingsError: The repository has no commit yet.
        NotARepository: `directory` is in no repository.
        GitError: git is not installed, refuses or fails.
    """
    if head := remote_default_branch(directory, remote):
        return head
    for name in ("main", "master"):
        if branch_ref(directory, name, remote=remote):
            return name
    if not resolve(directory, "HEAD"):
        raise SettingsError("The repository has no commit yet.", next_step="Commit the project, or fetch its history.")
    return "HEAD"


def branch_ref(directory: Path, branch: str, *, remote: str = "origin") -> str | None:
    """Return the ref to read a branch from: the remote's as last fetched, else the local one; None without either."""
    for ref in (f"refs/remotes/{remote}/{branch}", f"refs/heads/{branch}"):
        if resolve(directory, ref):
            return ref
    return None


def contains(directory: Path, commit: str, *, ref: str) -> bool:
    """Return whether the commit is `ref` or one of its ancestors."""
    return not run_git(directory, "rev-list", "--max-count=1", commit, f"^{ref}")


def paths(directory: Path, ref: str) -> list[str]:
    """Return the repository paths of all files in the commit."""
    output = git_text(directory, "ls-tree", "-r", "-z", "--name-only", "--full-tree", ref)
    return [path for path in output.split("\0") if path]


def changed_paths(directory: Path, since: str) -> list[str]:
    """Return the repository paths of files that differ between a commit and the checked-out one."""
    output = git_text(directory, "diff", "--name-only", "--no-renames", "-z", since, "HEAD", "--")
    return [path for path in output.split("\0") if path]


def is_shallow(directory: Path) -> bool:
    """Return whether the clone lacks older commits."""
    return git_text(directory, "rev-parse", "--is-shallow-repository") == "true"


def fetch(directory: Path, refspec: str, *, remote: str = "origin", prune: bool = False) -> None:
    """Fetch these refs with the checkout's own credentials.

    Args:
        prune: Whether to remove refs here that the remote has deleted.

    Raises:
        Conflict: A tag names another commit at the remote than in this clone: somebody has moved it.
        ServiceError: The remote does not give the refs.
        GitError: git is not installed, or refuses to work in this repository.
    """
    try:
        # Not --quiet, which would hide the refs that were rejected.
        options = ["--no-tags", *(["--prune"] if prune else [])]
        run_git(directory, "fetch", *options, remote, refspec, timeout=FETCH_TIMEOUT_SECONDS)
    except GitFailed as error:
        if "would clobber existing tag" in error.message:
            raise Conflict(
                f"A tag of {remote} is not where this clone has it: {error.message}",
                next_step="cmlkit never moves a promotion: find out who moved it before you trust either.",
            ) from error
        raise ServiceError(
            error.message, next_step="Check the remote, and that the checkout has credentials for it."
        ) from error
