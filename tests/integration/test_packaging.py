"""What people install: the files of wheels and sdists, and the wheel in a fresh environment."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from cmlkit.cli.cml.alias import EXECUTABLES
from tests.integration.installation import ROOT, SANDBOX, VERSION, Distribution, build, install, run

pytestmark = pytest.mark.slow

NAMED = {"send-comment": "comment create", "send-github-check": "check create"}
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return build(ROOT, tmp_path_factory.mktemp("distributions"))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return build(SANDBOX, tmp_path_factory.mktemp("sandbox"))


@pytest.fixture(scope="module")
def files_in_the_wheel(distribution: Distribution) -> set[str]:
    return distribution.files()


def tracked(folder: str, *, below: Path = ROOT) -> set[str]:
    return set(run("git", "ls-files", "--", folder, cwd=below).splitlines())


def names_in(sdist: Path) -> set[PurePosixPath]:
    with tarfile.open(sdist) as archive:
        return {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}


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


def test_the_wheel_has_no_stand_in_for_anything(files_in_the_wheel: set[str], sandbox: Distribution) -> None:
    shims = {PurePosixPath(name).name for name in sandbox.files() if "/shims/" in name}
    assert {"systemctl", "shutdown", "useradd"} <= shims
    assert not shims & {PurePosixPath(name).name for name in files_in_the_wheel}
    assert not [name for name in files_in_the_wheel if "sandbox" in name and name != "cmlkit/cli/sandbox.py"]


def test_the_sdist_has_the_package_and_what_describes_it(distribution: Distribution) -> None:
    names = names_in(distribution.sdist)
    described = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO"}
    assert described <= {str(name) for name in names}
    assert {name.parts[0] for name in names} <= {"cmlkit", "workflows", "examples", ".gitignore", *described}


def test_the_sandbox_is_whole_in_its_wheel_and_its_sdist(sandbox: Distribution) -> None:
    files = sandbox.files()
    wanted = tracked("cmlkit_sandbox", below=SANDBOX)
    assert {name for name in files if not name.startswith(f"cmlkit_sandbox-{VERSION}.dist-info/")} == wanted
    assert wanted | {"README.md", "LICENSE"} <= {str(name) for name in names_in(sandbox.sdist)}
    assert f"cmlkit_sandbox-{VERSION}.dist-info/licenses/LICENSE" in files


def test_both_distributions_have_one_version_and_pin_each_other_to_it() -> None:
    ours, theirs = (tomllib.loads((project / "pyproject.toml").read_text())["project"] for project in (ROOT, SANDBOX))
    assert ours["version"] == theirs["version"]
    assert f"cmlkit-sandbox=={VERSION}" in ours["optional-dependencies"]["demo"]
    assert f"cmlkit-ci=={VERSION}" in theirs["dependencies"]


@pytest.fixture(scope="module")
def installed(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment with the wheel."""
    return install([distribution.wheel], distribution.requirements(), tmp_path_factory.mktemp("fresh"))


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "cmlkit", "--version", cwd=tmp_path) == f"cmlkit, version {VERSION}"


@pytest.mark.parametrize("name", EXECUTABLES)
def test_each_executable_of_cmls_is_installed_under_our_name(installed: Path, tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        [installed / f"cmlkit-{name}", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (
        "TensorBoard.dev" if "tensorboard" in name else f"Usage: cmlkit {NAMED.get(name, name)}"
    ) in done.stdout + done.stderr


def test_the_installed_command_writes_the_workflow_that_came_with_it(installed: Path, tmp_path: Path) -> None:
    run(installed / "cmlkit", "init", "--example", cwd=tmp_path)
    assert (tmp_path / ".github" / "workflows" / "train-on-ec2.yml").exists()
    assert (tmp_path / "train.py").exists()


def test_the_installed_package_is_imported_from_where_it_was_installed(installed: Path, tmp_path: Path) -> None:
    found = run(installed / "python", "-c", "import cmlkit; print(cmlkit.__file__)", cwd=tmp_path)
    assert Path(found).is_relative_to(installed.parent)
