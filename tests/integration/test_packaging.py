"""What people install: the files of wheel and sdist, and the wheel in a fresh environment."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built without a network."""
    folder = tmp_path_factory.mktemp("distributions")
    run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    [path] = distributions.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def files_in_the_wheel(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def tracked(folder: str) -> set[str]:
    return set(run("git", "ls-files", "--", folder, cwd=ROOT).splitlines())


def test_the_wheel_has_the_whole_package_and_nothing_else(files_in_the_wheel: set[str]) -> None:
    folder = f"cmlkit_ci-{VERSION}.dist-info"
    assert {name for name in files_in_the_wheel if name.startswith(folder)} == {f"{folder}/{name}" for name in METADATA}
    assert {PurePosixPath(name).parts[0] for name in files_in_the_wheel} == {"cmlkit", folder}
    assert tracked("cmlkit") <= files_in_the_wheel


def test_the_wheel_has_the_templates_and_the_example_and_no_traces_of_their_use(files_in_the_wheel: set[str]) -> None:
    wanted = {f"cmlkit/resources/{name}" for name in tracked("workflows") | tracked("examples/random-forest")}
    assert {name for name in files_in_the_wheel if re.match("cmlkit/resources/(workflows|examples)/", name)} == wanted


@pytest.mark.parametrize("name", ["cmlkit/runner/life.sh", "cmlkit/py.typed"])
def test_the_wheel_has_what_no_import_names(files_in_the_wheel: set[str], name: str) -> None:
    assert name in files_in_the_wheel


def test_the_sdist_has_the_package_and_what_describes_it(distributions: Path) -> None:
    [path] = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}
    described = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO"}
    assert described <= {str(name) for name in names}
    assert {name.parts[0] for name in names} <= {"cmlkit", "workflows", "examples", ".gitignore", *described}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment with the wheel; its dependencies are those of this one, lent by path."""
    environment = tmp_path_factory.mktemp("fresh") / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=wheel.parent)
    python = environment / "bin" / "python"
    uv = Path(sys.executable).parent / "uv"
    run(uv, "pip", "install", "--no-deps", "--offline", "--no-cache", "--python", python, wheel, cwd=wheel.parent)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=wheel.parent))
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin"


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "cmlkit", "--version", cwd=tmp_path) == f"cmlkit, version {VERSION}"


def test_the_installed_command_writes_the_workflow_that_came_with_it(installed: Path, tmp_path: Path) -> None:
    run(installed / "cmlkit", "init", "--example", cwd=tmp_path)
    assert (tmp_path / ".github" / "workflows" / "train-on-ec2.yml").exists()
    assert (tmp_path / "train.py").exists()


def test_the_installed_package_is_imported_from_where_it_was_installed(installed: Path, tmp_path: Path) -> None:
    found = run(installed / "python", "-c", "import cmlkit; print(cmlkit.__file__)", cwd=tmp_path)
    assert Path(found).is_relative_to(installed.parent)
