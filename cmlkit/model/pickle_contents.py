"""Contents of a pickle, read without importing or running any of it.

Every global is replaced by an inert stand-in, so that nothing but this module's own code runs. joblib's format is read
as far as needed: a pickle in which each array's raw bytes follow the object that describes the array.
https://docs.python.org/3/library/pickle.html#restricting-globals

A file may come from anybody, so reading it must not cost much: long strings and arrays are skipped, and the memory for
the rest is bounded, however well the file is compressed.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import lzma
import math
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, ClassVar

from cmlkit.errors import ModelError

SIZE_LIMIT_BYTES = 32 * 1024**3
KEPT_LIMIT_BYTES = 256 * 1024**2
IMPORTS_LIMIT = 10_000
# The smallest operation of a pickle has one byte, and creates an object of about 60.
_READ_COST_BYTES = 16
_LONG_STRING_BYTES = 1024
_BLOCK_BYTES = 1024 * 1024
_RECONSTRUCTORS = ("copyreg._reconstructor", "copy_reg._reconstructor")
_ARRAY_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_OBJECT_ARRAY = "O"
_FROM_BYTES = "torch.storage._load_from_bytes"
# torch.save before 1.6 wrote this number, the protocol's version and facts of the system before the object itself.
# https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
_TORCH_LEGACY = 0x1950A86A20F9469CFC6C
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".dill")
_ARCHIVE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
_PICKLED = re.compile(rb"\x80[\x02-\x05]")
_NAME = re.compile(r"[\w.<>]+")
_CUDA = re.compile(rb"cuda:\d+")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The contents of a pickle.

    Attributes:
        class_path: Import path of the object's class; empty for a plain value.
        imports: Every global that loading would import, sorted.
        parameters: The object's public attributes that are plain values, such as an estimator's parameters.
        sklearn_version: Version of scikit-learn that wrote it; empty if unknown.
        devices: Graphics processors whose memory loading would fill, such as `cuda:0`.
    """

    class_path: str = ""
    imports: tuple[str, ...] = ()
    parameters: Mapping[str, str | int | float | bool | None] = dataclasses.field(default_factory=dict)
    sklearn_version: str = ""
    devices: tuple[str, ...] = ()


class _Inert:
    """A stand-in for an object whose class is not imported."""

    path = ""
    # On the class, since an object may be created without a call of `__init__`.
    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __call__(self, *arguments: Any, **named: Any) -> _Inert:
        """Stand in for an object made by one that the pickle itself made, such as a class of cloudpickle."""
        return _Inert()

    # Unpickling fills subclassed containers with these.
    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...

    def add(self, item: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...


def read_contents(path: Path) -> Contents:
    """Read what loading the pickle or joblib file would bring in.

    Raises:
        ModelError: The file is missing, or not a pickle or joblib file.
    """
    try:
        with path.open("rb") as file:
            found = tuple(_found_in(file))
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
        RuntimeError,
        MemoryError,
        OverflowError,
        struct.error,
        zlib.error,
        zipfile.BadZipFile,
        lzma.LZMAError,
        AssertionError,
    ) as error:
        raise ModelError(
            f"{path} is not a complete pickle or joblib file: {type(error).__name__}: {error}.",
            next_step="Write it again with joblib.dump.",
        ) from error
    return together(found)


def together(found: Sequence[Contents]) -> Contents:
    """Return the contents of several pickles as one; the first is the model's own."""
    return dataclasses.replace(
        found[0],
        imports=tuple(sorted({path for item in found for path in item.imports})),
        devices=tuple(sorted({device for item in found for device in item.devices})),
    )


def _found_in(file: BinaryIO, *, deep: bool = True) -> Iterator[Contents]:
    """Yield the contents of the pickle in a file; in an archive, those of all pickles, the model's own first."""
    head = file.read(6)
    file.seek(0)
    if not head.startswith(b"PK\x03\x04"):
        with _decompressed(file, head) as stream:
            yield _read(stream)
        return
    with zipfile.ZipFile(file) as archive:
        names = _pickles_in(archive)
        if not names and deep:
            raise pickle.UnpicklingError("the archive holds no pickle")
        for name in names:
            with archive.open(name) as content:
                if name.endswith(_ARCHIVE_SUFFIXES):
                    yield from _found_in(io.BytesIO(_whole(content)), deep=False) if deep else ()
                else:
                    yield _read(content)  # type: ignore[arg-type]


def _whole(content: IO[bytes]) -> bytes:
    found = content.read(KEPT_LIMIT_BYTES + 1)
    if len(found) > KEPT_LIMIT_BYTES:
        raise ValueError("it holds a larger archive than can be looked into")
    return found


def _pickles_in(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of an archive's pickles, the model's own first; all else in PyTorch's is numbers."""
    names = archive.namelist()
    main = [name for name in names if name.endswith("/data.pkl")]
    if main:
        return [*main, *(name for name in names if name.endswith("/constants.pkl"))]
    found = []
    for name in names:
        if name.endswith((*_PICKLE_SUFFIXES, *_ARCHIVE_SUFFIXES)):
            found.append(name)
        else:
            with archive.open(name) as content:
                if _PICKLED.match(content.read(2)):
                    found.append(name)
    return found


def _read(stream: BinaryIO) -> Contents:
    reader = _Reader(_Source(stream))
    loaded = reader.load()
    if isinstance(loaded, int) and loaded == _TORCH_LEGACY:
        for _ in range(3):
            loaded = reader.load()
    return _contents(loaded, reader.imports, reader.devices)


def _contents(loaded: Any, imports: set[str], devices: set[str]) -> Contents:
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
        class_path=_class_of(loaded),
        imports=tuple(sorted(imports)),
        parameters=plain,
        sklearn_version=str(state.get("_sklearn_version", "")),
        devices=tuple(sorted(devices)),
    )


def _class_of(loaded: Any) -> str:
    """Return the path of an object's class; protocols 0 and 1 have it as an argument of a function."""
    if not isinstance(loaded, _Inert):
        return ""
    if loaded.path in _RECONSTRUCTORS and loaded.arguments:
        return str(getattr(loaded.arguments[0], "path", ""))
    return loaded.path


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


class _Source:
    """A stream of bytes that limits how much is kept in memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._may_keep = KEPT_LIMIT_BYTES
        self._may_skip = SIZE_LIMIT_BYTES

    def read(self, count: int) -> bytes:
        self._may_keep -= count + _READ_COST_BYTES
        if count < 0 or self._may_keep < 0:
            raise ValueError("it holds more than a model does")
        content = self._stream.read(count)
        if len(content) < count:
            raise EOFError("it ends too early")
        return content

    def readline(self) -> bytes:
        line = self._stream.readline(max(self._may_keep, 0))
        self._may_keep -= len(line) + _READ_COST_BYTES
        if not line.endswith(b"\n"):
            raise EOFError("it ends too early, or holds more than a model does")
        return line

    def skip(self, count: int) -> bytes:
        """Read past the bytes; return the first block of them."""
        first = b""
        self._may_skip -= count
        if count < 0 or self._may_skip < 0:
            raise ValueError("it is larger than any model")
        while count:
            block = self._stream.read(min(count, _BLOCK_BYTES))
            if not block:
                raise EOFError("it ends in the middle of an array")
            first = first or block
            count -= len(block)
        return first


# The documented class is written in C, so its `load_build` cannot be replaced.
_Unpickler: Any = pickle._Unpickler


class _Reader(_Unpickler):  # type: ignore[misc]
    """An unpickler with inert globals that skips joblib's raw arrays and long strings."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Unpickler.dispatch)

    def __init__(self, source: _Source) -> None:
        super().__init__(source)
        self.source = source
        self.classes: dict[str, type[_Inert]] = {}
        self.devices: set[str] = set()

    @property
    def imports(self) -> set[str]:
        return set(self.classes)

    def find_class(self, module: str, name: str) -> type[_Inert]:
        path = f"{module}.{name}"
        if not _NAME.fullmatch(path):  # text that begins as a pickle of the first protocols may
            raise pickle.UnpicklingError(f"it imports {path[:80]!r}")
        if path not in self.classes:
            if len(self.classes) == IMPORTS_LIMIT:
                raise ValueError("it imports more than a model does")
            self.classes[path] = type("Inert", (_Inert,), {"path": path})
        return self.classes[path]

    def persistent_load(self, identifier: Any) -> _Inert:
        # PyTorch's are ("storage", class, key, device, size).
        if isinstance(identifier, tuple) and len(identifier) > 3 and str(identifier[3]).startswith("cuda"):
            self.devices.add(str(identifier[3]))
        return _Inert()

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError("extension codes are not supported")

    def load_frame(self) -> None:
        """Ignore frames: reading ahead by a frame would go past the bytes to skip."""
        self.read(8)

    dispatch[pickle.FRAME[0]] = load_frame

    def load_string(self, width: int) -> None:
        length = int.from_bytes(self.read(width), "little")
        if length > _LONG_STRING_BYTES:
            beginning = self.source.skip(length)
            self.append(_Inert())
        else:
            beginning = self.read(length)
            self.append(beginning)
        # A tensor in another library's pickle is a file of PyTorch in a string.
        if _FROM_BYTES in self.classes:
            self.devices.update(device.decode() for device in _CUDA.findall(beginning[:_BLOCK_BYTES]))

    dispatch[pickle.BINBYTES[0]] = lambda self: self.load_string(4)
    dispatch[pickle.BINBYTES8[0]] = lambda self: self.load_string(8)
    dispatch[pickle.BYTEARRAY8[0]] = lambda self: self.load_string(8)

    def load_text(self, width: int) -> None:
        self.load_string(width)
        if isinstance(self.stack[-1], bytes):
            self.stack[-1] = str(self.stack[-1], "utf-8", "surrogatepass")

    dispatch[pickle.BINUNICODE[0]] = lambda self: self.load_text(4)
    dispatch[pickle.BINUNICODE8[0]] = lambda self: self.load_text(8)

    def load_newobj(self) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        self.append(kind(*arguments))

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_newobj()

    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

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
            inner = _Reader(self.source)
            inner.load()
            self.classes |= inner.classes
            return
        # joblib aligns an array's bytes: one byte gives the number of padding bytes after it.
        # https://github.com/joblib/joblib/blob/main/joblib/numpy_pickle.py
        if wrapper.state.get("numpy_array_alignment_bytes") is not None:
            self.source.skip(self.source.read(1)[0])
        self.source.skip(math.prod(shape) * size)


def _item(dtype: Any) -> tuple[str, int]:
    """Return kind and size in bytes of one item of a NumPy dtype in pickled form: `f8`, or `V64` with a state."""
    name = str(dtype.arguments[0]) if dtype.arguments else ""
    if name.startswith(_OBJECT_ARRAY):
        return _OBJECT_ARRAY, 8
    if name[:1] in ("V", "S", "U") and isinstance(dtype.state, tuple) and len(dtype.state) > 5:
        size = int(dtype.state[5])
        return name[:1], size if size >= 0 else int(name[1:])
    return name[:1], int(name[1:])


def _decompressed(file: BinaryIO, head: bytes) -> BinaryIO:
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(file)  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.open(file)  # type: ignore[return-value]
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.open(file)  # type: ignore[return-value]
    if head.startswith(b"\x04\x22\x4d\x18"):
        return _lz4(file)
    return io.BufferedReader(_Zlib(file)) if head[:1] == b"\x78" else file


def _lz4(file: BinaryIO) -> BinaryIO:
    try:
        import lz4.frame
    except ImportError as error:
        raise pickle.UnpicklingError("it is compressed with LZ4, and lz4 is not installed") from error
    stream: BinaryIO = lz4.frame.open(file)
    return stream


class _Zlib(io.RawIOBase):
    """A zlib stream, decompressed as it is read."""

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
