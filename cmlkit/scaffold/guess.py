"""How a project trains, guessed from its files, with what each guess is made from."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from cmlkit.scaffold import dvc
from cmlkit.scaffold.installation import Installation, installation
from cmlkit.scaffold.lacking import GUIDE, Lacking, lacking_data, lacking_files
from cmlkit.scaffold.outputs import Outputs, data, outputs
from cmlkit.scaffold.project import Project, around_all
from cmlkit.scaffold.script import named_files, needs_arguments, source, third_party
from cmlkit.scaffold.training_command import Candidate, Choice, choose, is_python, is_r, python_script

DATA_SCRIPTS = (
    "get_data.py",
    "download_data.py",
    "fetch_data.py",
    "make_data.py",
    "make_dataset.py",
    "prepare_data.py",
)
SCORE_SCRIPTS = ("score.py", "scoring.py", "evaluate.py")
R_INSTALLERS = ("install.R", "install_packages.R", "dependencies.R", "requirements.R")
INSTALL_R = "apt-get update && apt-get install --yes r-base"
_ELSEWHERE = {
    "MLproject": "`mlflow run .` would run it",
    "Snakefile": "`snakemake` would run it",
    "Dockerfile": f"training runs without a container: {GUIDE}/run-in-a-container.md",
    ".gitlab-ci.yml": "it is GitLab's; cmlkit writes workflows of GitHub Actions",
    "bitbucket-pipelines.yml": "it is Bitbucket's; cmlkit writes workflows of GitHub Actions",
}
_CML = re.compile(
    r"iterative/setup-cml|dvcorg/cml|iterativeai/cml|@dvcorg/cml|\bcml (?:comment|runner|pr|publish|ci)\b"
)


@dataclass(frozen=True, kw_only=True)
class Unused:
    """Files that were found and are not used, and why."""

    paths: tuple[str, ...]
    why: str


@dataclass(frozen=True, kw_only=True)
class Guess:
    """How a project trains, guessed from its files.

    Attributes:
        train: Key of `train` -> value that was found; `runner` has those of that section.
        because: Key -> what the value was guessed from.
        missing: Keys for which nothing was found.
        candidates: Other commands that may train.
        lacking: What the machine that trains will lack.
    """

    train: Mapping[str, Any]
    runner: Mapping[str, Any] = field(default_factory=dict)
    because: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()
    lacking: tuple[Lacking, ...] = ()


def guess(project: Project) -> Guess:
    """Guess from a project's files how it trains."""
    choice, install = _choice(project)
    chosen = choice.chosen
    text = _code(project, chosen)
    folder = chosen.folder if chosen else ""
    named = named_files(text, folder)
    written = outputs(project, named)
    score = project.first(lambda path: _is_score_script(path, project))
    fetching = _fetching(project, chosen)
    train: dict[str, Any] = {
        "setup": " && ".join(_setup(project, chosen, install, fetching)),
        "run": chosen.command(install.prefix) if chosen else "",
        "score": f"{install.prefix}python {shlex.quote(score)}" if score else "",
        "model": next(iter(written.models), ""),
        "metrics": list(written.metrics),
        "plots": list(written.plots),
        "data": data(project, named, folder),
    }
    because = _because(project, chosen, install, written, fetching)
    if chosen and chosen.words.startswith("dvc repro"):
        said = dvc.said(project, chosen.path)
        train |= said
        because |= dict.fromkeys(said, chosen.because)
    found = {key: value for key, value in train.items() if value}
    lacking = [*_lacking_packages(project, chosen, text, install), *lacking_files(project, text)]
    if chosen and not fetching and not chosen.words.startswith("dvc repro"):
        lacking += lacking_data(project, text, folder, named=[path for path in named if path not in written.written])
    return Guess(
        # Without the empty list, the setting's default would apply, and those files are missing.
        train=found | {key: [] for key in ("plots", "data") if key not in found},
        runner={"startup-script": INSTALL_R} if chosen and is_r(chosen) else {},
        because={key: reason for key, reason in because.items() if key in found or key == "startup-script"},
        missing=tuple(key for key in ("run", "model", "metrics") if key not in found),
        candidates=tuple(item.command(install.prefix) for item in choice.others),
        unused=tuple(_unused(project, install)),
        lacking=tuple(lacking),
    )


def _choice(project: Project) -> tuple[Choice, Installation]:
    """Return the command that trains, and the list of dependencies: that of its folder."""
    if found := dvc.pipelines(project):
        first, *others = found
        if around_all(first.path, [item.path for item in others]):
            choice = Choice(chosen=first, others=tuple(others))
        else:
            choice = Choice(chosen=None, others=tuple(found))
        return choice, installation(project, posixpath.dirname(first.path))
    has_package = installation(project).has_project
    choice = choose(project, has_package=has_package)
    folder = posixpath.dirname(choice.chosen.path) if choice.chosen else ""
    return choice, installation(project, folder)


def _code(project: Project, chosen: Candidate | None) -> str:
    """Return the code that training runs, as far as it is one file: that of a Makefile's target is in its recipe."""
    if not chosen or chosen.path == "pyproject.toml":
        return ""
    if not chosen.words.startswith("make "):
        return source(project, chosen.path)
    recipe = re.search(r"(?m)^train\s*:.*\n((?:\t.*\n?)*)", project.text(chosen.path))
    words = recipe[1].split() if recipe else []
    return "\n".join(source(project, word) for word in words if word in project.files)


def _setup(project: Project, chosen: Candidate | None, install: Installation, fetching: str) -> Iterator[str]:
    """Yield the commands that prepare training: dependencies, what the command needs besides, and data."""
    if chosen and is_r(chosen):
        yield from _setup_of_r(project)
    elif install.command:
        yield install.command
    if chosen and (
        needed := [name for name in chosen.needs if not re.search(rf"\b{name}\b", _listed(project, install))]
    ):
        yield f"{install.adding} {' '.join(needed)}"
    if dvc.keeps_any(project) or (chosen and chosen.words.startswith("dvc repro")):
        yield from dvc.setup(project, install)
    if fetching:
        yield python_script(project, fetching, "", has_package=install.has_project).command(install.prefix)


def _listed(project: Project, install: Installation) -> str:
    """Return the list of dependencies; `jupyter` stands for what it installs."""
    text = project.text(install.source)
    return f"{text} nbconvert ipykernel" if re.search(r"(?m)\bjupyter(?:lab)?\b", text) else text


def _setup_of_r(project: Project) -> Iterator[str]:
    if "renv.lock" in project.files:
        if "renv/activate.R" not in project.files:  # which would install renv by itself
            yield 'mkdir -p "$(Rscript -e \'cat(Sys.getenv("R_LIBS_USER"))\')"'
            yield 'Rscript -e \'install.packages("renv", repos = "https://cloud.r-project.org")\''
        yield "Rscript -e 'renv::restore(prompt = FALSE)'"
    elif script := project.named(*R_INSTALLERS):
        yield 'mkdir -p "$(Rscript -e \'cat(Sys.getenv("R_LIBS_USER"))\')"'
        yield f"Rscript {script}"


def _fetching(project: Project, chosen: Candidate | None) -> str:
    """Return the script that gets the data, unless a pipeline runs it."""
    if chosen and chosen.words.startswith("dvc repro"):
        return ""
    return next(iter(project.code(lambda path: PurePosixPath(path).name in DATA_SCRIPTS)), "")


def _because(
    project: Project, chosen: Candidate | None, install: Installation, written: Outputs, fetching: str
) -> dict[str, str]:
    """Return key -> what its value was guessed from."""
    where = chosen.path if chosen else ""

    def named(paths: Sequence[str]) -> str:
        return f"named in {where}" if set(paths) & written.named else "it is in the repository"

    models = written.models
    others = f"; also {', '.join(models[1:4])}" if len(models) > 1 else ""
    lists = _sources_of_r(project) if chosen and is_r(chosen) else [install.source]
    sources = [*lists, ".dvc/config" if dvc.keeps_any(project) else "", fetching]
    reasons = {
        "setup": ", ".join(filter(None, sources)),
        "run": chosen.because if chosen else "",
        "score": "it reads CMLKIT_SCORES",
        "model": f"{named(models[:1])}{others}",
        "metrics": named(written.metrics),
        "plots": named(written.plots),
        "data": f"folders of data, and files named in {where}" if where else "folders of data",
        "startup-script": "Rscript, which the image lacks" if chosen and is_r(chosen) else "",
    }
    return {key: reason for key, reason in reasons.items() if reason}


def _sources_of_r(project: Project) -> list[str]:
    return [path for path in ("renv.lock", *R_INSTALLERS) if path in project.files][:1]


def _lacking_packages(
    project: Project, chosen: Candidate | None, text: str, install: Installation
) -> Iterator[Lacking]:
    """Yield the libraries that no list of the project has, and arguments that the script asks for."""
    if not chosen:
        return
    if is_r(chosen):
        used = list(dict.fromkeys(re.findall(r"\b(?:library|require)\(\s*[\"']?([\w.]+)", text)))
        is_listed = bool(_sources_of_r(project))
    else:
        used = list(third_party(text, lambda name: _is_own(project, name, chosen)))
        is_listed = bool(install.source)
    if used and not is_listed:
        way = "a list of R packages, such as renv.lock" if is_r(chosen) else "requirements.txt, or another list of them"
        yield Lacking(what=", ".join(used), why="no file lists the dependencies", ways=(way, "train.setup"))
    if is_python(chosen) and needs_arguments(text):
        yield Lacking(what=f"arguments of {chosen.path}", why="it asks for some", ways=("add them to train.run",))


def _is_own(project: Project, name: str, chosen: Candidate) -> bool:
    folders = ("", posixpath.dirname(chosen.path), "src")
    return any(project.has(posixpath.join(folder, entry)) for folder in folders for entry in (name, f"{name}.py"))


def _unused(project: Project, install: Installation) -> Iterator[Unused]:
    """Yield what the project has for other tools, or for the same one twice."""
    if install.others and install.source:
        yield Unused(paths=install.others, why=f"dependencies are those of {install.source}")
    for path in project.all(lambda path: bool(re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path))):
        if _CML.search(project.text(path)):
            yield Unused(paths=(path,), why="it uses CML; cmlkit init --from-cml rewrites it")
    for path, why in _ELSEWHERE.items():
        if path in project.files:
            yield Unused(paths=(path,), why=why)


def _is_score_script(path: str, project: Project) -> bool:
    """Return whether a script is made for `train.score`: it reads `CMLKIT_SCORES`."""
    return PurePosixPath(path).name in SCORE_SCRIPTS and "CMLKIT_SCORES" in project.text(path)
