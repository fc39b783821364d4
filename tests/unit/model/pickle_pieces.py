"""Pieces of pickles, written by hand: names, NumPy's types and arrays, and joblib's arrays, true and false ones."""

from __future__ import annotations

import contextlib
import inspect
import io
import struct
from pathlib import Path
from typing import Any

from joblib.numpy_pickle import NumpyUnpickler

from cmlkit.model.pickle_calls import is_known
from cmlkit.model.pickle_contents import read_as_far_as_possible

START = b"\x80\x04"
MEMMAP_OF_A_FILE = b"\x8c\x01f\x8c\x05uint8\x8c\x02w+\x87R"  # numpy.memmap("f", "uint8", "w+")


def text(value: str) -> bytes:
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def name(path: str, parts: int = 1) -> bytes:
    """The operations that import a name; its last `parts` are looked up in the module that the others name."""
    words = path.split(".")
    return text(".".join(words[:-parts])) + text(".".join(words[-parts:])) + b"\x93"


def dtype(code: str, state: bytes = b"") -> bytes:
    return name("numpy.dtype") + text(code) + b"\x89\x88\x87R" + state


def built(order: str, *rest: bytes, names: bytes = b"N", fields: bytes = b"N", flags: int = 0) -> bytes:
    """The state of a type: version 3, byte order, no subarray, names, fields, size, alignment and flags."""
    size, alignment = rest or (b"J\xff\xff\xff\xff", b"J\xff\xff\xff\xff")
    return b"(K\x03" + text(order) + b"N" + names + fields + size + alignment + b"K" + bytes([flags]) + b"tb"


FLOAT = dtype("f8", built("<"))
OBJECT = dtype("O8", built("|", flags=63))


def wrapper(kind: bytes, shape: bytes = b"K\x01\x85", *, path: str = "joblib.numpy_pickle.NumpyArrayWrapper") -> bytes:
    """An array in joblib's format, without its bytes."""
    subclass = text("subclass") + name("numpy.ndarray")
    return (
        name(path)
        + b")\x81}("
        + subclass
        + (text("shape") + shape)
        + (text("order") + text("C"))
        + (text("dtype") + kind)
        + (text("allow_mmap") + b"\x89")
        + b"ub"
    )


def array(kind: bytes, shape: bytes, content: bytes) -> bytes:
    """An array as NumPy itself pickles it."""
    made = name("numpy._core.multiarray._reconstruct") + name("numpy.ndarray") + b"K\x00\x85C\x01b\x87R"
    return made + b"(K\x01" + shape + kind + b"\x89" + content + b"tb"


SYSTEM = b"cposix\nsystem\n" + text("id") + b"\x85R."
STRUCT_OF_OBJECTS = dtype(
    "V8",
    built(
        "|", b"K\x08", b"K\x01", names=text("o") + b"\x85", fields=b"}" + text("o") + OBJECT + b"K\x00\x86s", flags=27
    ),
)
STRUCT_THAT_LIES = dtype(
    "V8",
    built(
        "|", b"K\x08", b"K\x01", names=text("o") + b"\x85", fields=b"}" + text("o") + OBJECT + b"K\x00\x86s", flags=16
    ),
)
FIELD_OUTSIDE = dtype(
    "V8",
    built(
        "|", b"K\x08", b"K\x01", names=text("a") + b"\x85", fields=b"}" + text("a") + FLOAT + b"K\x04\x86s", flags=16
    ),
)

# Streams of pieces, some of which mislead a reader that does not follow them as joblib does.
PIECES = [
    *(
        b"N",
        b"0",
        b"(",
        b"1",
        b"2",
        b"]",
        b"}",
        b")",
        b"\x8f",
        b"\x94",
        b"a",
        b"e",
        b"s",
        b"u",
        b"\x90",
        b"\x85",
        b"\x86",
    ),
    *(
        b"R",
        b"b",
        b"\x81",
        b"o",
        b"t",
        b"l",
        b"d",
        b"h\x00",
        b"h\x01",
        b"q\x00",
        b"q\x01",
        b"K\x01",
        b"K\x00\x85",
        b".",
    ),
    *(text("a"), text("O8"), text("f8"), b"C\x04" + START + b"N.", b"Va\n", b"I1\n", b"S'a'\n", b"X\xff\x00\x00\x00"),
    *(b"\x95" + struct.pack("<Q", length) for length in (1, 5, 40, 300)),
    *(START, b"\x80\x00", b"\x80\x02", b"\x80\x05"),
    *(name("numpy.dtype"), name("numpy.ndarray"), name("collections.OrderedDict"), name("sklearn.svm._classes.SVC")),
    *(name("posix.system"), b"cposix\nsystem\n", b"(iposix\nsystem\n", text("posix"), text("system"), b"\x93"),
    *(
        FLOAT,
        OBJECT,
        dtype("U5"),
        dtype("U1", built("<", b"K\x04", b"K\x04", flags=8)),
        STRUCT_OF_OBJECTS,
        STRUCT_THAT_LIES,
    ),
    *(wrapper(FLOAT), wrapper(FLOAT) + bytes(8), wrapper(FLOAT) + b"cposix\ns", wrapper(OBJECT), wrapper(dtype("U5"))),
    *(wrapper(FLOAT, b")") + bytes(8), wrapper(OBJECT) + START + b"N.", wrapper(STRUCT_OF_OBJECTS) + START + b"N."),
    *(wrapper(OBJECT) + START + wrapper(FLOAT), array(FLOAT, b"K\x01\x85", b"C\x08" + bytes(8))),
]


# joblib takes it from 1.5 on, and then demands it.
NATIVE = {"ensure_native_byte_order": True}
WANTED = NATIVE if NATIVE.keys() <= inspect.signature(NumpyUnpickler).parameters.keys() else {}


class Reached(NumpyUnpickler):  # type: ignore[misc]
    """joblib's own unpickler, which records the names that it reaches, and hands out only harmless ones."""

    def __init__(self, content: bytes) -> None:
        super().__init__("", io.BytesIO(content), **WANTED)
        self.names: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        self.names.add(path)
        if path.startswith(("numpy.", "collections.", "joblib.numpy_pickle.")):
            return super().find_class(module, name)
        return type("Inert", (), {"__init__": lambda self, *arguments: None})


def check_stream(file: Path, content: bytes) -> None:
    """Check that reading the stream tells of something, or that joblib reaches only known names with it."""
    file.write_bytes(content)
    reading = read_as_far_as_possible(file)
    if reading.failure or reading.contents.unknown or reading.contents.doubts:
        return
    unpickler = Reached(content)
    with contextlib.suppress(Exception):  # a load that fails has reached what is before the failure
        unpickler.load()
    assert {path for path in unpickler.names if not is_known(path)} == set()
