"""A model that is a folder, outside of git: in S3, Git LFS and DVC, published, replaced, moved, pulled and promoted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cmlkit.__main__ import run
from cmlkit.model.loading import gathered
from cmlkit.model.manifest import read_manifest
from cmlkit.model.verification import verify
from cmlkit.registry.promotion import promote
from cmlkit.registry.pulling import pull_model
from cmlkit.stores.pointer import read_pointer
from tests.bucket import bucket
from tests.integration.project import Project, project
from tests.integration.test_model_folder import FIRST, FOLDER, SECOND, clone, in_folder, merged, one_file, trained
from tests.slow.test_dvc_store import committed, dvc, git

BUCKET = "s3://models/bert"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with bucket("models") as client:
        yield client


@pytest.fixture
def there(tmp_path: Path, s3: Any) -> Iterator[Project]:
    """A project, with a bucket besides."""
    with project(tmp_path) as found:
        yield found


@pytest.fixture
def of_dvc(there: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same as a project of DVC, whose remote is in the bucket."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "dvc-global"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc-site"))
    git(there.directory, "init", "--quiet")
    dvc(there.directory, "init", "--quiet")
    dvc(there.directory, "remote", "add", "--default", "bucket", "s3://models/dvc")
    dvc(there.directory, "remote", "modify", "bucket", "endpointurl", os.environ["AWS_ENDPOINT_URL"])
    there.commit_to("main", committed(there))
    return there


def contents(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


def test_s3_has_each_file_under_its_hash_and_the_commit_has_pointers(there: Project, s3: Any, tmp_path: Path) -> None:
    merged(there, FIRST, 0.8, "1", store=BUCKET)
    assert in_folder(there) == set(FIRST)
    checkout = clone(there, tmp_path / "clone")
    for name, content in FIRST.items():
        if not content:
            continue  # it is committed itself
        pointer = read_pointer((checkout / FOLDER / name).read_bytes())
        assert pointer
        key = pointer.url.removeprefix("s3://models/")
        assert s3.get_object(Bucket="models", Key=key)["Body"].read() == content.encode()


@pytest.mark.parametrize("store", [BUCKET])
def test_each_version_comes_back_with_its_own_files(there: Project, tmp_path: Path, store: str) -> None:
    merged(there, FIRST, 0.8, "1", store=store)
    merged(there, SECOND, 0.9, "2", store=store)
    checkout = clone(there, tmp_path / "clone")
    manifest = read_manifest(checkout / FOLDER)
    assert contents(gathered(checkout / FOLDER, manifest, tmp_path / "copy")) == SECOND
    assert pull_model(checkout, model=FOLDER).store == store.partition(":")[0]
    assert {name: text for name, text in contents(checkout / FOLDER).items() if name in SECOND} == SECOND
    assert verify(checkout / FOLDER).matches
    pull_model(checkout, model=FOLDER, at="HEAD~1", output=tmp_path / "before")
    assert contents(tmp_path / "before") == FIRST
    assert verify(tmp_path / "before").matches
    assert promote(forge=there.client(token="ghp_person"), model=FOLDER).sha256 == manifest.sha256
    assert not there.publish(trained(there, SECOND, 0.9), run_id="3", store=store).changed


@pytest.mark.parametrize("stores", [(BUCKET, "git"), ("lfs", BUCKET), ("git", "lfs")])
def test_a_folder_that_moves_to_another_store_leaves_nothing_behind(
    there: Project, tmp_path: Path, stores: tuple[str, str]
) -> None:
    merged(there, FIRST, 0.8, "1", store=stores[0])
    merged(there, FIRST, 0.8, "2", store=stores[1])
    left = in_folder(there)
    assert left == set(FIRST)
    attributes = there.git("show", "main:.gitattributes") if ".gitattributes" in there.files("main") else ""
    assert (FOLDER in attributes) == (stores[1] == "lfs")
    checkout = clone(there, tmp_path / "clone")
    if stores[1] != "git":
        pull_model(checkout, model=FOLDER, access=there.client().git_access())
    assert verify(checkout / FOLDER).matches


@pytest.mark.parametrize("store", [BUCKET, "lfs"])
def test_a_folder_becomes_a_file(there: Project, tmp_path: Path, store: str) -> None:
    merged(there, FIRST, 0.8, "1", store=store)
    there.merge(there.publish(one_file(there, 0.9), run_id="2", store=store).pull_request_number or 0)
    left = {path for path in there.files("main") if path.startswith("model/")}
    assert not {path for path in left if path.startswith(f"{FOLDER}/") and not path.endswith(".gitignore")}
    checkout = clone(there, tmp_path / "clone")
    pull_model(checkout, model=FOLDER, access=there.client().git_access())
    assert (checkout / FOLDER).read_text() == "one file"


@pytest.mark.parametrize("store", ["git", BUCKET])
def test_list_and_diff_know_a_folder(
    there: Project, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    merged(there, FIRST, 0.8, "1", store=store)
    merged(there, SECOND, 0.9, "2", store=store)
    monkeypatch.chdir(clone(there, tmp_path / "clone"))
    environ = {"PATH": os.environ["PATH"]}
    assert run(["model", "list", FOLDER, "--json"], environ=environ) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [version["metrics"]["accuracy"] for version in listed["versions"]] == [0.9, 0.8]
    assert run(["model", "diff", "HEAD~1", "HEAD", "--model", FOLDER], environ=environ) == 0
    shown = capsys.readouterr().out
    assert "0.8" in shown
    assert "0.9" in shown


def test_dvc_has_a_folder_as_a_whole_and_finds_it_in_a_clone(of_dvc: Project, tmp_path: Path) -> None:
    there = of_dvc
    merged(there, FIRST, 0.8, "1", store="dvc")
    assert {path for path in there.files("main") if path.startswith(FOLDER)} == {
        f"{FOLDER}.dvc",
        f"{FOLDER}.json",
        f"{FOLDER}.md",
    }
    assert there.git("show", "main:model/.gitignore") == "/bert\n"
    assert not there.publish(trained(there, FIRST, 0.8), run_id="2", store="dvc").changed
    merged(there, SECOND, 0.9, "3", store="dvc")
    checkout = clone(there, tmp_path / "clone")
    manifest = read_manifest(checkout / FOLDER)
    assert contents(gathered(checkout / FOLDER, manifest, tmp_path / "copy")) == SECOND
    dvc(checkout, "pull", "--quiet")
    assert contents(checkout / FOLDER) == SECOND
    assert git(checkout, "status", "--porcelain") == ""
    assert verify(checkout / FOLDER).matches
    pulled = pull_model(checkout, model=FOLDER, at="HEAD~1", output=tmp_path / "before")
    assert pulled.store == "dvc"
    assert contents(tmp_path / "before") == FIRST
    assert promote(forge=there.client(token="ghp_person"), model=FOLDER).sha256 == manifest.sha256


def test_a_folder_comes_to_dvc_and_leaves_it(of_dvc: Project, tmp_path: Path) -> None:
    there = of_dvc
    merged(there, FIRST, 0.8, "1", store="lfs")
    merged(there, FIRST, 0.8, "2", store="dvc")
    assert in_folder(there) == set()
    assert there.git("show", "main:.gitattributes") == ""
    merged(there, FIRST, 0.8, "3", store=BUCKET)
    assert in_folder(there) == set(FIRST)
    assert f"{FOLDER}.dvc" not in there.files("main")
    checkout = clone(there, tmp_path / "clone")
    assert pull_model(checkout, model=FOLDER).store == "s3"
    assert verify(checkout / FOLDER).matches


def test_a_folder_in_dvc_becomes_a_file(of_dvc: Project, tmp_path: Path) -> None:
    there = of_dvc
    merged(there, FIRST, 0.8, "1", store="dvc")
    there.merge(there.publish(one_file(there, 0.9), run_id="2", store="dvc").pull_request_number or 0)
    checkout = clone(there, tmp_path / "clone")
    assert pull_model(checkout, model=FOLDER).store == "dvc"
    assert (checkout / FOLDER).read_text() == "one file"
