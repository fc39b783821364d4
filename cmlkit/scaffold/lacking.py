"""Things that the machine that trains will lack although they are on this one, and how to bring them there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cmlkit.scaffold import dvc
from cmlkit.scaffold.outputs import is_in_data, read_by
from cmlkit.scaffold.project import DATA_FOLDERS, Project

GUIDE = "https://github.com/cmlkit/cmlkit/blob/main/docs/how-to"
_ENVIRONMENT_FILE = re.compile(r"load_dotenv|dotenv_values|find_dotenv|dotenv::")


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """Something that the machine will lack.

    Attributes:
        why: Why it lacks it.
        ways: How to bring it, each a way of its own.
    """

    what: str
    why: str
    ways: tuple[str, ...]


def lacking_data(project: Project, text: str, folder: str, *, named: Sequence[str]) -> list[Lacking]:
    """Return the data that is not in the repository, and that neither DVC nor Git LFS keeps.

    Args:
        text: The code of the training script.
        folder: Where the script is started.
        named: The files that the script names, as paths from the project's root.
    """
    read = [posixpath.normpath(posixpath.join(folder, path)) for path in read_by(text)]
    wanted = [path for path in (*read, *named) if path in read or is_in_data(path, ("", folder))]
    wanted = [path for path in dict.fromkeys(wanted) if not path.startswith(("/", "../")) and not project.has(path)]
    ignored = project.ignores(wanted)
    found = {path: "git ignores it" for path in project.ignored if is_in_data(f"{path}/", ("", folder)) or path in read}
    found |= {path: "git ignores it" if path in ignored else "it is not in the repository" for path in wanted}
    found = {path: why for path, why in found.items() if not dvc.keeps(project, path)}
    return [Lacking(what=path, why=why, ways=_ways_of_data(path)) for path, why in _widest(project, found).items()]


def _widest(project: Project, found: dict[str, str]) -> dict[str, str]:
    """Return a folder of data in place of what is in it, if nothing in it is in the repository."""
    widest: dict[str, str] = {}
    for path, why in found.items():
        parts = path.rstrip("/").split("/")
        ends = [count for count, part in enumerate(parts[:-1], start=1) if part in DATA_FOLDERS]
        around = "/".join(parts[: ends[0]]) if ends else ""
        widest.setdefault(path if not around or project.has(around) else f"{around}/", why)
    return {path: why for path, why in widest.items() if not any(_is_within(path, other) for other in widest)}


def _is_within(path: str, other: str) -> bool:
    return path != other and other.endswith("/") and path.startswith(other)


def _ways_of_data(path: str) -> tuple[str, ...]:
    place, copied = path.rstrip("/"), "sync" if path.endswith("/") else "cp"
    fetch = f"pip install awscli && aws s3 {copied} s3://BUCKET/{place} {place}"
    return (
        f"dvc add {place}, with a remote: {GUIDE}/use-with-dvc.md",
        f"train.setup: {fetch}, and runner.iam-instance-profile for reading the bucket",
        "train.setup: a command that downloads it",
    )


def lacking_files(project: Project, text: str) -> Iterator[Lacking]:
    """Yield what a checkout leaves out: files of Git LFS, submodules, and variables in a file that git ignores."""
    if "filter=lfs" in project.text(".gitattributes"):
        yield Lacking(
            what="files of Git LFS",
            why="the workflow's checkout leaves them as pointers",
            ways=("add lfs: true below `with` of actions/checkout in the job that trains",),
        )
    if ".gitmodules" in project.files:
        yield Lacking(
            what="submodules",
            why="the workflow's checkout leaves them out",
            ways=("add submodules: true below `with` of actions/checkout in the job that trains",),
        )
    if _ENVIRONMENT_FILE.search(text) and ".env" not in project.files:
        yield Lacking(
            what=".env",
            why="the script reads it, and it is not in the repository",
            ways=("store its values as secrets, and pass them below `env` of the step that trains",),
        )
