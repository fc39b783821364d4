"""Facts about the checkout, read from git; nothing is changed.

Every function raises NotARepository outside a repository, and GitError if git is missing, refuses or fails; callers
that can do without an answer catch these.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from cmlkit.errors import GitFailed
from cmlkit.git.command import ask_git, git_text

_REMOTE = re.compile(r"[:/](?P<owner>[^/:]+)/(?P<name>[^/]+?)(?:\.git)?/?$")


def head_commit(directory: Path) -> str | None:
    """Return the commit that is checked out; None in a repository without commits."""
    return ask_git(directory, "rev-parse", "--verify", "--quiet", "HEAD")


def root(directory: Path) -> Path:
    """Return the repository's top folder, with links resolved."""
    return Path(git_text(directory, "rev-parse", "--show-toplevel"))


def parents(directory: Path, commit: str) -> list[str]:
    """Return the ids of a commit's parents, also of those that a shallow clone leaves out."""
    head = git_text(directory, "cat-file", "commit", commit).partition("\n\n")[0]
    return [line.removeprefix("parent ") for line in head.splitlines() if line.startswith("parent ")]


def first_parents(directory: Path, commit: str, *, limit: int) -> list[str]:
    """Return a commit and its ancestors on the branch itself, newest first; a shallow clone has few."""
    return git_text(directory, "rev-list", "--first-parent", f"--max-count={limit}", commit, "--").splitlines()


def remote_heads(directory: Path) -> dict[str, str]:
    """Return full name -> commit id of what was fetched from remotes, such as `refs/remotes/origin/main`."""
    listed = git_text(directory, "for-each-ref", "--format=%(refname) %(objectname)", "refs/remotes/").splitlines()
    return {name: commit for name, _, commit in (line.rpartition(" ") for line in listed)}


def subject(directory: Path, commit: str) -> str:
    """Return the first line of a commit's message."""
    return git_text(directory, "show", "--no-patch", "--format=%s", commit, "--")


def commit_of(directory: Path, revision: str) -> str | None:
    """Return the id of the commit that a revision names, such as `HEAD~1`; None if there is none."""
    return ask_git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")


def prefix(directory: Path) -> PurePosixPath:
    """Return the path of `directory` in its repository; `.` at its root."""
    return PurePosixPath(git_text(directory, "rev-parse", "--show-prefix") or ".")


def shared_file(directory: Path, name: str) -> Path:
    """Return the place of a file or folder in `.git`, such as `objects`, in worktrees too."""
    return (directory / git_text(directory, "rev-parse", "--git-path", name)).resolve()


def prefix_below(root: Path, directory: Path) -> PurePosixPath | None:
    """Return the path of `directory` in its repository without running git; None if it is not below `root`.

    Args:
        root: The checkout, or a folder around it. The repository's root is the nearest folder with a `.git` from
            `directory` up to `root`, else `root` itself.
    """
    root, directory = root.resolve(), directory.resolve()
    if not directory.is_relative_to(root):
        return None
    around = [folder for folder in (directory, *directory.parents) if folder.is_relative_to(root)]
    top = next((folder for folder in around if (folder / ".git").exists()), root)
    return PurePosixPath(directory.relative_to(top))


def remote_address(directory: Path, remote: str) -> str | None:
    """Return the URL of a remote as git uses it; None if there is no such remote."""
    try:
        return git_text(directory, "remote", "get-url", remote)
    except GitFailed as error:
        if "No such remote" not in error.words:
            raise
        return None


def repository_in(address: str) -> str | None:
    """Return `OWNER/NAME` from the URL of a remote; None if it has another form."""
    match = _REMOTE.search(address)
    return f"{match['owner']}/{match['name']}" if match else None


def files(directory: Path) -> list[str]:
    """Return the paths that git tracks, or would track, relative to `directory`."""
    listed = git_text(directory, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return [path for path in listed.split("\0") if path]


def ignored_files(directory: Path) -> list[str]:
    """Return what is there and git ignores, relative to `directory`: files, and folders with a slash at their end."""
    listed = git_text(
        directory,
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--directory",
        "--no-empty-directory",
        "-z",
    )
    return [path for path in listed.split("\0") if path]


def ignored_among(directory: Path, paths: Collection[str]) -> frozenset[str]:
    """Return those of some paths that git would ignore, whether there is a file or not."""
    # It ends with 1 if it ignores none of them.
    found = ask_git(directory, "check-ignore", "--stdin", "-z", send="\0".join(paths).encode()) if paths else None
    return frozenset((found or "").split("\0")) - {""}


def remote_default_branch(directory: Path, remote: str = "origin") -> str | None:
    """Return the default branch of a remote as a clone got to know it; None if it did not."""
    found = ask_git(directory, "symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
    return found.removeprefix(f"{remote}/") if found else None


def current_branch(directory: Path) -> str | None:
    """Return the branch that is checked out, also before its first commit; None if it is a commit alone."""
    return ask_git(directory, "symbolic-ref", "--quiet", "--short", "HEAD")


def is_ignored(directory: Path, path: Path) -> bool:
    """Return whether git ignores a file that it does not track."""
    # It reports the answer by its exit status alone.
    return ask_git(directory, "check-ignore", "--quiet", "--", str(path)) is not None
