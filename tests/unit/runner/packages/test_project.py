"""The packages of whole projects, from their setup and their files."""

from collections.abc import Sequence

import pytest

from cmlkit.errors import SettingsError
from cmlkit.runner.packages.project import Files, ProjectPackages, project_packages
from tests.unit.runner.packages.test_locked import EXPORTED, LOCK


def packages(setup: str = "", *, named: str = "", python: str = "", **files: str) -> ProjectPackages:
    """Of a project with these files; `_` in a name is a dot."""
    texts = {name.replace("_", "."): text for name, text in files.items()}
    exported: list[Sequence[str]] = []

    def export(flags: Sequence[str]) -> str:
        exported.append(flags)
        return f"{EXPORTED}{'extra==1' if flags else ''}"

    found = project_packages(setup, Files(read=texts.get, export=export), named=named, python=python)
    assert len(exported) == len(found.locked and [1])
    return found


PYPROJECT = """
[project]
name = "My_Grove"
dependencies = ["numpy>=2", "clip @ git+https://github.com/openai/CLIP.git"]
[project.optional-dependencies]
train = ["torch", "my-grove[plots]"]
plots = ["matplotlib"]
docs = ["mkdocs"]
[build-system]
requires = ["hatchling"]
"""


def test_without_a_setup_the_lock_file_counts_and_else_requirements_txt() -> None:
    both = packages(uv_lock=LOCK, requirements_txt="numpy\n")
    assert (both.sources, bool(both.locked), both.pip) == (("uv.lock",), True, ())
    assert packages(requirements_txt="numpy\n") == ProjectPackages(pip=("numpy",), sources=("requirements.txt",))


def test_a_setup_decides_which_tool_gets_which_list() -> None:
    found = packages(
        "pip install -r a.txt && uv pip install -r b.txt -c c.txt", a_txt="numpy\n", b_txt="torch\n", c_txt="torch<3\n"
    )
    assert found.pip == ("numpy",)
    assert found.uv == ("--constraint constraints.txt\ntorch",)
    assert found.constraints == "torch<3"
    assert found.count == 2


def test_a_list_that_is_named_counts_for_the_tool_of_the_setup() -> None:
    assert packages(named="./a.txt", a_txt="numpy\n").pip == ("numpy",)
    assert packages("uv venv && uv pip install -r b.txt", named="a.txt", a_txt="numpy\n").uv == ("numpy",)
    assert packages("uv sync --no-dev", named="uv.lock", uv_lock=LOCK).left_out[-1] == "extra==1"


def test_a_project_brings_its_dependencies_its_extras_and_the_tools_that_build_it() -> None:
    found = packages("pip install -e .[train]", pyproject_toml=PYPROJECT)
    assert found.pip == ("numpy>=2\ntorch\nmatplotlib\nhatchling",)
    assert found.left_out == ("clip @ git+https://github.com/openai/CLIP.git",)


def test_a_locked_project_that_is_built_brings_its_build_tools() -> None:
    assert packages(uv_lock=LOCK, pyproject_toml=PYPROJECT).uv == ("hatchling",)


def test_dependencies_that_only_a_build_knows_are_left_out_and_named() -> None:
    dynamic = '[project]\nname = "x"\ndynamic = ["dependencies"]\n'
    found = packages("pip install . numpy", pyproject_toml=dynamic)
    assert found.pip == ("numpy",)
    assert found.left_out == ("the dependencies of ., which pyproject.toml does not list",)


def test_the_python_is_that_of_the_flag_else_of_the_setup_else_of_the_project() -> None:
    setup, files = "uv venv --python 3.13 && uv sync", {"uv_lock": LOCK, "_python-version": "# ours\n3.12\n"}
    assert packages(setup, python="3.14", **files).python == "3.14"
    assert packages(setup, **files).python == "3.13"
    assert packages("uv sync", **files).python == "3.12"
    assert packages("uv sync", uv_lock=LOCK).python == ">=3.11"
    assert packages("pip install x", uv_lock=LOCK).python == ""


def test_the_digest_tells_packages_apart_and_not_what_is_left_out() -> None:
    one = packages(requirements_txt="numpy==2.1\n")
    assert one.digest == packages(requirements_txt="# why\nnumpy==2.1\n-e .\n").digest
    others = [packages(requirements_txt="numpy==2.2\n"), packages(requirements_txt="numpy==2.1\n", python="3.12")]
    others.append(packages("uv pip install numpy==2.1"))
    assert one.digest not in {other.digest for other in others}


def test_another_uv_than_that_of_the_image_is_advised_against() -> None:
    [note] = packages("pip install uv && uv sync --frozen", uv_lock=LOCK).notes
    assert "Leave `pip install uv` out of the setup" in note
    assert packages("uv sync --frozen", uv_lock=LOCK).notes == ()


@pytest.mark.parametrize(
    ("setup", "files", "said"),
    [
        ("", {}, "neither uv.lock nor requirements.txt here"),
        ("make deps", {"requirements_txt": "numpy\n"}, "words of train.setup do not tell"),
        ("pip install -r missing.txt", {}, "missing.txt does not exist"),
        ("poetry install", {}, "no package that an image could have for pip or uv. Left out: poetry install."),
        ("pip install -r requirements.txt", {"requirements_txt": "-e .\n"}, "Left out: -e ."),
        ("uv sync", {}, "uv.lock does not exist"),
        ("pip install .", {"pyproject_toml": "[project"}, "pyproject.toml is not TOML"),
        ("pip install numpy -i https://u:hunter2@x/simple", {}, "train.setup has credentials"),
    ],
)
def test_what_cannot_be_told_or_must_not_be_is_an_error_with_a_next_step(
    setup: str, files: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        packages(setup, **files)
    assert "hunter2" not in str(caught.value)
