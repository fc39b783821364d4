"""Model files: manifest, verification, and reading one without running it."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
import zlib
from importlib import metadata
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cmlkit.errors import ModelError
from cmlkit.model import file, pickle_source
from cmlkit.model.file import ModelVersionWarning, save_model
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import manifest_path, read_manifest
from cmlkit.model.pickle_contents import read_contents
from cmlkit.model.verification import verify


class Payload:
    """What an attacker would pickle: loading it runs a command."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    features = np.random.default_rng(0).normal(size=(60, 4))
    return RandomForestClassifier(n_estimators=3, max_depth=5).fit(features, features[:, 0] > 0)


def test_a_saved_model_loads_and_its_manifest_says_what_it_is(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path = tmp_path / "model" / "forest.joblib"
    manifest = save_model(forest, path, metrics={"accuracy": 0.97}, commit="c" * 40)
    assert read_manifest(path) == manifest
    assert manifest.class_path == "sklearn.ensemble._forest.RandomForestClassifier"
    assert manifest.parameters["max_depth"] == 5
    assert {"python", "scikit-learn", "numpy", "joblib"} <= set(manifest.libraries)
    assert manifest.size == path.stat().st_size
    features = np.zeros((2, 4))
    assert (load_model(path).predict(features) == forest.predict(features)).all()


def test_a_tampered_model_is_refused_before_a_byte_is_unpickled(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path, trace = tmp_path / "m.joblib", tmp_path / "trace"
    save_model(forest, path)
    joblib.dump(Payload(trace), path)
    with pytest.raises(ModelError, match="not the file that its manifest describes") as caught:
        load_model(path)
    assert "Restore both files" in caught.value.next_step
    assert not trace.exists()


def test_a_truncated_model_is_refused(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path = tmp_path / "m.joblib"
    save_model(forest, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError, match="not the file that its manifest describes"):
        load_model(path)
    with pytest.raises(ModelError, match="does not|has the hash"):
        verify(path)


def test_a_missing_model_or_manifest_says_so(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path = tmp_path / "m.joblib"
    with pytest.raises(ModelError, match="manifest .* cannot be read"):
        load_model(path)
    save_model(forest, path)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(path)
    Path(manifest_path(path)).write_text("[]")
    with pytest.raises(ModelError, match="is not a model manifest"):
        read_manifest(path)


def test_other_library_versions_are_a_warning_and_with_strict_an_error(
    tmp_path: Path, forest: RandomForestClassifier
) -> None:
    path = tmp_path / "m.joblib"
    save_model(forest, path)
    manifest = Path(manifest_path(path))
    record = json.loads(manifest.read_text())
    record["libraries"]["scikit-learn"] = "0.24.2"
    manifest.write_text(json.dumps(record))
    with pytest.warns(ModelVersionWarning, match=r"scikit-learn 0\.24\.2"):
        load_model(path)
    with pytest.raises(ModelError, match="scikit-learn"):
        load_model(path, strict=True)


def test_verify_names_versions_that_differ(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path = tmp_path / "m.joblib"
    save_model(forest, path)
    assert verify(path, strict=True).differing == ()
    manifest = Path(manifest_path(path))
    record = json.loads(manifest.read_text())
    record["libraries"]["numpy"] = "1.2.3"
    manifest.write_text(json.dumps(record))
    assert verify(path).differing == (f"numpy 1.2.3 (here {np.__version__})",)
    with pytest.raises(ModelError, match=r"trained with numpy 1\.2\.3"):
        verify(path, strict=True)


def test_what_is_not_installed_here_is_no_other_version_unless_it_is_strict(
    tmp_path: Path, forest: RandomForestClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(forest, tmp_path / "m.joblib")

    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert verify(tmp_path / "m.joblib").differing == ()
    with pytest.raises(ModelError, match="here not installed"):
        verify(tmp_path / "m.joblib", strict=True)


def test_verify_says_what_loading_would_import_and_imports_nothing(tmp_path: Path) -> None:
    path, trace = tmp_path / "unknown.pkl", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Payload(trace)))
    found = verify(path)
    assert found.matches is None
    assert found.imports == (f"{os.mkdir.__module__}.mkdir",)
    assert not trace.exists()


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_compressed_models_are_read_too(tmp_path: Path, forest: RandomForestClassifier, compress: Any) -> None:
    path = tmp_path / "m.joblib"
    joblib.dump(forest, path, compress=compress)
    contents = read_contents(path)
    assert contents.class_path == "sklearn.ensemble._forest.RandomForestClassifier"
    assert contents.parameters["n_estimators"] == 3
    assert contents.sklearn_version


def test_pipelines_and_arrays_of_objects_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "m.joblib"
    joblib.dump(make_pipeline(LogisticRegression()), path)
    assert read_contents(path).class_path == "sklearn.pipeline.Pipeline"
    joblib.dump({"a": np.array(["x", 1], dtype=object), "b": np.array(["xy"]), "c": np.zeros((2, 3), np.int8)}, path)
    assert read_contents(path).class_path == ""


class Empty:
    """An object without a state of its own."""


def test_an_object_without_state_has_its_class(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Empty()))
    assert read_contents(tmp_path / "m.pkl").class_path == f"{__name__}.Empty"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_read_and_long_strings_are_stepped_over(tmp_path: Path, protocol: int) -> None:
    content = {"a": [b"x" * 5000, "é" * 5000, bytearray(5000), {1}, frozenset([2]), 2**100, (1.5,)], "b": Empty()}
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    assert f"{__name__}.Empty" in read_contents(tmp_path / "m.pkl").imports


def test_what_a_file_of_pytorch_would_import_is_read_from_its_archive(tmp_path: Path) -> None:
    path, trace = tmp_path / "m.pt", tmp_path / "trace"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Payload(trace)))
        archive.writestr("m/data/0", bytes(100))
    assert verify(path).imports == (f"{os.mkdir.__module__}.mkdir",)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x05" + b"}" * 1_000_000,  # an object a byte
        b"\x80\x05" + b"".join(b"cm\nc%d\n" % number for number in range(11_000)),  # a class every few bytes
        b"\x80\x05\x96" + (2**50).to_bytes(8, "little"),  # a length that nothing has
        b"\x80\x05\x8b" + (2**31 - 1).to_bytes(4, "little"),
    ],
)
def test_a_bomb_costs_no_more_than_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(pickle_source, "KEPT_LIMIT_BYTES", 4 * 1024**2)
    (tmp_path / "m.joblib").write_bytes(zlib.compress(content))
    with pytest.raises(ModelError, match="than (a|any) model"):
        read_contents(tmp_path / "m.joblib")


def test_a_model_of_another_format_is_verified_by_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x07onnx")
    with pytest.raises(ModelError, match="in no format that cmlkit knows"):
        verify(path)
    file.write_manifest(path, metrics={})
    found = verify(path)
    assert (found.matches, found.imports) == (True, ())
    path.write_bytes(b"\x08\x07other")
    with pytest.raises(ModelError, match="has the hash"):
        verify(path)


@given(st.data())
def test_a_damaged_file_is_a_model_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    stream = io.BytesIO()
    joblib.dump({"a": np.arange(5), "b": [1, "x"]}, stream)
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "m.joblib"
    path.write_bytes(bytes(content))
    try:
        read_contents(path)
    except ModelError as error:
        assert "not a complete pickle" in error.message


def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path = tmp_path / "m.joblib"
    save_model(forest, path)
    before = path.read_bytes()
    with pytest.raises(pickle.PicklingError):
        save_model(lambda: None, path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.joblib", "m.joblib.json"]


def test_an_empty_model_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.joblib").touch()
    with pytest.raises(ModelError, match="is empty"):
        file.write_manifest(tmp_path / "m.joblib", metrics={})
