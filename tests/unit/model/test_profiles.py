"""The profiles of the data, in a file beside the manifest."""

from __future__ import annotations

import json
from pathlib import Path

from cmlkit.model.file import write_manifest
from cmlkit.model.manifest import manifest_path, read_manifest
from cmlkit.model.profiles import profiles_path
from cmlkit.records.training_run import DataFingerprint

DATA = DataFingerprint(path="t.csv", sha256="ab", size=1, rows=400, profiles={"age": "400 1,2,3", "size": "400 4,5"})


def written(folder: Path) -> Path:
    model = folder / "m.bin"
    model.write_bytes(b"a model")
    write_manifest(model, metrics={}, data=[DATA])
    return model


def test_the_manifest_names_the_file_that_has_the_profiles(tmp_path: Path) -> None:
    model = written(tmp_path)
    text = Path(manifest_path(model)).read_text()
    assert "400 1,2,3" not in text
    assert json.loads(Path(profiles_path(model)).read_bytes()) == {"t.csv": dict(DATA.profiles)}
    assert read_manifest(model).data == (DATA,)


def test_profiles_of_another_training_and_missing_ones_count_as_unknown(tmp_path: Path) -> None:
    model = written(tmp_path)
    Path(profiles_path(model)).write_text('{"t.csv": {"age": "400 7,8"}}\n')
    assert read_manifest(model).data[0].profiles == {}
    Path(profiles_path(model)).unlink()
    assert read_manifest(model).data[0].profiles == {}


def test_without_profiles_there_is_no_file(tmp_path: Path) -> None:
    model = tmp_path / "m.bin"
    model.write_bytes(b"a model")
    assert write_manifest(model, metrics={}).profiles == ""
    assert not Path(profiles_path(model)).exists()


def test_a_manifest_of_the_first_version_has_its_profiles_itself(tmp_path: Path) -> None:
    model = written(tmp_path)
    manifest = json.loads(Path(manifest_path(model)).read_text())
    del manifest["profiles"]
    manifest["data"][0]["profiles"] = dict(DATA.profiles)
    Path(manifest_path(model)).write_text(json.dumps(manifest))
    found = read_manifest(model)
    assert found.data == (DATA,)
    assert "400 1,2,3" in found.to_json()
