"""How a project's dependencies are installed: which of its lists is used, with which command."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from cmlkit.scaffold.project import Project

MAMBA = "/tmp/bin/micromamba"  # noqa: S108 - on a machine that one job has to itself
_GET_MAMBA = "curl -LsSf https://micro.mamba.pm/api/micromamba/linux-64/latest | tar -xj -C /tmp bin/micromamba"
"""https://mamba.readthedocs.io/en/latest/installation/micromamba-installation.html"""
_CONDA = re.compile(r"(?:environment|conda)[\w.-]*\.ya?ml")
_REQUIREMENTS = re.compile(r"(?:requirements/[\w.-]+|[\w.-]*requirements[\w.-]*)\.(?:txt|in)")
_OF_TRAINING = ("train", "training", "base", "prod", "production", "main", "common", "requirements", "ml")
# As a module of the Python that trains, uv installs where pip would: into its virtual environment or beside itself.
_UV_PIP = "python -m uv pip install"
# Options in a list that mean to uv what they mean to pip. It prefers an extra index to the main one, ignores --pre and
# others with a warning, and refuses some. https://docs.astral.sh/uv/pip/compatibility/
_LISTING = ("-r", "--requirement", "-c", "--constraint")
_OPTIONS_OF_UV = (
    *_LISTING,
    *("-e", "--editable", "-i", "--index-url", "--hash", "--require-hashes", "--no-binary", "--only-binary"),
)
_OPTION = re.compile(r"(?m)^[ \t]*(--?[A-Za-z-]+)[ =]*(\S*)")
_LOCKED = {
    "uv.lock": ("pip install uv && uv sync --frozen", "uv run "),
    "pdm.lock": ("pip install 'pdm[locked]' && pdm sync", "pdm run "),
    "poetry.lock": ("pip install poetry && poetry install", "poetry run "),
    "Pipfile.lock": ("pip install pipenv && pipenv sync", "pipenv run "),
    "Pipfile": ("pip install pipenv && pipenv install", "pipenv run "),
}
"""Lock file -> the command that installs what it lists, and the words before a command that needs it.

Run in fresh folders with Python 3.11 on 2026-11-30, for a project that needs one package: Poetry 2.5 took 62 s, PDM
2.29 66 s, Pipenv 45 s, uv 16 s, mostly to install the tool itself. micromamba was not run. PDM fails with hishel 2, so
that it is installed with the versions that it was tested with: https://pdm-project.org/en/latest/#installation
"""
# These make environments without pip of their own. PDM's is in .venv.
_ADDING = {"uv.lock": "uv pip install", "pdm.lock": "pip --python .venv install"}


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The list of dependencies that is used.

    Attributes:
        source: Its path; empty if the project has none.
        command: What installs it; empty without one.
        prefix: What stands before a command that needs it, with a space at its end.
        others: Other lists of the project.
        has_project: Whether the project itself is installed with it, so that its packages can be imported.
    """

    source: str = ""
    command: str = ""
    prefix: str = ""
    others: tuple[str, ...] = ()
    has_project: bool = False

    @property
    def adding(self) -> str:
        """The command that installs packages besides those of the list."""
        if _UV_PIP in self.command:
            return _UV_PIP
        return _ADDING.get(self.source) or f"{self.prefix}pip install"


def installation(project: Project, folder: str = "") -> Installation:
    """Return how the dependencies are installed.

    Args:
        folder: Where the training script is, whose own list comes before a general one of the same kind.
    """
    found = list(_lists(project, folder))
    if not found:
        return Installation()
    source, command, prefix = found[0]
    return Installation(
        source=source,
        command=command,
        prefix=prefix,
        others=tuple(sorted({*_all_lists(project, folder)} - {source, *_locked_by(source)})),
        has_project=source in ("uv.lock", "pdm.lock", "poetry.lock", "pyproject.toml", "setup.py")
        or bool(re.search(r"(?m)^[ \t]*(?:- *)?(?:-e|--editable) +\.|^\.$", project.text(source))),
    )


def _lists(project: Project, folder: str) -> Iterator[tuple[str, str, str]]:
    """Yield each list that can be used with its command and the words before other commands, the best first."""
    for name, (command, prefix) in _LOCKED.items():
        if name in project.files:
            yield name, _poetry(project, command), prefix
    for name in _requirements(project, folder):
        yield name, _installing(f"-r {shlex.quote(name)}", with_uv=_is_for_uv(project, name)), ""
    for name in _conda(project, folder):
        create = f"{MAMBA} create --yes --name train --file {shlex.quote(name)}"
        yield name, f"{_GET_MAMBA} && {create}", f"{MAMBA} run --name train "
    if "[tool.poetry" in project.text("pyproject.toml"):
        # pip builds the project's own package, and fails if there is none.
        command, prefix = _LOCKED["poetry.lock"]
        yield "pyproject.toml", _poetry(project, command), prefix
    elif project.installs():
        yield (
            project.named("setup.py") if not project.named("pyproject.toml") else "pyproject.toml",
            _installing(".", with_uv=True),
            "",
        )


def _installing(what: str, *, with_uv: bool) -> str:
    return f"pip install uv && {_UV_PIP} {what}" if with_uv else f"pip install {what}"


def _is_for_uv(project: Project, path: str, inside: tuple[str, ...] = ()) -> bool:
    """Return whether uv installs the same as pip from a list, and from those that it names."""
    for option, value in _OPTION.findall(project.text(path)):
        if option not in _OPTIONS_OF_UV:
            return False
        named = posixpath.normpath(posixpath.join(posixpath.dirname(path), value))
        is_list = option in _LISTING and named not in (path, *inside)
        if is_list and not _is_for_uv(project, named, (path, *inside)):
            return False
    return True


def _poetry(project: Project, command: str) -> str:
    """Return the command of Poetry without the project's own package if that has no folder to be installed from."""
    text = project.text("pyproject.toml")
    if not command.endswith("poetry install") or re.search(r"(?m)^(?:package-mode|packages)\s*=", text):
        return command
    named = re.search(r'(?m)^name\s*=\s*"([^"]+)"', text)
    package = re.sub(r"[-.]", "_", named[1]) if named else ""
    is_there = package and any(project.has(path) for path in (package, f"src/{package}", f"{package}.py"))
    return command if is_there else f"{command} --no-root"


def _requirements(project: Project, folder: str) -> list[str]:
    """Return the list beside the script, else that of the root, else the one that its name says is for training."""
    places = dict.fromkeys(posixpath.join(place, "requirements.txt") for place in ("", *_folders_to(folder)))
    if found := [path for path in reversed(places) if path in project.files]:
        return found
    further = [path for path in project.all(lambda path: bool(_REQUIREMENTS.fullmatch(path))) if path.endswith(".txt")]
    named = [path for name in _OF_TRAINING for path in further if name in re.split(r"\W|_", path.removesuffix(".txt"))]
    named = [
        path for path in named if path.startswith("requirements/") or not path.startswith("requirements.")
    ] or named
    further = list(dict.fromkeys(named)) or further or project.code(lambda path: path.endswith("/requirements.txt"))
    return further if named or len(further) == 1 else []


def _conda(project: Project, folder: str) -> list[str]:
    found = project.all(lambda path: posixpath.dirname(path) in ("", folder) and _is_conda(path))
    return sorted(found, key=lambda path: (not posixpath.basename(path).startswith("environment."), path))


def _is_conda(path: str) -> bool:
    return bool(_CONDA.fullmatch(posixpath.basename(path)))


def _folders_to(folder: str) -> list[str]:
    """Return a folder and those around it, the outermost first."""
    parts = folder.split("/") if folder else []
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _all_lists(project: Project, folder: str) -> Iterator[str]:
    """Yield every list of dependencies at the root, in `requirements`, and beside the script."""
    yield from (name for name in (*_LOCKED, "setup.py", "setup.cfg") if name in project.files)
    yield from project.all(lambda path: bool(_REQUIREMENTS.fullmatch(path)))
    yield from (
        path for path in project.files if path == f"{folder}/requirements.txt" or path in _conda(project, folder)
    )


def _locked_by(lock: str) -> tuple[str, ...]:
    """Return the files that a lock file was made from."""
    return {"Pipfile.lock": ("Pipfile",)}.get(lock, ())
