"""The action's set-up step beside AWS keys: what it fetches has a hash in uv.lock, and nothing is built."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from cmlkit.cli.cml.alias import EXECUTABLES
from tests.e2e.act import ROOT, UV, copy_of_action, installing_from_what_is_here
from tests.e2e.package_index import PackageIndex, package_index

TRAINING = {"COMMAND": "train", "ESTIMATOR": "sklearn.svm.SVC", "SCORE": "python score.py", "CMLKIT_APP_ID": "1"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def install(action: Path, home: Path, environ: Mapping[str, str]) -> Path:
    """Run the action's own script in a job with its home at `home`; the `cmlkit` that it puts on PATH."""
    done = installed(action, home, environ)
    assert done.returncode == 0, done.stderr
    return Path((home / "path").read_text().strip()) / "cmlkit"


def installed(action: Path, home: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    home.mkdir()
    job = {"ACTION_PATH": str(action), "RUNNER_TEMP": str(home), "HOME": str(home), "UV_PYTHON_DOWNLOADS": "never"}
    files = {"GITHUB_PATH": str(home / "path"), "GITHUB_OUTPUT": str(home / "output")}
    programs = home / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    (programs / "uv").symlink_to(UV)
    command = ["bash", str(action / "action" / "install.sh")]
    path = {"PATH": f"{programs}:/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=home, env={**job, **files, **path, **environ}, capture_output=True, text=True, check=False
    )


def version_that(cmlkit: Path, directory: Path) -> str:
    """Return what `cmlkit --version` prints in a directory."""
    done = subprocess.run([cmlkit, "--version"], cwd=directory, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def locked_files(lock: str) -> dict[str, str]:
    """URL -> SHA-256 of every file that a lock file names."""
    packages = tomllib.loads(lock)["package"]
    files = [file for package in packages for file in [*package.get("wheels", []), package.get("sdist")] if file]
    return {file["url"]: file["hash"].removeprefix("sha256:") for file in files}


@pytest.mark.slow  # It fetches from the network.
def test_each_file_that_the_action_fetches_is_one_whose_hash_is_locked(tmp_path: Path) -> None:
    action = copy_of_action(tmp_path / "action")
    lock = (action / "uv.lock").read_text()
    locked = {urlsplit(url).path: sha for url, sha in locked_files(lock).items()}
    registry = re.search(r'registry = "(https://[^/"]+)/simple"', lock)
    assert registry
    [files_host] = {f"https://{urlsplit(url).netloc}" for url in locked_files(lock)}
    with package_index({"/simple/": registry[1], "/packages/": files_host}) as index:
        (action / "uv.lock").write_text(lock.replace(files_host, index.url).replace(registry[1], index.url))
        cmlkit = install(action, tmp_path / "job", TRAINING | asking_only(index, cache=tmp_path / "cache"))
    assert index.log
    assert index.log == {path: locked.get(path) for path in index.log}
    assert version_that(cmlkit, tmp_path) == f"cmlkit, version {VERSION}\n"


def asking_only(index: PackageIndex, *, cache: Path) -> dict[str, str]:
    """Variables for uv with an empty cache, by which all that it asks for goes through `index`."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), index.url)
    return proxies | {
        "NO_PROXY": "127.0.0.1",
        "UV_DEFAULT_INDEX": f"{index.url}/simple",
        "UV_CACHE_DIR": str(cache),
    }


def test_installing_the_action_builds_nothing(tmp_path: Path) -> None:
    action = copy_of_action(tmp_path / "action")
    project = action / "pyproject.toml"
    project.write_text(
        re.sub(r"requires = .*", 'requires = ["a-build-tool-that-no-index-has"]', project.read_text(), count=1)
    )
    cmlkit = install(action, tmp_path / "job", installing_from_what_is_here())
    assert version_that(cmlkit, tmp_path) == f"cmlkit, version {VERSION}\n"


def test_a_package_without_a_wheel_is_an_error_and_is_not_built(tmp_path: Path) -> None:
    action = copy_of_action(tmp_path / "action")
    lock = action / "uv.lock"
    begin, click, rest = lock.read_text().partition('name = "click"\n')
    lock.write_text(begin + click + re.sub(r"wheels = \[.*?\n\]\n", "", rest, count=1, flags=re.DOTALL))
    done = installed(action, tmp_path / "job", installing_from_what_is_here())
    assert done.returncode != 0
    assert "click" in done.stderr
    assert "--no-build" in done.stderr


@pytest.mark.slow
def test_the_action_puts_cmls_names_on_path_as_ours_and_on_request_as_its_own(tmp_path: Path) -> None:
    action = copy_of_action(tmp_path / "action")
    (tmp_path / "cmlkit.yaml").write_text("runner: wrong\n")
    job = installing_from_what_is_here() | {"CMLKIT_CONFIG": "missing.yaml"}
    plain = install(action, tmp_path / "plain", job).parent
    asked = install(action, tmp_path / "asked", job | {"CML": "true"}).parent
    ours = {"cmlkit", *(f"cmlkit-{name}" for name in EXECUTABLES)}
    assert {path.name for path in plain.iterdir()} == ours
    assert {path.name for path in asked.iterdir()} == ours | {"cml", *(f"cml-{name}" for name in EXECUTABLES)}
    for name in ("cmlkit-send-comment", "cml-send-comment", "cml"):
        assert version_that(asked / name, tmp_path) == f"cmlkit, version {VERSION}\n"


@pytest.mark.slow
def test_what_the_callers_job_says_of_builds_does_not_stop_the_action(tmp_path: Path) -> None:
    action = copy_of_action(tmp_path / "action")
    builds = {"UV_NO_BINARY": "1", "UV_NO_BINARY_PACKAGE": "click"}
    cmlkit = install(action, tmp_path / "job", installing_from_what_is_here() | builds)
    assert version_that(cmlkit, tmp_path) == f"cmlkit, version {VERSION}\n"


@pytest.mark.slow
def test_the_installed_command_imports_nothing_from_the_folder_it_runs_in(tmp_path: Path) -> None:
    cmlkit = install(copy_of_action(tmp_path / "action"), tmp_path / "a job", installing_from_what_is_here())
    (tmp_path / "click.py").write_text("raise SystemExit('the file of the project')")
    assert version_that(cmlkit, tmp_path) == f"cmlkit, version {VERSION}\n"


def test_the_action_sets_up_one_version_of_uv() -> None:
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    [setup] = [step for step in steps if step.get("uses", "").startswith("astral-sh/setup-uv@")]
    assert re.fullmatch(r"\d+\.\d+\.\d+", setup["with"]["version"])
