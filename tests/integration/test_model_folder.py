"""A model that is a folder: published, replaced by a later one, pulled, verified and promoted, in each store."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cmlkit.errors import ModelError
from cmlkit.model.file import write_manifest
from cmlkit.model.loading import gathered
from cmlkit.model.manifest import read_manifest
from cmlkit.model.verification import verify
from cmlkit.records.training_run import TrainingRun
from cmlkit.registry.promotion import promote
from cmlkit.registry.pulling import pull_model
from tests.integration.project import METRICS, Project, project

FOLDER = "model/bert"
# The files that `save_pretrained` of Hugging Face's transformers writes.
FIRST = {
    "config.json": '{"architectures": ["BertModel"], "transformers_version": "4.57.1"}',
    "model.safetensors": "weights 1",
    "onnx/model.onnx": "graph 1",
    "empty.txt": "",
}
SECOND = {
    "config.json": FIRST["config.json"],
    "model-00001-of-00001.safetensors": "weights 2",
    "model.safetensors.index.json": "{}",
}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as made:
        yield made


def trained(there: Project, files: Mapping[str, str], accuracy: float) -> TrainingRun:
    run = there.trained(accuracy)
    folder = there.directory / FOLDER
    for file in [each for each in folder.rglob("*") if each.is_file()]:
        file.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    write_manifest(folder, metrics={"accuracy": accuracy})
    return dataclasses.replace(run, model=FOLDER, plots=(), metrics_files=(METRICS,))


def merged(there: Project, files: Mapping[str, str], accuracy: float, run_id: str, store: str = "git") -> None:
    published = there.publish(trained(there, files, accuracy), run_id=run_id, store=store)
    assert published.pull_request_number
    there.merge(published.pull_request_number)


def in_folder(there: Project) -> set[str]:
    return {path.removeprefix(f"{FOLDER}/") for path in there.files("main") if path.startswith(f"{FOLDER}/")}


def clone(there: Project, place: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(there.repository.git.path), str(place)], check=True)
    return place


def test_each_version_has_its_own_files_and_no_others(there: Project, tmp_path: Path) -> None:
    merged(there, FIRST, 0.8, "1")
    assert in_folder(there) == set(FIRST)
    merged(there, SECOND, 0.9, "2")
    assert in_folder(there) == set(SECOND)
    checkout = clone(there, tmp_path / "clone")
    manifest = read_manifest(checkout / FOLDER)
    assert (manifest.format, manifest.library, manifest.library_version) == ("huggingface", "transformers", "4.57.1")
    assert verify(checkout / FOLDER).matches
    assert promote(forge=there.client(token="ghp_person"), model=FOLDER).sha256 == manifest.sha256
    # The version before, wherever its files have gone.
    pulled = pull_model(checkout, model=FOLDER, at="HEAD~1")
    assert pulled.store == "git"
    assert {
        str(each.relative_to(checkout / FOLDER)) for each in (checkout / FOLDER).rglob("*") if each.is_file()
    } == set(FIRST)
    assert verify(checkout / FOLDER).matches
    (checkout / FOLDER / "config.json").write_text("mine")
    with pytest.raises(ModelError, match="no commit has"):
        pull_model(checkout, model=FOLDER, at="HEAD")
    pull_model(checkout, model=FOLDER, at="HEAD", force=True)
    assert verify(checkout / FOLDER).sha256 == manifest.sha256


def test_what_did_not_change_is_not_published(there: Project) -> None:
    merged(there, FIRST, 0.8, "1")
    assert not there.publish(trained(there, FIRST, 0.8), run_id="2").changed
    fewer = {name: content for name, content in FIRST.items() if name != "onnx/model.onnx"}
    assert there.publish(trained(there, fewer, 0.8), run_id="3").changed


def test_the_second_try_of_a_run_leaves_no_file_of_the_first(there: Project) -> None:
    there.publish(trained(there, FIRST, 0.8), run_id="1")
    branch = there.publish(trained(there, SECOND, 0.8), run_id="1", attempt=2).branch
    assert {path for path in there.files(branch) if path.startswith(FOLDER + "/")} == {
        f"{FOLDER}/{name}" for name in SECOND
    }


def one_file(there: Project, accuracy: float) -> TrainingRun:
    run = trained(there, FIRST, accuracy)
    shutil.rmtree(there.directory / FOLDER)
    (there.directory / FOLDER).write_text("one file")
    write_manifest(there.directory / FOLDER, metrics={"accuracy": accuracy})
    return run


def of_model(there: Project, branch: str) -> set[str]:
    return {path for path in there.files(branch) if path == FOLDER or path.startswith(f"{FOLDER}/")}


def test_a_folder_becomes_a_file(there: Project) -> None:
    merged(there, FIRST, 0.8, "1")
    there.merge(there.publish(one_file(there, 0.9), run_id="2").pull_request_number or 0)
    assert of_model(there, "main") == {FOLDER}


def test_a_file_becomes_a_folder(there: Project) -> None:
    there.merge(there.publish(one_file(there, 0.8), run_id="1").pull_request_number or 0)
    (there.directory / FOLDER).unlink()
    there.merge(there.publish(trained(there, SECOND, 0.9), run_id="2").pull_request_number or 0)
    assert of_model(there, "main") == {f"{FOLDER}/{name}" for name in SECOND}


def test_a_version_that_is_a_folder_and_one_that_is_a_file_are_pulled_over_each_other(
    there: Project, tmp_path: Path
) -> None:
    merged(there, FIRST, 0.8, "1")
    there.merge(there.publish(one_file(there, 0.9), run_id="2").pull_request_number or 0)
    checkout = clone(there, tmp_path / "clone")
    pull_model(checkout, model=FOLDER, at="HEAD~1", output=tmp_path / "model")
    with pytest.raises(ModelError, match="no commit has"):
        pull_model(checkout, model=FOLDER, output=tmp_path / "model")
    pull_model(checkout, model=FOLDER, output=tmp_path / "model", force=True)
    assert (tmp_path / "model").read_text() == "one file"
    pull_model(checkout, model=FOLDER, at="HEAD~1", output=tmp_path / "model", force=True)
    assert verify(tmp_path / "model").format == "huggingface"


def test_lfs_has_each_file_and_the_champion_is_gathered_from_it(there: Project, tmp_path: Path) -> None:
    merged(there, FIRST, 0.8, "1", store="lfs")
    checkout = clone(there, tmp_path / "clone")
    assert (checkout / FOLDER / "model.safetensors").read_text().startswith("version https://git-lfs")
    manifest = read_manifest(checkout / FOLDER)
    pull_model(checkout, model=FOLDER, access=there.client().git_access())
    assert verify(checkout / FOLDER).matches
    assert verify(gathered(checkout / FOLDER, manifest, tmp_path / "copy")).sha256 == manifest.sha256


def test_a_link_out_of_the_working_directory_is_not_published(there: Project, tmp_path: Path) -> None:
    run = trained(there, FIRST, 0.8)
    (tmp_path / "secret").write_text("secret")
    (there.directory / FOLDER / "linked").symlink_to(tmp_path / "secret")
    write_manifest(there.directory / FOLDER, metrics={"accuracy": 0.8})
    with pytest.raises(ModelError, match="symbolic link out of the working directory"):
        there.publish(run)


def test_a_changed_file_is_named(there: Project) -> None:
    trained(there, FIRST, 0.8)
    folder = there.directory / FOLDER
    (folder / "extra.bin").write_text("-")
    with pytest.raises(ModelError, match=r"extra\.bin is not among them"):
        verify(folder)
    (folder / "extra.bin").unlink()
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"config\.json has another hash"):
        verify(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        verify(folder)


def test_the_hash_is_the_one_that_sha256sum_computes(there: Project) -> None:
    trained(there, FIRST, 0.8)
    folder = there.directory / FOLDER
    line = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"
    printed = subprocess.run(["bash", "-c", line], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert printed.split()[0] == read_manifest(folder).sha256
    assert json.loads((there.directory / f"{FOLDER}.json").read_text())["files"][0]["path"] == "config.json"
