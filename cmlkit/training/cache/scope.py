"""The caches that a run may use: those of its branches, for this month and for what is installed."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from cmlkit.records.json_text import json_text
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.stores.base import hashed

# The files from which package managers install, as far as they lie at the top of the project. A command that installs
# from others names them.
LISTS = (
    "*.lock",
    "Pipfile",
    "pylock*.toml",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements*.txt",
    "requirements/*.txt",
    "constraints*.txt",
    "conda*.y*ml",
    "environment*.y*ml",
)
# Their change is one of the data, of which a cache may have the older part.
NOT_OF_PACKAGES = ("dvc.lock",)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The branches whose caches a run may use.

    Attributes:
        own: The branch whose cache it may write; empty if there is none.
        readable: The branches whose caches it may read, the nearest first.
        refused: Why it may use none, after "because"; empty if it may.
    """

    own: str = ""
    readable: tuple[str, ...] = ()
    refused: str = ""


def scope_of(run: WorkflowRun) -> Scope:
    """Return the branches whose caches a run may use: its own, that of its pull request's target, and the default one.

    They are those that GitHub's own cache allows, except that a pull request's run counts to its branch, and that code
    of unknown origin gets nothing.
    https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching#restrictions-for-accessing-a-cache
    """
    trigger = run.trigger
    if run.from_fork or trigger.kind == "fork":
        return Scope(refused="this run is for a pull request from a fork")
    if trigger.reads_only:
        return Scope(refused=f"this run is for a change by {trigger.reads_only}, which nobody has looked at")
    if trigger.kind in ("discussion", "none"):
        return Scope(refused="the event does not tell which branch this run is for")
    # Of a merged pull request, a queue and a tag, no later run has the branch.
    own = trigger.branch if trigger.kind in ("branch", "pull-request", "issue") else ""
    readable = dict.fromkeys(filter(None, (own, trigger.base, run.default_branch)))
    return Scope(own=own, readable=tuple(readable))


def address(store: str, run: WorkflowRun, branch: str, key: str) -> str:
    """Return the place of a branch's cache, below the prefix of its repository as for checkpoints."""
    return "/".join((store, run.repository, "cache", quote(branch, safe=""), key))


def cache_key(spec: TrainSpec, directory: Path, *, now: float, system: Mapping[str, str]) -> str:
    """Return the name of a cache below its branch: the month, and a hash of what its content depends on.

    Args:
        now: Seconds since the epoch.
        system: Facts of the machine, as `system_facts` returns them.
    """
    lists = {path: _hash(directory / path) for path in sorted(set(_lists(spec, directory)))}
    content = json_text([sorted(spec.cache), spec.setup, lists, dict(system)])
    return f"{time.strftime('%Y-%m', time.gmtime(now))}/{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def system_facts() -> dict[str, str]:
    """Return the facts of this machine on which built packages depend."""
    release: Mapping[str, str] = {}
    with suppress(OSError):
        release = platform.freedesktop_os_release()
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "release": f"{release.get('ID', '')} {release.get('VERSION_ID', '')}",
    }


def _lists(spec: TrainSpec, directory: Path) -> Iterator[str]:
    """Yield the lists of packages at the top of the project, and the project's files that the setup names."""
    for pattern in LISTS:
        found = (path.relative_to(directory).as_posix() for path in directory.glob(pattern) if path.is_file())
        yield from (path for path in found if path not in NOT_OF_PACKAGES)
    for word in spec.setup.replace(";", " ").split():
        path = PurePosixPath(word.strip("'\"()"))
        if path.parts and not path.is_absolute() and ".." not in path.parts and (directory / path).is_file():
            yield str(path)


def _hash(file: Path) -> str:
    try:
        return hashed(file)[0]
    except OSError:
        return ""
