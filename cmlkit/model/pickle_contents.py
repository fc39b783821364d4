"""Contents of a file with pickles, read without importing or running any of it.

Each pickle is followed by `cmlkit.model.pickle_machine`. joblib's format is a pickle in which each array's raw bytes
follow the object that describes the array; a file of PyTorch is an archive with pickles, or several pickles in a row.

A file may come from anybody, so reading it must not cost much: what may be read and kept depends on the file's own
size, however well it is compressed.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import lzma
import math
import os
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from cmlkit.errors import ModelError
from cmlkit.model.pickle_machine import Findings, Machine, Unfollowed
from cmlkit.model.pickle_source import Broken, Budget, GivenUp, Source
from cmlkit.model.pickle_values import Made, Table

_INNER_ARCHIVE_LIMIT_BYTES = 256 * 1024**2
_LZMA_LIMIT_BYTES = 256 * 1024**2
# torch.save before 1.6 wrote this number, the protocol's version and facts of the system before the object itself, and
# the keys of its storages after it.
# https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
_TORCH_LEGACY = 0x1950A86A20F9469CFC6C
_TORCH_LEGACY_PICKLES = 5
_PICKLES_LIMIT = 1000
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".dill")
_ARCHIVE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
_PICKLED = re.compile(rb"\x80[\x02-\x05]")
_ZIP = b"PK\x03\x04"
_TENSOR = re.compile(r"[^/]+/(data/\d+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id)")
# The first format of joblib, which it still reads: a pickle in zlib's format behind a prefix and its length.
_ZFILE = b"ZF"
_DAMAGE = (
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
)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The contents of a pickle.

    Attributes:
        class_path: Import path of the object's class; empty for a plain value.
        imports: Every global that loading would import, sorted.
        parameters: The object's public attributes that are plain values, such as an estimator's parameters.
        sklearn_version: Version of scikit-learn that wrote it; empty if unknown.
        devices: Graphics processors whose memory loading would fill, such as `cuda:0`.
        unknown: Those of the imports that models do not have.
        doubts: What a known import, or an operation of the pickle, is used for as no model does: subject and reason.
    """

    class_path: str = ""
    imports: tuple[str, ...] = ()
    parameters: Mapping[str, str | int | float | bool | None] = dataclasses.field(default_factory=dict)
    sklearn_version: str = ""
    devices: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A file's contents, as far as they could be read.

    Attributes:
        failure: Why the rest could not be read; empty if all was.
        only_imports: Whether loading would fail there, too, and would only have imported names until then.
    """

    contents: Contents
    failure: str = ""
    only_imports: bool = False


def read_contents(path: Path) -> Contents:
    """Read what loading the pickle or joblib file would bring in.

    Raises:
        ModelError: The file is missing, or not a pickle or joblib file.
    """
    reading = read_as_far_as_possible(path)
    if reading.failure:
        raise ModelError(
            f"{path} is not a complete pickle or joblib file: {reading.failure}.",
            next_step="Write it again with joblib.dump.",
        )
    return reading.contents


def read_as_far_as_possible(path: Path) -> Reading:
    """Read a pickle or joblib file as `read_contents`; of a damaged one, all before the damage.

    Loading a damaged pickle runs what is in it until the damage is met.

    Raises:
        ModelError: The file is missing.
    """
    findings, models, failure, breaks_off = Findings(), list[Contents](), "", False
    try:
        with path.open("rb") as file:
            reader = _Reader(findings, Budget(os.fstat(file.fileno()).st_size), models)
            reader.read_file(file)
    except FileNotFoundError:
        raise ModelError(f"The model file {path} does not exist.", next_step="Train first, or name the file.") from None
    except _DAMAGE as error:
        failure = f"{type(error).__name__}: {error}"
        breaks_off = isinstance(error, Broken) and not isinstance(error, GivenUp)
    contents = dataclasses.replace(
        models[0] if models else Contents(),
        imports=tuple(sorted(findings.names)),
        devices=tuple(sorted(findings.devices)),
        unknown=tuple(sorted(path for path, name in findings.names.items() if not name.is_known)),
        doubts=tuple(findings.doubts),
    )
    only_imports = breaks_off and not (findings.acts or findings.doubts or models)
    return Reading(contents=contents, failure=failure, only_imports=only_imports)


def together(found: Sequence[Contents]) -> Contents:
    """Return the contents of several pickles as one; the first is the model's own."""
    return dataclasses.replace(
        found[0],
        imports=tuple(sorted({path for item in found for path in item.imports})),
        devices=tuple(sorted({device for item in found for device in item.devices})),
        unknown=tuple(sorted({path for item in found for path in item.unknown})),
        doubts=tuple(dict.fromkeys(doubt for item in found for doubt in item.doubts)),
    )


class _Reader:
    """Reader of the pickles of one file, within one budget; the first one's object is the model's own."""

    def __init__(self, findings: Findings, budget: Budget, models: list[Contents]) -> None:
        self._findings, self._budget, self._models = findings, budget, models

    def read_file(self, file: BinaryIO, *, is_inside: bool = False) -> None:
        """Read the pickle in a file; in an archive, all pickles."""
        head = file.read(6)
        file.seek(0)
        if not head.startswith(_ZIP):
            if head.startswith(_ZFILE):
                self._findings.doubt("joblib's first format", "its contents are not read")
            with _decompressed(file, head) as stream:
                self._read_pickles(stream, arrays=True)
            return
        with zipfile.ZipFile(file) as archive:
            names = _pickles_in(archive)
            if not names and not is_inside:
                raise pickle.UnpicklingError("the archive holds no pickle")
            if len(set(archive.namelist())) < len(archive.namelist()):
                self._findings.doubt(
                    "archive", "two files in it have the same name, and loaders differ in which they read"
                )
            is_torch = any(name.endswith("/data.pkl") for name in names)
            for name in names:
                with archive.open(name) as content:
                    if not name.endswith(_ARCHIVE_SUFFIXES):
                        self._read_pickles(content, arrays=not is_torch, storages=is_torch)
                    elif not is_inside:
                        self.read_file(io.BytesIO(self._whole(content)), is_inside=True)

    def _whole(self, content: IO[bytes]) -> bytes:
        found = content.read(_INNER_ARCHIVE_LIMIT_BYTES + 1)
        self._budget.read(len(found))
        if len(found) > _INNER_ARCHIVE_LIMIT_BYTES:
            raise Broken("it holds a larger archive than can be looked into")
        return found

    def _read_pickles(self, stream: IO[bytes], *, arrays: bool, storages: bool = False) -> None:
        source = Source(stream, self._budget)
        try:
            loaded = self._read(source, arrays=arrays, storages=storages)
            if isinstance(loaded, int) and loaded == _TORCH_LEGACY:
                for _ in range(_TORCH_LEGACY_PICKLES - 2):
                    loaded = self._read(source, arrays=False, storages=True)
                self._models.append(_contents(loaded))
                self._read(source, arrays=False)
                return
            self._models.append(_contents(loaded))
            self._read_rest(source)
        except Unfollowed:
            self._models.append(Contents())

    def _read_rest(self, source: Source) -> None:
        """Read what follows the model: programs may load several pickles from one file."""
        for _ in range(_PICKLES_LIMIT):
            if source.is_at_end():
                return
            try:
                self._read(source, arrays=True)
            except _DAMAGE:
                break
        self._findings.doubt("data after the end", "something other than a pickle follows the model in the file")

    def _read(self, source: Source, *, arrays: bool, storages: bool = False) -> Any:
        loaded = Machine(source, self._findings, arrays=arrays, storages=storages).run()
        if source.position < source.frame_end < math.inf:
            self._findings.doubt("opcode FRAME", "a frame goes on after the end of the pickle")
        source.frame_end = math.inf
        return loaded


def _pickles_in(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of an archive's pickles, the model's own first; the tensors in PyTorch's are only numbers."""
    names = list(dict.fromkeys(archive.namelist()))
    main = [name for name in names if name.endswith("/data.pkl")]
    found = [*main, *(name for name in names if name.endswith("/constants.pkl"))]
    for name in names:
        if name in found or (main and _TENSOR.fullmatch(name)):
            continue
        if name.endswith((*_PICKLE_SUFFIXES, *_ARCHIVE_SUFFIXES)):
            found.append(name)
        else:
            with archive.open(name) as content:
                if _PICKLED.match(content.read(2)):
                    found.append(name)
    return found


def _contents(loaded: Any) -> Contents:
    state = loaded.state if isinstance(loaded, Made) else None
    if isinstance(state, tuple):
        state = next((part for part in state[:2] if isinstance(part, Table)), None)
    entries = state.entries if isinstance(state, Table) else {}
    plain = {
        name: value
        for name, value in entries.items()
        if name and not name.startswith("_") and not name.endswith("_") and _is_plain(value)
    }
    version = entries.get("_sklearn_version", "")
    return Contents(
        class_path=loaded.path if isinstance(loaded, Made) else "",
        parameters=plain,
        sklearn_version=version if isinstance(version, str) else "",
    )


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _decompressed(file: BinaryIO, head: bytes) -> BinaryIO:
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(file)  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.open(file)  # type: ignore[return-value]
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return io.BufferedReader(_Lzma(file))
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


class _Lzma(io.RawIOBase):
    """A stream of LZMA or xz, decompressed as it is read, with no more memory than its formats need by default."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._unpacker = lzma.LZMADecompressor(memlimit=_LZMA_LIMIT_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._unpacker.eof:
            packed = self._stream.read(64 * 1024) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("it ends in the middle of compressed data")
            content = self._unpacker.decompress(packed, len(buffer))
            if content:
                buffer[: len(content)] = content
                return len(content)
        return 0

    def close(self) -> None:
        self._stream.close()
        super().close()


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
