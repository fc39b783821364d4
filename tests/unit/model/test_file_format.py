"""Formats of model files, recognized by the content that each library writes, whatever the file is called."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import joblib
import numpy as np
import pytest

from cmlkit.model.description import describe
from cmlkit.model.file_format import recognize


def archive(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return made.getvalue()


def ubj(*, shared: bool) -> bytes:
    """XGBoost 3.2's own first and last bytes."""
    count = b"#L" + struct.pack(">q", 3)
    numbers = b"[$i" + count + bytes([3, 2, 0]) if shared else b"[" + count + b"i\x03i\x02i\x00"
    return b"{L" + struct.pack(">q", 7) + b"learner{L" + struct.pack(">q", 7) + b"version" + numbers + b"}"


def onnx(producer: bytes = b"skl2onnx", version: bytes = b"1.20.0", initializers: bytes = b"") -> bytes:
    """Fields 1, 2, 3, 7 and 8 of ModelProto; the graph, which is field 7, has a name and initializers."""
    graph = b"\x12\x01g" + initializers
    body = b"\x08\x0a\x12" + bytes([len(producer)]) + producer + b"\x1a" + bytes([len(version)]) + version
    return body + b"\x3a" + bytes([len(graph)]) + graph + b"\x42\x04\x0a\x00\x10\x15"


def tensor(location: str) -> bytes:
    """An initializer whose bytes are in another file: TensorProto with fields 1, 13 and 14."""
    entry = b"\x0a\x08location\x12" + bytes([len(location)]) + location.encode()
    made = b"\x08\x03\x6a" + bytes([len(entry)]) + entry + b"\x70\x01"
    return b"\x2a" + bytes([len(made)]) + made


def lz4_frame(content: bytes) -> bytes:
    """A frame with one block, which is not compressed."""
    block = struct.pack("<I", len(content) | 0x80000000) + content
    return b"\x04\x22\x4d\x18\x60\x40\x82" + block + b"\0\0\0\0"


def safetensors(kind: str = "F32") -> bytes:
    header = json.dumps({"w": {"dtype": kind, "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 4


HDF5 = b"\x89HDF\r\n\x1a\n" + b"\0" * 100
STATE = pickle.dumps({"weight": 1})
KERAS = {
    "metadata.json": b'{"keras_version": "3.15.1", "date_saved": "2026-11-29@07:45:00"}',
    "config.json": b'{"module": "keras", "class_name": "Sequential", "config": {"layers": []}}',
    "model.weights.h5": HDF5,
}
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + pickle.dumps({}, 2)

CONTENTS = [
    ("xgboost-json", "3.2.0", b'{"learner":{"attributes":{}},"version":[3,2,0]}'),
    ("xgboost-json", "1.7.6", b'{"version": [1, 7, 6], "learner": {"attributes": {}}}'),
    ("xgboost-ubj", "3.2.0", ubj(shared=False)),
    ("xgboost-ubj", "3.2.0", ubj(shared=True)),
    ("xgboost-binary", "", b"binf\0\0\0\x3f\0\0\0\0"),
    ("lightgbm-text", "", b"tree\nversion=v4\nnum_class=1\n"),
    ("lightgbm-text", "", b"tree\r\nversion=v3\r\nnum_class=1\r\n"),
    ("catboost-cbm", "", b"CBM10\x1a\0\0\x14\0\0\0"),
    ("catboost-json", "", b'{\n"features_info":{},"model_info":{},"oblivious_trees":[]}'),
    ("onnx", "1.20.0", onnx()),
    ("safetensors", "", safetensors()),
    ("safetensors-torch", "", safetensors("BF16")),
    ("keras", "3.15.1", archive(KERAS)),
    ("keras-h5", "2.15.0", HDF5 + b"model_config\0keras_version\0\0\x002.15.0\0"),
    ("hdf5", "", HDF5),
    ("torch", "", archive({"net/data.pkl": STATE, "net/version": b"3\n"})),
    ("torch", "", LEGACY),
    ("torchscript", "", archive({"n/data.pkl": STATE, "n/constants.pkl": STATE, "n/code/__torch__.py": b""})),
    ("torch-export", "", archive({"t/models/model.json": b"{}", "t/archive_format": b"pt2"})),
    ("numpy", "", b"\x93NUMPY\x01\0v\0{}"),
    ("numpy", "", archive({"a.npy": b"\x93NUMPY", "b.npy": b"\x93NUMPY"})),
    ("skops", "", archive({"schema.json": b"{}"})),
    ("gguf", "", b"GGUF\x03\0\0\0"),
    ("tflite", "", b"\x1c\0\0\0TFL3\x14\0\x20\0"),
    ("fasttext", "", b"\xba\x16\x4f\x2f\x0c\0\0\0"),
    ("pmml", "", b'<?xml version="1.0"?>\n<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"/>'),
    ("pickle", "", pickle.dumps({"a": 1})),
    ("pickle", "", pickle.dumps({"a": [1, 2]}, 0)),
    ("joblib", "", gzip.compress(pickle.dumps({"a": 1}))),
    # Not known: never guessed to be a pickle.
    ("other", "", b"weights of mine"),
    ("other", "", b"collection of numbers, as text"),
    ("other", "", b'{"a": 1}'),
    ("other", "", b'{"learner": "me"}'),
    ("other", "", b"PK\x03\x04 and then nothing"),
    ("other", "", archive({"notes.txt": b"-"})),
    ("other", "", gzip.compress(b"no pickle")),
    ("other", "", onnx()[:-8]),
    ("other", "", b"\x08\x96\x01"),
    ("other", "", lz4_frame(b"a table, compressed with LZ4 and not pickled")),
    ("other", "", gzip.compress(b"<PMML version='4.4'/>")),
    ("other", "", b"caffe net\nlayers of it\n.5 .3"),
    ("other", "", b'[{"nodeid": 0, "split": "f1"}]'),  # XGBoost's dump
    ("other", "", b'{"name":"tree","version":"v4","num_class":1}'),  # LightGBM's dump
    ("other", "", b"\x08\x04\x12\x02\x0a\x00\xea\x9f\x01\x02\x08\x01"),  # Core ML's
    ("other", "", b"ftrt\0\0\0\0"),  # TensorRT's
    ("other", "", b"\xac\xed\0\x05sr\0"),  # a serialized object of Java, such as Weka's
    ("other", "", b"\x07\0\0\x008.11.0\0"),  # Vowpal Wabbit's
    ("other", "", b"PAR1\x15\0"),
    ("other", "", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    ("other", "", archive({"model.ini": b"[info]\nh2o_version = 3.46\n"})),  # H2O's MOJO
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "version", "content"), CONTENTS, ids=[f"{each[0]}-{at}" for at, each in enumerate(CONTENTS)]
)
def test_the_content_tells_the_format_under_any_name(tmp_path: Path, name: str, version: str, content: bytes) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(content)
    found = describe(file)
    assert (found.format, found.version) == (name, version)


def test_a_suffix_does_not_make_a_pickle_of_another_format(tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(onnx())
    assert describe(file).format == "onnx"
    file.write_bytes(b"weights of mine")
    assert describe(file).format == "other"


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_joblib_is_known_by_its_arrays_and_its_compression(tmp_path: Path, compress: int | tuple[str, int]) -> None:
    file = tmp_path / "model"
    joblib.dump({"w": np.zeros(3)}, file, compress=compress)
    assert describe(file).format == "joblib"


def test_a_producer_in_onnx_is_named_as_its_distribution(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(onnx(b"pytorch", b"2.13.0"))
    assert (recognize(file).library, recognize(file).version) == ("torch", "2.13.0")
    file.write_bytes(onnx(b"CatBoost", b"Git info: x"))
    assert (recognize(file).library, recognize(file).version) == ("catboost", "")


@pytest.mark.parametrize(
    ("named", "library"), [("CatBoost", "catboost"), ("JPMML-SkLearn", "sklearn2pmml"), ("KNIME", "")]
)
def test_an_application_in_pmml_is_named_as_its_distribution(tmp_path: Path, named: str, library: str) -> None:
    file = tmp_path / "model"
    file.write_text(f'<PMML version="4.4"><Header><Application name="{named}" version="1"/></Header></PMML>')
    assert recognize(file).library == library


@pytest.mark.parametrize("cut", [0, 1, 7, 12, 30])
@pytest.mark.parametrize(
    "content",
    [archive(KERAS), safetensors(), onnx(), ubj(shared=True), HDF5, LEGACY],
    ids=["keras", "safetensors", "onnx", "ubj", "hdf5", "legacy"],
)
def test_a_file_that_ends_early_is_described_without_an_error(tmp_path: Path, content: bytes, cut: int) -> None:
    file = tmp_path / "model"
    file.write_bytes(content[:cut])
    assert describe(file).version in ("", "3.15.1", "1.20.0")
