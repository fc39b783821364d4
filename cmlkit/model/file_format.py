"""The format of a model file, recognized by its content: the suffix says nothing that can be relied on.

Sources: the first bytes and fields that each project documents.
- XGBoost: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
- ONNX: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
- safetensors: https://github.com/huggingface/safetensors#format
- GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
- Keras: https://keras.io/guides/serialization_and_saving/
- HDF5: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
- NumPy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cmlkit.bounds.files import open_regular
from cmlkit.records.json_text import read_json
from cmlkit.records.model_format import OTHER

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 4096
SAFETENSORS_HEADER_BYTES = 100_000_000
_COMPRESSED = (
    *(b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00", b"\x04\x22\x4d\x18"),
    *(b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"),
)
# A pickle of protocol 0 or 1 begins with the operation that makes its first object.
_OLD_PICKLE = re.compile(rb"[(cl}\])]|I\d|[FSVU]['\d\x00-\x7f]")
_TORCH_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


@dataclass(frozen=True, kw_only=True)
class Recognized:
    """A recognized format.

    Attributes:
        name: Its name in `cmlkit.records.model_format.FORMATS`.
        library: Distribution that wrote the file, if the file itself names it.
        version: Version of that distribution, if the file itself names it.
        beside: Files beside it, relative to its folder, that have a part of the model.
    """

    name: str
    library: str = ""
    version: str = ""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Ends:
    """The first and last bytes of a file."""

    head: bytes
    tail: bytes
    size: int
    file: BinaryIO


def recognize(path: Path) -> Recognized:
    """Return a file's format; `other` if it is none of the known ones.

    Raises:
        OSError: The file cannot be read.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
        file.seek(0)
        ends = _Ends(head=file.read(HEAD_BYTES), tail=tail, size=size, file=file)
        for look in _LOOKS:
            if (found := look(ends)) is not None:
                return found
    return Recognized(name=OTHER)


def _by_first_bytes(ends: _Ends) -> Recognized | None:
    for start, name in _FIRST_BYTES.items():
        if ends.head.startswith(start):
            return Recognized(name=name)
    return Recognized(name="tflite") if ends.head[4:8] == b"TFL3" else None


_FIRST_BYTES = {
    b"CBM1": "catboost-cbm",
    b"GGUF": "gguf",
    b"\x93NUMPY": "numpy",
    b"binf": "xgboost-binary",
    b"bs64\t": "xgboost-binary",
    b"\xba\x16\x4f\x2f": "fasttext",
    _TORCH_LEGACY: "torch",
}


def _lightgbm(ends: _Ends) -> Recognized | None:
    return Recognized(name="lightgbm-text") if re.match(rb"tree\r?\nversion=v\d", ends.head) else None


def _json(ends: _Ends) -> Recognized | None:
    head, tail = ends.head.lstrip(b"\xef\xbb\xbf \t\r\n"), ends.tail
    if not head.startswith(b"{") or head[1:2] in (b"L", b"l", b"I", b"i", b"U"):
        return None
    version = re.search(rb'"version"\s*:\s*\[(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\]', tail) or re.match(
        rb'\{\s*"version"\s*:\s*\[(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\]', head
    )
    if version and re.search(rb'"learner"\s*:\s*\{', head):
        numbers = ".".join(number.decode() for number in version.groups())
        return Recognized(name="xgboost-json", library="xgboost", version=numbers)
    if re.search(rb'"(oblivious_trees|features_info)"\s*:', head) and re.search(
        rb'"(oblivious_trees|trees|model_info|scale_and_bias)"\s*:', head + tail
    ):
        return Recognized(name="catboost-json")
    return None


def _ubjson(ends: _Ends) -> Recognized | None:
    key = re.match(rb"\{(?:L.{8}|l.{4}|I.{2}|[iU].)(learner|version)", ends.head, re.DOTALL)
    if key is None:
        return None
    place = ends.tail.rfind(b"version[")
    numbers = _ubjson_numbers(ends.tail[place + len(b"version[") :]) if place >= 0 else []
    version = ".".join(map(str, numbers[:3])) if len(numbers) >= 3 else ""
    return Recognized(name="xgboost-ubj", library="xgboost", version=version)


def _ubjson_numbers(content: bytes) -> list[int]:
    """Return the numbers of a UBJSON array after its bracket: `#L` and a count, or `$l#L`, then the numbers."""
    form = re.match(rb"(?:\$([iUIlL]))?#(?:L.{8}|l.{4}|I.{2}|[iU].)", content, re.DOTALL)
    if form is None:
        return []
    rest, shared, numbers = content[form.end() :], form[1], []
    for _ in range(3):
        kind, rest = (shared, rest) if shared else (rest[:1], rest[1:])
        width = {b"i": 1, b"U": 1, b"I": 2, b"l": 4, b"L": 8}.get(kind, 0)
        if not width or len(rest) < width:
            return []
        numbers.append(int.from_bytes(rest[:width], "big"))
        rest = rest[width:]
    return numbers


def _safetensors(ends: _Ends) -> Recognized | None:
    if ends.size < 10 or ends.head[8:9] != b"{":
        return None
    (length,) = struct.unpack("<Q", ends.head[:8])
    if not 2 <= length <= min(ends.size - 8, SAFETENSORS_HEADER_BYTES):
        return None
    ends.file.seek(8)
    try:
        header = read_json(ends.file.read(length))
    except ValueError:
        return None
    tensors = [item for name, item in header.items() if name != "__metadata__"]
    if not all("data_offsets" in item for item in tensors):
        return None
    is_numpy = all(item.get("dtype") in _NUMPY_TYPES for item in tensors)
    return Recognized(name="safetensors" if is_numpy else "safetensors-torch")


_NUMPY_TYPES = frozenset(
    {"BOOL", "F16", "F32", "F64", "C64", *(f"{sign}{bits}" for sign in "IU" for bits in (8, 16, 32, 64))}
)


def _hdf5(ends: _Ends) -> Recognized | None:
    if not ends.head.startswith(b"\x89HDF\r\n\x1a\n"):
        return None
    seen = ends.head + ends.tail
    if b"model_config" not in seen:
        return Recognized(name="hdf5")
    version = re.search(rb"keras_version.{0,200}?(\d+\.\d+\.\d+)", seen, re.DOTALL)
    return Recognized(name="keras-h5", library="keras", version=version[1].decode() if version else "")


def _pmml(ends: _Ends) -> Recognized | None:
    start = ends.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"<") or not re.search(rb"<(?:\w+:)?PMML[\s>]", start[:4096]):
        return None
    made = re.search(rb'<(?:\w+:)?Application\s[^>]*name="([^"]{1,80})"', start)
    return Recognized(name="pmml", library=_PMML_WRITERS.get(made[1].lower(), "") if made else "")


# The names that programs write into PMML, and their distributions.
_PMML_WRITERS = {
    b"catboost": "catboost",
    b"jpmml-sklearn": "sklearn2pmml",
    b"sklearn2pmml package": "sklearn2pmml",
    b"sklearn2pmml": "sklearn2pmml",
    b"nyoka": "nyoka",
}


# Fields of ModelProto, by number: kind 0 is a number, kind 2 has a length and bytes.
_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_ONNX_IR, _ONNX_PRODUCER, _ONNX_PRODUCER_VERSION, _ONNX_GRAPH, _ONNX_OPSETS = 1, 2, 3, 7, 8
# The names that exporters write into the files, and their distributions.
_PRODUCERS = {"pytorch": "torch", "tf2onnx": "tf2onnx", "keras2onnx": "keras2onnx", "onnxmltools": "onnxmltools"}


def _onnx(ends: _Ends) -> Recognized | None:
    try:
        found = {}
        for field in _fields(ends.file, 0, ends.size):
            if _ONNX_FIELDS.get(field.number) != field.kind:
                return None
            found[field.number] = field
        if not {_ONNX_IR, _ONNX_GRAPH, _ONNX_OPSETS} <= set(found):
            return None
        beside = {_text(ends.file, place) for place in _external(ends.file, found[_ONNX_GRAPH])}
    except (ValueError, IndexError):
        return None
    producer, version = (
        _text(ends.file, found[number]) if number in found else ""
        for number in (_ONNX_PRODUCER, _ONNX_PRODUCER_VERSION)
    )
    return Recognized(
        name="onnx",
        library=_PRODUCERS.get(producer.lower(), producer.lower()),
        version=version if re.fullmatch(r"\d+\.\d+[\w.+]*", version) else "",
        beside=tuple(sorted(beside - {""})),
    )


# GraphProto.initializer, TensorProto.external_data, StringStringEntryProto.key and its value.
_ONNX_INITIALIZER, _ONNX_EXTERNAL, _ONNX_KEY, _ONNX_VALUE = 5, 13, 1, 2


def _external(file: BinaryIO, graph: _Field) -> Iterator[_Field]:
    """Yield the names of the files that have the weights of a graph, if they lie outside of the file."""
    for tensor in _fields(file, graph.start, graph.end):
        if tensor.number != _ONNX_INITIALIZER:
            continue
        for entry in _fields(file, tensor.start, tensor.end):
            if entry.number != _ONNX_EXTERNAL or entry.kind != 2:
                continue
            parts = {part.number: part for part in _fields(file, entry.start, entry.end)}
            if _ONNX_KEY in parts and _text(file, parts[_ONNX_KEY]) == "location" and _ONNX_VALUE in parts:
                yield parts[_ONNX_VALUE]


@dataclass(frozen=True, kw_only=True)
class _Field:
    """A field of a protobuf message: its number, its kind (2 has a length), and where its bytes are in the file."""

    number: int
    kind: int
    start: int
    end: int


# Bytes that follow the key, for the kinds of a fixed size.
_FIXED = {1: 8, 5: 4}


def _fields(file: BinaryIO, place: int, end: int) -> Iterator[_Field]:
    """Yield the fields of a protobuf message. Raise ValueError or IndexError if it is none."""
    while place < end:
        file.seek(place)
        block = file.read(20)
        key, used = _varint(block, 0)
        kind, length = key & 7, _FIXED.get(key & 7, 0)
        if kind in (0, 2):
            value, used = _varint(block, used)
            length = value if kind == 2 else 0
        elif kind not in _FIXED:
            raise ValueError("another message")
        place += used
        if place + length > end:
            raise ValueError("it ends too early")
        yield _Field(number=key >> 3, kind=kind, start=place, end=place + length)
        place += length


def _text(file: BinaryIO, field: _Field) -> str:
    file.seek(field.start)
    return file.read(min(field.end - field.start, TAIL_BYTES)).decode("utf-8", "replace")


def _varint(block: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = block[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
        if shift > 63:
            raise ValueError("too long a number")


def _zip(ends: _Ends) -> Recognized | None:
    if not ends.head.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(ends.file) as archive:
            return _archive(archive)
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, NotImplementedError, RuntimeError):
        return Recognized(name=OTHER)


def _archive(archive: zipfile.ZipFile) -> Recognized:
    names = set(archive.namelist())
    inner = {name.partition("/")[2] for name in names}
    if "schema.json" in names:
        return Recognized(name="skops", library="scikit-learn")
    if "config.json" in names and any(name.startswith("model.weights") for name in names):
        return Recognized(name="keras", library="keras", version=_keras_version(archive, names))
    if "data.pkl" in inner:
        is_script = "constants.pkl" in inner and any(name.startswith("code/") for name in inner)
        return Recognized(name="torchscript" if is_script else "torch", library="torch")
    if any(name.startswith("models/") for name in inner) and "archive_format" in inner:
        return Recognized(name="torch-export", library="torch")
    if "serialized_exported_program.json" in names:
        return Recognized(name="torch-export", library="torch")
    if names and all(name.endswith(".npy") for name in names):
        return Recognized(name="numpy", library="numpy")
    return Recognized(name=OTHER)


def _keras_version(archive: zipfile.ZipFile, names: set[str]) -> str:
    if "metadata.json" not in names:
        return ""
    with archive.open("metadata.json") as file:
        found: Any = read_json(file.read(HEAD_BYTES))
    return str(found.get("keras_version", "")) if isinstance(found, dict) else ""


def _pickle(ends: _Ends) -> Recognized | None:
    head = ends.head
    if re.match(rb"\x80[\x02-\x05]", head) or _OLD_PICKLE.match(head):
        return Recognized(name="pickle")
    return Recognized(name="joblib") if head.startswith(_COMPRESSED) else None


_LOOKS: tuple[Callable[[_Ends], Recognized | None], ...] = (
    _by_first_bytes,
    _zip,
    _hdf5,
    _safetensors,
    _lightgbm,
    _json,
    _ubjson,
    _pmml,
    _onnx,
    _pickle,
)
