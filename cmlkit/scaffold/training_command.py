"""Commands that may train the project: the one that is evident, and the other candidates."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cmlkit.scaffold.project import Project, around_all
from cmlkit.scaffold.script import as_module, does_something, notebook, started_in

SCRIPTS = ("train.py", "training.py", "train_model.py", "fit.py")
_SIMILAR = re.compile(
    r"(?:train|training|retrain|fit)[_-]\w+\.py|\w+[_-](?:train|training)\.py|retrain\.py|run_training\.py"
)
_R = re.compile(r"(?:.*[_-])?(?:re)?(?:train|training|fit)(?:[_-].*)?\.[rR]")
_FITS = re.compile(r"\.fit\(|\.fit_transform\(|\.backward\(|\bTrainer\(|\.train\(")
_TRAINING_NOTEBOOK = re.compile(r"train|fit|model", re.IGNORECASE)
_TARGET = re.compile(r"(?m)^train\s*:(?!=)")
_MOST_READ = 200  # scripts, to see whether they train
EXECUTED = "build"
"""Folder for the executed copy of a notebook."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A command that may train.

    Attributes:
        path: The file that it runs.
        words: The command, without what the installation puts before it.
        because: Why it may train.
        before: What stands before everything else, such as a change of folder.
        folder: Where the script's own paths start from.
        needs: Packages that the command needs besides the project's.
    """

    path: str
    words: str
    because: str
    before: str = ""
    folder: str = ""
    needs: tuple[str, ...] = ()

    def command(self, prefix: str = "") -> str:
        """Return the command as it is written into the settings."""
        return f"{self.before}{prefix}{self.words}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The command that evidently trains, if there is one, and the others that may."""

    chosen: Candidate | None
    others: tuple[Candidate, ...]


def choose(project: Project, *, has_package: bool) -> Choice:
    """Return the command that trains: of the strongest kind that the project has, if one of that kind stands out.

    Args:
        has_package: Whether the installation makes the project's own packages importable.
    """
    named = [found for found in _named(project, has_package) if found]
    kinds = named or [found for found in _similar(project, has_package) if found]
    if not kinds:
        return Choice(chosen=None, others=())
    best, *others = kinds[0]
    if not _stands_out(best, others) if named else others:
        return Choice(chosen=None, others=tuple(kinds[0]))
    return Choice(chosen=best, others=(*others, *(item for kind in kinds[1:] for item in kind)))


def _stands_out(best: Candidate, others: Sequence[Candidate]) -> bool:
    """Return whether all others are in folders below that of the best."""
    beside = [item for item in others if posixpath.dirname(item.path) == posixpath.dirname(best.path)]
    return not beside and around_all(best.path, [item.path for item in others])


def _named(project: Project, has_package: bool) -> Iterator[list[Candidate]]:
    """Yield the candidates of each kind whose names say that they train, the kind that says most about itself first."""

    def scripts(is_wanted: Callable[[str], bool]) -> list[Candidate]:
        paths = project.code(lambda path: is_wanted(posixpath.basename(path)) and does_something(project.text(path)))
        return [python_script(project, path, "its name", has_package=has_package) for path in paths]

    yield [_make(path) for path in project.all(lambda path: path in ("Makefile", "makefile")) if _trains(project, path)]
    if "[tool.kedro]" in project.text("pyproject.toml"):
        yield [Candidate(path="pyproject.toml", words="kedro run", because="pyproject.toml has [tool.kedro]")]
    yield scripts(lambda name: name == SCRIPTS[0])
    yield scripts(SCRIPTS[1:].__contains__)
    yield scripts(lambda name: name not in SCRIPTS and bool(_SIMILAR.fullmatch(name)))
    r = project.code(lambda path: bool(_R.fullmatch(posixpath.basename(path))))
    yield [_r_script(path, "its name") for path in r]


def _similar(project: Project, has_package: bool) -> Iterator[list[Candidate]]:
    """Yield the candidates of each kind that does not say so by its name."""
    python = project.code(lambda path: path.endswith(".py"))[:_MOST_READ]
    fitting = [path for path in python if _FITS.search(text := project.text(path)) and does_something(text)]
    yield [python_script(project, path, "it fits a model", has_package=has_package) for path in fitting]
    notebooks = project.code(lambda path: path.endswith(".ipynb"))
    named = [path for path in notebooks if _TRAINING_NOTEBOOK.search(posixpath.basename(path))]
    yield [_notebook(project, path, "its name") for path in named]
    r = project.code(lambda path: path.endswith((".R", ".r")))
    yield [_r_script(path, "the only R script") for path in r] if len(r) == 1 else []
    yield [_notebook(project, path, "the only notebook") for path in notebooks] if len(notebooks) == 1 else []


def _trains(project: Project, makefile: str) -> bool:
    return bool(_TARGET.search(project.text(makefile)))


def _make(path: str) -> Candidate:
    return Candidate(path=path, words="make train", because=f"target train of {path}")


def python_script(project: Project, path: str, because: str, *, has_package: bool) -> Candidate:
    """Return how a Python script is started: as a module of its package, or from the folder that its paths mean."""
    if module := as_module(project, path):
        name, folder = module
        before = f"PYTHONPATH={shlex.quote(folder)} " if folder and not has_package else ""
        return Candidate(path=path, words=f"python -m {name}", because=because, before=before)
    folder = started_in(project, path)
    before = f"cd {shlex.quote(folder)} && " if folder else ""
    inner = posixpath.relpath(path, folder) if folder else path
    return Candidate(path=path, words=f"python {shlex.quote(inner)}", because=because, before=before, folder=folder)


def _r_script(path: str, because: str) -> Candidate:
    return Candidate(path=path, words=f"Rscript {shlex.quote(path)}", because=because)


def _notebook(project: Project, path: str, because: str) -> Candidate:
    """Return how a notebook is executed: by papermill if it has a cell of parameters, else by nbconvert.

    The kernel is the job's own Python: a notebook names that of the machine it was written on.
    """
    folder, quoted = posixpath.dirname(path), shlex.quote(path)
    if _has_parameters(project, path):
        copy, place = shlex.quote(f"{EXECUTED}/{posixpath.basename(path)}"), shlex.quote(folder or ".")
        words = f"papermill --kernel python3 --cwd {place} {quoted} {copy}"
        return _of_notebook(path, f"mkdir -p {EXECUTED} && ", words, because, ("papermill", "ipykernel"))
    words = (
        f"jupyter nbconvert --to notebook --execute --output-dir {EXECUTED} --ExecutePreprocessor.kernel_name=python3"
    )
    return _of_notebook(path, "", f"{words} {quoted}", because, ("nbconvert", "ipykernel"))


def _of_notebook(path: str, before: str, words: str, because: str, needs: tuple[str, ...]) -> Candidate:
    return Candidate(
        path=path, words=words, because=because, before=before, folder=posixpath.dirname(path), needs=needs
    )


def _has_parameters(project: Project, path: str) -> bool:
    """Return whether a cell has papermill's tag. https://papermill.readthedocs.io/en/latest/usage-parameterize.html"""
    cells = notebook(project.text(path)).get("cells")
    found = [cell.get("metadata") for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []
    return any("parameters" in (item.get("tags") or ()) for item in found if isinstance(item, dict))


def is_python(candidate: Candidate) -> bool:
    """Return whether a candidate is a Python script, whose text tells what it needs."""
    return candidate.path.endswith(".py")


def is_r(candidate: Candidate) -> bool:
    """Return whether a candidate needs R."""
    return candidate.words.startswith("Rscript ")
