"""The project's packages in an image: fetched once by the recipe, and installed by a job without the index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cmlkit.runner.boot import check_image_script, image_contents, image_recipe
from cmlkit.runner.packages.project import Files, ProjectPackages, project_packages
from tests.integration.boot.machine import DEADLINE_SECONDS, Machine
from tests.package_index import BACKEND, PackageIndex
from tests.stand_in_runner import write_tarball

pytestmark = pytest.mark.slow

UV = Path(sys.prefix) / "bin" / "uv"
# Not that of the tests' own environment, into which uv would install.
PYTHON = {"UV_PYTHON": str(Path(sys.base_prefix) / "bin" / "python3"), "UV_PYTHON_DOWNLOADS": "never"}
PYPROJECT = """
[project]
name = "grove"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["forest"]

[build-system]
requires = ["planter"]
build-backend = "planter"

[[tool.uv.index]]
url = "{index}"
default = true
"""


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    index = PackageIndex(tmp_path / "index")
    index.add("forest", "1.0", requires=["leaf>=1"])
    index.add("leaf", "1.1")
    index.add("leaf", "1.2")
    index.add("planter", "2.0", code=BACKEND)
    return index


@pytest.fixture(scope="module")
def with_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip, made once: that takes seconds."""
    folder = tmp_path_factory.mktemp("python") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def packages_of(project: Path, setup: str) -> ProjectPackages:
    """Read them as the command does: files of the folder, and the real uv for its lock file."""

    def read(path: str) -> str | None:
        return (project / path).read_text() if (project / path).is_file() else None

    def export(flags: Sequence[str]) -> str:
        plain = ["--frozen", "--quiet", "--no-header", "--no-annotate", "--no-hashes"]
        return ran([str(UV), "export", *plain, *flags], project, PYTHON).stdout

    return project_packages(setup, Files(read=read, export=export))


def ran(
    command: Sequence[str], directory: Path, environ: dict[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "HOME": str(directory), **environ}
    done = subprocess.run(
        command, cwd=directory, env=variables, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def prepare(
    machine: Machine, packages: ProjectPackages, tmp_path: Path, with_pip: Path | None = None, *, uv: Path = UV
) -> None:
    """Run the recipe: what would change this machine is replaced; Python, pip and uv are real."""
    tarball = write_tarball(tmp_path / "runner.tgz")
    for program in ("apt-get", "cloud-init", "useradd", "chown", "ln"):
        machine.replace(program, "")
    machine.replace(
        "curl", 'for last; do :; done; cp "${last#file://}" "$(echo "$*" | grep -o "/[^ ]*actions-runner.tar.gz")"'
    )
    machine.replace("install", 'for last; do :; done; mkdir -p "$last"')
    # The recipe would ask PyPI for uv.
    machine.replace("pip", "")
    own = f'mkdir -p "$3/bin"; cp "$MACHINE/bin/pip" "$3/bin/pip"; /bin/ln -s {uv} "$3/bin/uv"'
    made = f'if [ "$3" = "$CMLKIT_HOME/uv" ]; then {own}; else cp -a {with_pip} "$3"; fi'
    machine.replace("python3", f'if [ "$1 $2" = "-m venv" ]; then {made}; else exec {sys.executable} "$@"; fi')
    machine.environ |= PYTHON
    machine.run(image_recipe(runner_url=tarball.path.as_uri(), runner_sha256=tarball.sha256, packages=packages))
    assert machine.process is not None
    machine.process.wait(DEADLINE_SECONDS)
    assert machine.console.endswith("cmlkit: the image is prepared\n"), machine.console


def in_a_job(machine: Machine, project: Path, *command: str, check: bool = True, home: Path | None = None) -> str:
    """Run a step as the runner's user would: with the home that the boot script gives it."""
    # Otherwise pip and uv try for seconds to reach the index, before they do without it.
    variables = {"HOME": str(home or machine.home / "home"), "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0", **PYTHON}
    done = ran(command, project, variables, check=check)
    return done.stdout + done.stderr


def test_a_job_installs_from_uv_lock_without_the_index(
    machine: Machine, index: PackageIndex, project: Path, tmp_path: Path
) -> None:
    with index.served():
        (project / "pyproject.toml").write_text(PYPROJECT.format(index=index.url))
        ran([str(UV), "lock", "--quiet"], project, PYTHON)
        packages = packages_of(project, "uv sync --frozen")
        prepare(machine, packages, tmp_path)
    assert "Failed to fetch" in in_a_job(machine, project, str(UV), "sync", "--frozen", check=False, home=tmp_path)
    in_a_job(machine, project, str(UV), "sync", "--frozen", "--no-install-project")
    assert ran([".venv/bin/python", "-c", "import leaf; print(leaf.version)"], project, {}).stdout == "1.2\n"
    # Without this, uv asks the index for the newest version of the tool that builds the project.
    assert "grove==1.0" in in_a_job(machine, project, str(UV), "sync", "--frozen", "--offline")


def test_a_job_installs_with_pip_without_the_index_and_the_image_says_what_it_has(
    machine: Machine, index: PackageIndex, project: Path, tmp_path: Path, with_pip: Path
) -> None:
    (project / "limits.txt").write_text("leaf<1.2\n")
    with index.served():
        (project / "requirements.txt").write_text(f"-c limits.txt\n--index-url {index.url}\nforest==1.0\n")
        setup = "python -m venv .venv && .venv/bin/pip install -r requirements.txt"
        packages = packages_of(project, setup)
        prepare(machine, packages, tmp_path, with_pip)
    install = (str(with_pip / "bin" / "pip"), "install", "--target", "packages", "-r", "requirements.txt")
    assert "No matching distribution" in in_a_job(machine, project, *install, check=False, home=tmp_path)
    assert "Successfully installed forest-1.0 leaf-1.1" in in_a_job(machine, project, *install)
    machine.run(check_image_script())
    machine.wait_for(lambda: image_contents(machine.console), "the report")
    assert f" packages={packages.digest}" in machine.console


def test_a_package_that_was_added_since_is_fetched_and_the_others_are_not(
    machine: Machine, index: PackageIndex, project: Path, tmp_path: Path, with_pip: Path
) -> None:
    with index.served():
        (project / "requirements.txt").write_text(f"--index-url {index.url}\nleaf==1.1\n")
        prepare(machine, packages_of(project, ""), tmp_path, with_pip)
        shutil.rmtree(tmp_path / "index" / "simple" / "leaf")
        index.add("moss", "3.0")
        (project / "requirements.txt").write_text(f"--index-url {index.url}\nleaf==1.1\nmoss\n")
        install = (str(with_pip / "bin" / "pip"), "install", "--target", "packages", "-r", "requirements.txt")
        said = in_a_job(machine, project, *install)
    assert "Successfully installed leaf-1.1 moss-3.0" in said


def test_a_job_installs_a_list_with_uv_without_the_index(
    machine: Machine, index: PackageIndex, project: Path, tmp_path: Path
) -> None:
    with index.served():
        setup = f"uv venv && uv pip install --index-url {index.url} forest 'leaf==1.1'"
        prepare(machine, packages_of(project, setup), tmp_path)
    in_a_job(machine, project, str(UV), "venv")
    install = (str(UV), "pip", "install", "--python", ".venv", "--index-url", index.url, "forest", "leaf==1.1")
    # As it resolves versions, uv would ask the index for newer ones.
    assert "leaf==1.1" in in_a_job(machine, project, *install, "--offline")


def test_a_package_that_cannot_be_had_ends_the_machine_and_is_named(
    machine: Machine, index: PackageIndex, project: Path, tmp_path: Path, with_pip: Path
) -> None:
    with index.served():
        (project / "requirements.txt").write_text(f"--index-url {index.url}\nleaf==9.9\n")
        with pytest.raises(AssertionError, match="the image is prepared"):
            prepare(machine, packages_of(project, ""), tmp_path, with_pip)
    machine.wait_for_power_off()
    assert "cmlkit: preparing the image failed: fetching the project's packages" in machine.console
    assert "leaf==9.9" in machine.console


def test_uv_fetches_a_version_of_python_that_the_system_lacks(machine: Machine, tmp_path: Path) -> None:
    # uv as far as the recipe uses it: https://docs.astral.sh/uv/reference/cli/#uv-python
    machine.replace(
        "uv",
        """
case "$1 $2" in
  "python install") touch "$MACHINE/python" ;;
  "python find") [ -e "$MACHINE/python" ] && command -v python3 ;;
esac
""",
    )
    prepare(machine, ProjectPackages(uv=("numpy",), python="3.14"), tmp_path, uv=machine.root / "bin" / "uv")
    commands = [command for command in machine.commands if command.startswith("uv ")]
    assert [command.rpartition(" ")[0] for command in commands[:3]] == [
        "uv python find --quiet",
        "uv python install --quiet",
        "uv python find",
    ]
    assert commands[3].startswith(f"uv venv --quiet --python {machine.root / 'bin' / 'python3'}")
    assert commands[4].startswith("uv pip install --quiet --python ")
    assert list((machine.home / "home").glob("packages.*")) == []
