"""CI: the place where cmlkit runs, and how a job reports to it. A new CI is a module here and a line below."""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmlkit.ci.base import Workplace
    from cmlkit.records.workflow_run import WorkflowRun

# Name -> module, and the class in it. The first that recognises the environment is used.
WORKPLACES = {
    "github-actions": ("cmlkit.ci.github_actions", "GithubActions"),
}


def workplace(environ: Mapping[str, str]) -> Workplace:
    """Return the place that `environ` belongs to: a job of a CI, else a developer's machine."""
    for place in _registered():
        if place.is_here(environ):
            return place(environ)
    from cmlkit.ci.local import Local

    return Local(environ, repository_variables=[place.repository_variable for place in _registered()])


def workflow_run(environ: Mapping[str, str], *, directory: str | os.PathLike[str] = ".") -> WorkflowRun:
    """Return the run that `environ` describes, or one for the checkout in `directory`, with a random id.

    >>> job = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "octo/forest", "GITHUB_SHA": 40 * "a"}
    >>> cmlkit.workflow_run(job).repository_url
    'https://github.com/octo/forest'

    Args:
        environ: The environment, such as `os.environ`.
        directory: The checkout, for the repository and the commit if the environment lacks them.

    Raises:
        SettingsError: No repository is known, or a variable has no valid value.
    """
    return workplace(environ).workflow_run(directory=Path(directory))


def credentials() -> frozenset[str]:
    """Return the names of all variables that hold credentials of a forge or a CI, wherever this runs.

    Those of every place count everywhere: a developer's shell has tokens too, and a job may have those of another CI.
    """
    from cmlkit.ci.base import OWN_CREDENTIALS

    return frozenset(OWN_CREDENTIALS).union(*(place.credentials for place in _registered()))


def for_commands(environ: Mapping[str, str], *, pass_env: Collection[str] = ()) -> dict[str, str]:
    """Return the environment without `credentials`, for programs that are not cmlkit's own.

    Args:
        pass_env: Names to keep nevertheless.
    """
    without = credentials().difference(pass_env)
    return {name: value for name, value in environ.items() if name not in without}


def _registered() -> Iterator[type[Workplace]]:
    for module, name in WORKPLACES.values():
        place: type[Workplace] = getattr(importlib.import_module(module), name)
        yield place
