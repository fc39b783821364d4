"""The Python that a project asks for: files and ranges of the forms that their tools document."""

from __future__ import annotations

import pytest
import yaml

from cmlkit.scaffold import templates
from cmlkit.scaffold.project import Project
from cmlkit.scaffold.python_version import TEMPLATE, AskedPython, asked


def of(**files: str) -> AskedPython:
    named = {name.replace("__", "."): text for name, text in files.items()}
    return asked(Project(files=named, read=named.__getitem__))


def test_the_version_compared_with_is_the_one_that_every_template_sets_up() -> None:
    steps = [
        step["with"]["python-version"]
        for name in templates.workflow_names()
        for job in yaml.safe_load(templates.workflow(name))["jobs"].values()
        for step in job.get("steps", [])
        if "setup-python" in step.get("uses", "")
    ]
    assert set(steps) <= {"{}.{}".format(*TEMPLATE), "${{ inputs.python-version }}"}
    assert len(steps) >= 4


@pytest.mark.parametrize(
    ("files", "version", "because"),
    [
        ({"__python-version": "3.11\n"}, "3.11", ".python-version says 3.11"),
        ({"__python-version": "# of pyenv\n3.10.14\n3.9\n"}, "3.10", ".python-version says 3.10.14"),
        ({"__python-version": "cpython-3.13.1"}, "3.13", ".python-version says 3.13.1"),
        ({"runtime__txt": "python-3.9.13\n"}, "3.9", "runtime.txt says 3.9.13"),
        ({"__tool-versions": "nodejs 20.1.0\npython 3.12.7\n"}, "3.12", ".tool-versions says 3.12.7"),
        ({"Pipfile": '[requires]\npython_version = "3.11"\n'}, "3.11", "Pipfile says 3.11"),
        (
            {"__python-version": "3.11", "pyproject__toml": '[project]\nrequires-python = ">=3.12"'},
            "3.11",
            ".python-version says 3.11",
        ),
    ],
)
def test_a_file_that_names_one_version_counts_first(files: dict[str, str], version: str, because: str) -> None:
    found = of(**files)
    assert (found.version, found.because, found.problem) == (version, because, "")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        # https://packaging.python.org/en/latest/specifications/version-specifiers/
        (">=3.9", "3.12"),
        (">=3.8,<3.12", "3.11"),
        (">=3.8, <3.11", "3.10"),
        (">=3.13", "3.13"),
        (">3.12,<4", "3.12"),
        ("<=3.11", "3.11"),
        ("==3.10.*", "3.10"),
        ("~=3.9", "3.12"),
        ("~=3.10.2", "3.10"),
        (">=3.11,!=3.12.*", "3.11"),
        ("<3.12.5", "3.11"),
        # https://python-poetry.org/docs/dependency-specification/
        ("^3.9", "3.12"),
        ("~3.11", "3.11"),
        ("3.11.x", "3.11"),
        (">=3.9 <3.12", "3.11"),
        ("^2.7 || ^3.10", "3.12"),
        ("*", "3.12"),
    ],
)
def test_of_a_range_the_templates_version_is_taken_else_the_nearest(text: str, version: str) -> None:
    found = of(pyproject__toml=f'[project]\nrequires-python = "{text}"\n')
    assert (found.version, found.because) == (version, f"within {text}, requires-python of pyproject.toml")
    assert of(pyproject__toml=f'[tool.poetry.dependencies]\npython = "{text}"').version == version
    assert of(setup__cfg=f"[options]\npython_requires = {text}\n").version == version


@pytest.mark.parametrize(
    ("files", "source", "asks"),
    [
        ({"__python-version": "2.7.18"}, ".python-version", "2.7.18"),
        ({"__python-version": "forest-env\n"}, ".python-version", "forest-env"),
        ({"__python-version": "pypy3.10-7.3.12"}, ".python-version", "pypy3.10-7.3.12"),
        ({"pyproject__toml": '[project]\nrequires-python = ">=3.6,<3.8"'}, "pyproject.toml", ">=3.6,<3.8"),
        ({"pyproject__toml": '[project]\nrequires-python = "three"'}, "pyproject.toml", "three"),
    ],
)
def test_a_version_that_is_not_to_be_had_is_told_and_the_templates_stays(
    files: dict[str, str], source: str, asks: str
) -> None:
    found = of(**files)
    assert (found.version, found.because, found.source) == ("", "", source)
    assert found.problem.startswith(f"it asks for Python {asks}, and nothing from 3.8 to 3.14 is known to fit")


@pytest.mark.parametrize(
    "text", ["", "[project", "[project]\nrequires-python = 3", "project = 3", "[tool]\npoetry = []"]
)
def test_a_project_that_asks_for_nothing_gets_the_templates_without_a_word(text: str) -> None:
    assert of(pyproject__toml=text) == AskedPython()
