"""Models in DVC: the real DVC pushes them to a folder and to S3, and brings them back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest
import yaml

from cmlkit.errors import ModelError, ServiceError, SettingsError
from cmlkit.model.loading import load_model
from cmlkit.registry.pulling import pull_model
from tests.bucket import bucket
from tests.integration.project import MODEL, REPOSITORY, Project, project

DVC_FILE = f"{MODEL}.dvc"


def dvc(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    environ = {**os.environ, "DVC_NO_ANALYTICS": "1", "CI": "true"}  # no reports, no look for a newer version
    return subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose working directory is a DVC project with a remote beside it, named by a relative path."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "dvc-global"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc-site"))
    with project(tmp_path) as found:
        git(found.directory, "init", "--quiet")
        dvc(found.directory, "init", "--quiet")
        dvc(found.directory, "remote", "add", "--default", "beside", "../dvc-remote")
        found.commit_to("main", committed(found))
        yield found


def committed(there: Project) -> dict[str, str]:
    """What people commit of a DVC project."""
    return {path: (there.directory / path).read_text() for path in (".dvc/config", ".dvc/.gitignore")}


def clone(there: Project, folder: Path, branch: str) -> Path:
    git(folder.parent, "clone", "--quiet", "--branch", branch, f"{there.github.url}/{REPOSITORY}.git", str(folder))
    return folder


def files(folder: Path) -> set[str]:
    inside = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in inside if ".dvc/cache" not in str(path)}


def test_the_commit_has_what_dvc_add_writes_and_the_working_tree_stays_as_it_is(there: Project) -> None:
    run = there.trained(0.9)
    before = files(there.directory)
    published = there.publish(run, store="dvc")
    (out,) = yaml.safe_load(there.git("show", f"{published.branch}:{DVC_FILE}"))["outs"]
    assert (out["path"], out["size"]) == ("m.joblib", 12)
    assert there.git("show", f"{published.branch}:model/.gitignore") == "/m.joblib\n"
    assert MODEL not in there.files(published.branch)
    assert files(there.directory) == before
    assert (there.directory / MODEL).read_bytes() == b"model of 0.9"
    (stored,) = (path for path in (there.directory.parent / "dvc-remote").rglob("*") if path.is_file())
    assert stored.read_bytes() == b"model of 0.9"


def test_dvc_reports_nothing_to_its_makers(there: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "daemon.log"  # DVC makes it before it starts the process that reports, or looks for a new version
    monkeypatch.setenv("DVC_DAEMON_LOGFILE", str(log))
    monkeypatch.delenv("CI", raising=False)
    there.publish(there.trained(0.9), store="dvc")
    assert not log.exists()


def test_dvc_itself_finds_the_model_in_a_clone(there: Project, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9), store="dvc")
    folder = clone(there, tmp_path / "clone", published.branch)
    dvc(folder, "pull", "--quiet", DVC_FILE)
    assert (folder / MODEL).read_bytes() == b"model of 0.9"
    assert git(folder, "status", "--porcelain") == ""


def test_cmlkit_pulls_it_and_loads_it(there: Project, tmp_path: Path) -> None:
    joblib.dump({"trees": 3}, tmp_path / "other")
    published = there.publish(there.trained(0.9, content=(tmp_path / "other").read_bytes()), store="dvc")
    folder = clone(there, tmp_path / "clone", published.branch)
    assert load_model(folder / MODEL, cache=tmp_path / "cache") == {"trees": 3}
    assert not (folder / MODEL).exists()
    assert pull_model(folder, model=MODEL).store == "dvc"
    assert load_model(folder / MODEL, cache=tmp_path / "none") == {"trees": 3}
    assert git(folder, "status", "--porcelain") == ""


def test_the_model_that_the_base_branch_has_is_no_news_and_git_lets_go_of_one_that_it_had(there: Project) -> None:
    first = there.publish(there.trained(0.9))
    assert first.pull_request_number is not None
    there.merge(first.pull_request_number)
    moved = there.publish(there.trained(0.9), run_id="101", store="dvc")
    assert moved.pull_request_number is not None
    there.merge(moved.pull_request_number)
    assert MODEL not in there.files("main")
    assert DVC_FILE in there.files("main")
    assert not there.publish(there.trained(0.9), run_id="102", store="dvc").changed


def test_a_project_without_a_remote_or_without_dvc_is_told_before_anything_is_written(there: Project) -> None:
    run = there.trained(0.9)
    dvc(there.directory, "remote", "remove", "beside")
    with pytest.raises(SettingsError, match="no default remote"):
        there.publish(run, store="dvc")
    (there.directory / ".dvc" / "config").unlink()
    with pytest.raises(SettingsError, match="is not a DVC project"):
        there.publish(run, store="dvc")
    assert there.branches() == {"main"}


def test_what_dvc_says_is_in_the_error(there: Project) -> None:
    run = there.trained(0.9)
    dvc(there.directory, "remote", "modify", "beside", "url", "/proc/no-folder-for-files")
    with pytest.raises(ServiceError, match="dvc push failed: .*no-folder-for-files"):
        there.publish(run, store="dvc")
    assert there.branches() == {"main"}


def test_a_file_that_dvc_did_not_write_is_refused(there: Project, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9), store="dvc")
    folder = clone(there, tmp_path / "clone", published.branch)
    (folder / DVC_FILE).write_text("outs: []\n")
    with pytest.raises(ModelError, match=r"\.dvc file is not one"):
        pull_model(folder, model=MODEL)


@pytest.fixture
def s3() -> Iterator[Any]:
    with bucket("data") as client:
        yield client


def test_dvcs_remote_may_be_a_bucket(there: Project, s3: Any, tmp_path: Path) -> None:
    dvc(there.directory, "remote", "add", "--default", "--force", "bucket", "s3://data/dvc")
    dvc(there.directory, "remote", "modify", "bucket", "endpointurl", os.environ["AWS_ENDPOINT_URL"])
    there.commit_to("main", committed(there))
    published = there.publish(there.trained(0.9), store="dvc")
    assert s3.list_objects_v2(Bucket="data")["KeyCount"] == 1
    folder = clone(there, tmp_path / "clone", published.branch)
    assert pull_model(folder, model=MODEL).store == "dvc"
    assert (folder / MODEL).read_bytes() == b"model of 0.9"
