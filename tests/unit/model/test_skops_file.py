"""Models in the skops format: written, described, verified, and loaded only as far as they are trusted."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from cmlkit.errors import ModelError
from cmlkit.model import skops_file
from cmlkit.model.file import save_model
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import read_manifest
from cmlkit.model.verification import verify

FEATURES = np.random.default_rng(0).normal(size=(40, 3))


def doubled(values: Any) -> Any:
    return values * 2


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=2, max_depth=4, random_state=0).fit(FEATURES, FEATURES[:, 0] > 0)


def test_a_model_of_trusted_types_is_written_and_loaded_without_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "scaler.skops"
    manifest = save_model(StandardScaler(with_mean=False).fit(FEATURES), path)
    assert manifest.format == "skops"
    assert manifest.class_path == "sklearn.preprocessing._data.StandardScaler"
    assert manifest.parameters == {"with_mean": False, "with_std": True, "copy": True}
    assert zipfile.is_zipfile(path)
    assert load_model(path).scale_.shape == (3,)


# Which of scikit-learn's own types count as trusted is for skops to say, and differs between versions.
def test_types_that_are_not_trusted_are_named_and_can_be_trusted(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    save_model(FunctionTransformer(doubled), path)
    name = f"{__name__}.doubled"
    with pytest.raises(ModelError, match=rf"not trusted: {name}") as caught:
        load_model(path)
    assert f"trusted=['{name}']" in caught.value.next_step
    assert load_model(path, trusted=[name]).transform(np.ones(2)).tolist() == [2, 2]


def test_a_changed_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    save_model(StandardScaler().fit(FEATURES), path)
    path.write_bytes(skops_file.dumps(FunctionTransformer(doubled)))
    with pytest.raises(ModelError, match="not the file that its manifest describes"):
        load_model(path)


def test_verify_lists_the_types_of_a_file_from_elsewhere(tmp_path: Path, forest: RandomForestClassifier) -> None:
    path = tmp_path / "elsewhere.skops"
    path.write_bytes(skops_file.dumps(forest))
    found = verify(path)
    assert found.matches is None
    assert found.class_path == "sklearn.ensemble._forest.RandomForestClassifier"
    assert {"sklearn.tree._classes.DecisionTreeClassifier", "sklearn.tree._tree.Tree"} <= set(found.imports)
    assert "builtins.str" not in found.imports
    assert found.sklearn_version


def test_verify_lists_the_types_that_would_have_to_be_trusted(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.skops"
    path.write_bytes(skops_file.dumps(FunctionTransformer(doubled)))
    assert verify(path).untrusted == (f"{__name__}.doubled",)


def test_a_pickle_that_is_named_like_a_skops_file_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    save_model({"a": 1}, tmp_path / "m.joblib")
    path.write_bytes((tmp_path / "m.joblib").read_bytes())
    with pytest.raises(ModelError, match="not a complete skops file"):
        verify(path)
    manifest = json.loads((tmp_path / "m.joblib.json").read_text())
    (tmp_path / "m.skops.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="does not understand this file: BadZipFile"):
        load_model(path)


def archived(schema: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", schema)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"not an archive",
        lambda: archived(b"[]"),
        lambda: archived(b"{}"),
        lambda: archived(b"{" * 10),
        lambda: archived(b'{"a":' * 100_000),
        lambda: archived(b" " * (skops_file.SCHEMA_LIMIT_BYTES + 1)),
    ],
    ids=["no archive", "a list", "nothing", "cut off", "deep", "a bomb"],
)
def test_a_damaged_file_is_a_model_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Callable[[], bytes]
) -> None:
    monkeypatch.setattr(skops_file, "SCHEMA_LIMIT_BYTES", 1024**2)
    path = tmp_path / "m.skops"
    path.write_bytes(content())
    with pytest.raises(ModelError, match="not a complete skops file"):
        skops_file.read_contents(path)


@given(st.data())
def test_whatever_is_damaged_ends_in_a_model_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    schema = b'{"__class__": "A", "__module__": "b", "content": {"content": {"c": {"is_json": true, "content": "1"}}}}'
    content = bytearray(archived(schema))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "m.skops"
    path.write_bytes(bytes(content))
    try:
        skops_file.read_contents(path)
    except ModelError as error:
        assert "not a complete skops file" in error.message


@pytest.mark.parametrize(
    "schema",
    [
        b'{"__class__": 1, "__module__": null, "content": []}',
        b'{"__class__": "A", "__module__": "b", "content": {"content": {"c": {"is_json": true, "content": 1}}}}',
        b'{"__class__": "A", "__module__": "b", "content": {"content": {"c": {"is_json": true, "content": "{"}}}}',
        b'{"__class__": "A", "__module__": "b", "content": {"content": {"c": {"is_json": true}}}}',
    ],
)
def test_a_schema_of_other_types_is_read_as_far_as_it_goes_or_refused(tmp_path: Path, schema: bytes) -> None:
    path = tmp_path / "m.skops"
    path.write_bytes(archived(schema))
    try:
        assert skops_file.read_contents(path).parameters == {}
    except ModelError as error:
        assert "not a complete skops file" in error.message


def test_a_file_that_skops_does_not_understand_is_a_model_error(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    path.write_bytes(archived(b'{"__class__": "A", "__module__": "b", "__loader__": "NoNode", "protocol": 2}'))
    with pytest.raises(ModelError, match="skops does not understand this file"):
        verify(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        skops_file.read_contents(tmp_path / "m.skops")


def test_the_manifest_of_a_file_that_a_command_wrote_says_what_is_in_it(
    tmp_path: Path, forest: RandomForestClassifier
) -> None:
    from cmlkit.model.file import write_manifest

    path = tmp_path / "m.skops"
    path.write_bytes(skops_file.dumps(forest))
    write_manifest(path, metrics={"accuracy": 0.9})
    assert read_manifest(path).parameters["max_depth"] == 4
    assert verify(path).matches
