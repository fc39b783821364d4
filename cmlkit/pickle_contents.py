"""What a pickle would load, found out without importing or running any of it.

Every global is replaced by an inert stand-in, so that nothing but this module's own code runs. joblib's format is
understood as far as that takes: a pickle in which the bytes of arrays stand raw behind the object that describes them.
https://docs.python.org/3/library/pickle.html#restricting-globals
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import pickle
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from cmlkit.errors import ModelError

SIZE_LIMIT_BYTES = 64 * 1024**3
_ARRAY_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_OBJECT_ARRAY = "O"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a pickle holds.

    Attributes:
        class_path: Import path of the object's class; empty for a plain value.
        imports: Every global that loading would import, sorted.
        parameters: The object's public attributes that are plain values, such as an estimator's parameters.
        sklearn_version: Version of scikit-learn that wrote it; empty when it does not say.
    """

    class_path: str
    imports: tuple[str, ...]
    parameters: Mapping[str, str | int | float | bool | None]
    sklearn_version: str


class _Inert:
    """Stands for an object of a class that is not imported."""

    path = ""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.arguments = arguments
        self.state: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state

    # Containers that were subclassed are filled by these.
    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...


def read_contents(path: Path) -> Contents:
    """What loading the pickle or joblib file would bring in.

    Raises:
        ModelError: The file is missing, or no such file.
    """
    try:
        with _opened(path) as stream:
            reader = _Reader(stream)
            loaded = reader.load()
    except FileNotFoundError:
        raise ModelError(f"The model file {path} does not exist.", next_step="Train first, or name the file.") from None
    except (
        pickle.UnpicklingError,
        OSError,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        RecursionError,
        MemoryError,
        OverflowError,
        struct.error,
        zlib.error,
        lzma.LZMAError,
        AssertionError,
    ) as error:
        raise ModelError(
            f"{path} is not a complete pickle or joblib file: {type(error).__name__}: {error}.",
            next_step="Write it again with joblib.dump.",
        ) from error
    return _contents(loaded, reader.imports)


def _contents(loaded: Any, imports: set[str]) -> Contents:
    state = loaded.state if isinstance(loaded, _Inert) else {}
    if isinstance(state, tuple):
        state = next((part for part in state if isinstance(part, dict)), {})
    state = state if isinstance(state, dict) else {}
    plain = {
        str(name): value
        for name, value in state.items()
        if not str(name).startswith("_") and not str(name).endswith("_") and _is_plain(value)
    }
    return Contents(
        class_path=loaded.path if isinstance(loaded, _Inert) else "",
        imports=tuple(sorted(imports)),
        parameters=plain,
        sklearn_version=str(state.get("_sklearn_version", "")),
    )


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


# Its documented twin is written in C, where `load_build` cannot be replaced.
_Unpickler: Any = pickle._Unpickler


class _Reader(_Unpickler):  # type: ignore[misc]
    """An unpickler whose globals are inert, and which steps over joblib's raw arrays."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Unpickler.dispatch)

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.stream = stream
        self.imports: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        self.imports.add(path)
        return type(name.rpartition(".")[2] or "Inert", (_Inert,), {"path": path})

    def persistent_load(self, identifier: Any) -> Any:
        return _Inert()

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError("extension codes are not supported")

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, _Inert):
            return
        target.state = state
        if target.path == _ARRAY_WRAPPER:
            self._step_over(target)

    dispatch[pickle.BUILD[0]] = load_build

    def _step_over(self, wrapper: _Inert) -> None:
        shape = wrapper.state["shape"]
        kind, size = _item(wrapper.state["dtype"])
        if kind == _OBJECT_ARRAY:
            inner = _Reader(self.stream)
            inner.load()
            self.imports |= inner.imports
            return
        # joblib aligns an array's bytes: one byte says how many bytes of padding follow it.
        # https://github.com/joblib/joblib/blob/main/joblib/numpy_pickle.py
        if wrapper.state.get("numpy_array_alignment_bytes") is not None:
            self._skip(self._skip(1)[0])
        self._skip(math.prod(shape) * size, keep=False)

    def _skip(self, count: int, *, keep: bool = True) -> bytes:
        """Read `count` bytes past; what was read, if it is to be kept."""
        if count > SIZE_LIMIT_BYTES:
            raise ValueError("an array is too large")
        kept = b""
        while count:
            block = self.stream.read(min(count, 1024 * 1024))
            if not block:
                raise EOFError("the file ends in the middle of an array")
            count -= len(block)
            if keep:
                kept += block
        return kept


def _item(dtype: Any) -> tuple[str, int]:
    """Kind, and size in bytes, of one item of a NumPy dtype in its pickled form: `f8`, or `V64` with a state."""
    name = str(dtype.arguments[0]) if dtype.arguments else ""
    if name.startswith(_OBJECT_ARRAY):
        return _OBJECT_ARRAY, 8
    if name[:1] in ("V", "S", "U") and isinstance(dtype.state, tuple) and len(dtype.state) > 5:
        size = int(dtype.state[5])
        return name[:1], size if size >= 0 else int(name[1:])
    return name[:1], int(name[1:])


def _opened(path: Path) -> BinaryIO:
    """The file's bytes, unpacked as they are read, if it is compressed in one of joblib's ways."""
    stream = path.open("rb")
    head = stream.read(6)
    stream.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(stream)  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.open(stream)  # type: ignore[return-value]
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.open(stream)  # type: ignore[return-value]
    if head[:1] == b"\x78":
        return io.BufferedReader(_Zlib(stream))
    return stream


class _Zlib(io.RawIOBase):
    """A zlib stream, unpacked as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._unpacker = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._stream.read(64 * 1024)
            content = self._unpacker.decompress(packed, len(buffer))
            if content or not packed:
                buffer[: len(content)] = content
                return len(content)
        return 0

    def close(self) -> None:
        self._stream.close()
        super().close()
