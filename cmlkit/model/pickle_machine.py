"""An unpickler that imports, calls and makes nothing: it follows a pickle's operations with stand-ins for the values.

It does what Python's own unpicklers do, so that it reads the names that they would, and it tells of everything that
models do not do. Where loaders differ (joblib's takes an array's bytes from the stream, Python's does not), it follows
joblib's, and refuses what would mean something else to it.
https://github.com/python/cpython/blob/main/Lib/pickle.py
"""

from __future__ import annotations

import _compat_pickle
import codecs
import functools
import math
import pickle
import re
import struct
from dataclasses import dataclass, field
from typing import Any

from cmlkit.model import numpy_types, pickle_calls
from cmlkit.model.numpy_types import Unsafe
from cmlkit.model.pickle_calls import ARRAY_WRAPPER, subject_of
from cmlkit.model.pickle_source import LONG_BYTES, Broken, GivenUp, Source
from cmlkit.model.pickle_values import Filled, Long, Made, Name, Table, is_suspect

IMPORTS_LIMIT = 10_000
DOUBTS_LIMIT = 100
_REFERENCE_BYTES, _OBJECT_BYTES, _ENTRY_BYTES = 16, 160, 80
_NAME = re.compile(r"[\w.<>]+")
_CUDA = re.compile(rb"cuda:\d+")
_FROM_BYTES = "torch.storage._load_from_bytes"
_WRAPPER_STATE = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap"})
_ALIGNMENT = "numpy_array_alignment_bytes"
_SUBCLASSES = ("numpy.ndarray", "numpy.memmap", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix")


class Unfollowed(Exception):
    """The rest of the stream depends on a refused operation, so it cannot be read."""


@dataclass(kw_only=True)
class Findings:
    """The imports of a file's pickles, and the doubts about loading them.

    Attributes:
        names: Path -> the name, of everything that loading imports.
        doubts: What a name or an operation is used for -> why a model would not do that.
        devices: Graphics processors whose memory loading would fill.
        acts: Whether loading would do more than import names: call one, make an object, or set the state of one.
    """

    names: dict[str, Name] = field(default_factory=dict)
    doubts: dict[tuple[str, str], None] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    acts: bool = False

    def doubt(self, subject: str, reason: str) -> None:
        if len(self.doubts) < DOUBTS_LIMIT:
            self.doubts[subject, reason] = None


class Machine:
    """One pickle, followed to its end.

    Args:
        arrays: Whether joblib loads it, which reads the bytes of arrays from the stream.
        storages: Whether PyTorch loads it, which knows objects by an identifier.
    """

    def __init__(self, source: Source, findings: Findings, *, arrays: bool, storages: bool = False) -> None:
        self._source, self._findings = source, findings
        self._arrays, self._storages = arrays, storages
        self._keep = source.budget.keep
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._bottom = 0  # of what operations may take from the stack: they do not reach below the last mark
        self._memo: dict[int, Any] = {}
        self._protocol = 0

    def run(self) -> Any:
        """Return a stand-in for the object that loading returns.

        Raises:
            Broken: Loading fails, too; what it would have done until then is in the findings.
            Unfollowed: The rest cannot be read.
        """
        steps = {code: functools.partial(getattr(self, name), *rest) for code, (name, *rest) in _STEPS.items()}
        while True:
            code = self._source.operation()
            if code == _STOP:
                return self._pop()
            step = steps.get(code)
            if step is None:
                raise self._unknown(code)
            step()

    def _unknown(self, code: int) -> Exception:
        name = _UNMODELLED.get(code)
        if name is None:
            return Broken(f"it has no operation {bytes([code])!r}")
        self._findings.doubt(f"opcode {name}", "no model has it, and what follows is not read")
        return Unfollowed(name)

    # The stack

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if len(self._stack) <= self._bottom:
            raise Broken("an operation lacks a value")
        return self._stack.pop()

    def _top(self) -> Any:
        if len(self._stack) <= self._bottom:
            raise Broken("an operation lacks a value")
        return self._stack[-1]

    def _mark(self) -> None:
        self._keep(_REFERENCE_BYTES * 2)
        self._marks.append(len(self._stack))
        self._bottom = len(self._stack)

    def _to_mark(self) -> list[Any]:
        """Take the values after the last mark, and the mark."""
        if not self._marks:
            raise Broken("an operation lacks a mark")
        start = self._marks.pop()
        self._bottom = self._marks[-1] if self._marks else 0
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _drop(self) -> None:
        if len(self._stack) > self._bottom:
            self._stack.pop()
        else:
            self._to_mark()

    def _duplicate(self) -> None:
        self._push(self._top())

    # Plain values

    def _proto(self) -> None:
        self._protocol = self._source.number(1)
        if self._protocol > pickle.HIGHEST_PROTOCOL:
            raise Broken(f"its protocol {self._protocol} is unknown")

    def _frame(self) -> None:
        self._source.begin_frame(self._source.number(8))

    def _int(self) -> None:
        text = self._source.line()
        self._push(text == b"01" if text in (b"00", b"01") else _whole(text))

    def _long_text(self) -> None:
        self._push(_whole(self._source.line().removesuffix(b"L")))

    def _long(self, width: int) -> None:
        length = self._source.number(width)
        if length >= 2**31:
            raise Broken("a number has a negative length")
        if length > LONG_BYTES:
            self._source.skip(length)
            self._push(Long(int))
        else:
            self._push(int.from_bytes(self._source.take(length), "little", signed=True))

    def _float_text(self) -> None:
        self._push(float(self._source.line()))

    def _float(self) -> None:
        self._push(struct.unpack(">d", self._source.take(8))[0])

    def _signed(self) -> None:
        self._push(int.from_bytes(self._source.take(4), "little", signed=True))

    def _unsigned(self, width: int) -> None:
        self._push(self._source.number(width))

    def _quoted(self) -> None:
        text = self._source.line()
        if len(text) > LONG_BYTES:
            self._push(Long(str))
            return
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
            raise Broken("a text has no quotes")
        self._push_text(codecs.escape_decode(text[1:-1])[0].decode("ascii"))

    def _escaped(self) -> None:
        text = self._source.line()
        if len(text) > LONG_BYTES:
            self._push(Long(str))
        else:
            self._push_text(str(text, "raw-unicode-escape"))

    def _push_text(self, text: str) -> None:
        self._keep(_ENTRY_BYTES + len(text))
        self._push(text if len(text) <= LONG_BYTES else Long(str))

    def _string(self, width: int, encoding: str) -> None:
        if (content := self._read(width)) is None:
            self._push(Long(str))
        else:
            self._push_text(str(content, encoding, "surrogatepass" if encoding == "utf-8" else "strict"))

    def _bytes(self, width: int) -> None:
        content = self._read(width)
        self._push(Long(bytes) if content is None else content)

    def _read(self, width: int) -> bytes | None:
        """Return a string of bytes; None if it is long."""
        length = self._source.number(width)
        is_long = length > LONG_BYTES
        if not is_long:
            self._keep(_REFERENCE_BYTES * 3 + length)
        content = self._source.skip(length) if is_long else self._source.take(length)
        # A tensor in another library's pickle is a file of PyTorch in a string.
        if _FROM_BYTES in self._findings.names:
            self._findings.devices.update(device.decode() for device in _CUDA.findall(content))
        return None if is_long else content

    # Containers

    def _tuple(self) -> None:
        items = tuple(self._to_mark())
        self._keep(_OBJECT_BYTES + 8 * len(items))
        self._push(items)

    def _tuple_of(self, count: int) -> None:
        if len(self._stack) - self._bottom < count:
            raise Broken("an operation lacks a value")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        self._keep(_OBJECT_BYTES)
        self._push(items)

    def _table(self) -> None:
        self._keep(_OBJECT_BYTES)
        self._push(Table())

    def _filled(self, kind: type, count: int = 0) -> None:
        self._keep(_OBJECT_BYTES)
        self._push(Filled(kind, count))

    def _filled_of_mark(self, kind: type) -> None:
        self._filled(kind, len(self._to_mark()))

    def _table_of_mark(self) -> None:
        items = self._to_mark()
        self._table()
        self._set_items(items)

    def _append(self) -> None:
        self._pop()
        self._add(1)

    def _extend(self) -> None:
        self._add(len(self._to_mark()))

    def _add(self, count: int) -> None:
        target = self._top()
        self._check(target, pickle_calls.against_items(target, keyed=False))
        if isinstance(target, Filled):
            target.count += count

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _set_some(self) -> None:
        self._set_items(self._to_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self._top()
        if len(items) % 2:
            raise Broken("a dictionary has a key without a value")
        self._check(target, pickle_calls.against_items(target, keyed=True))
        if isinstance(target, Table):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if target.put(key, value):
                    self._keep(_ENTRY_BYTES)

    def _check(self, subject: Any, against: str) -> bool:
        """Tell what speaks against an operation; return whether that, or something told before, is so."""
        if is_suspect(subject):
            return True
        if against:
            self._findings.doubt(subject_of(subject), against)
        return bool(against)

    # The memo

    def _put_text(self) -> None:
        self._put(_whole(self._source.line()))

    def _put_number(self, width: int) -> None:
        self._put(self._source.number(width))

    def _memoize(self) -> None:
        self._put(len(self._memo))

    def _put(self, place: Any) -> None:
        if type(place) is not int or place < 0:
            raise Broken("a place in the memo is no number")
        self._keep(_ENTRY_BYTES)
        self._memo[place] = self._top()

    def _get_text(self) -> None:
        self._get(_whole(self._source.line()))

    def _get_number(self, width: int) -> None:
        self._get(self._source.number(width))

    def _get(self, place: Any) -> None:
        if type(place) is not int or place not in self._memo:
            raise Broken("it asks the memo for what is not there")
        self._push(self._memo[place])

    # Imports, calls and objects

    def _name(self, module: str, name: str) -> Name:
        if self._protocol < 3:  # names of Python 2
            module, name = _compat_pickle.NAME_MAPPING.get(
                (module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name)
            )
        path = f"{module}.{name}"
        if len(path) > LONG_BYTES or not _NAME.fullmatch(
            path
        ):  # text that begins as a pickle of the first protocols may
            raise Broken(f"it imports {path[:80]!r}")
        names = self._findings.names
        if path not in names:
            if len(names) == IMPORTS_LIMIT:
                raise GivenUp("it imports more than a model does")
            self._keep(_OBJECT_BYTES + len(path))
            names[path] = Name(path, pickle_calls.is_known(path))
        return names[path]

    def _global(self) -> None:
        self._push(self._named_in_lines())

    def _named_in_lines(self) -> Name:
        module = str(self._source.line(), "utf-8")
        return self._name(module, str(self._source.line(), "utf-8"))

    def _global_of_stack(self) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(name, str) and isinstance(module, str):
            self._push(self._name(module, name))
            return
        if isinstance(name, Long) or isinstance(module, Long) or is_suspect(name) or is_suspect(module):
            self._findings.doubt("opcode STACK_GLOBAL", "the name that it imports is not known")
            raise Unfollowed("STACK_GLOBAL")
        raise Broken("it imports something whose name is no text")

    def _call(self, function: Any, arguments: Any) -> None:
        if not isinstance(arguments, tuple):
            self._findings.acts = True
            self._findings.doubt(subject_of(function), "it is called with arguments that are no tuple")
            self._push(Made(is_suspect=True))
            return
        against = pickle_calls.against_call(function, arguments)
        made = function.path if isinstance(function, Name) else ""
        if made in pickle_calls.RECONSTRUCTORS and arguments:
            made = subject_of(arguments[0]) if isinstance(arguments[0], Name) else ""
        self._made(function, made, arguments, against)

    def _made(self, kind: Any, path: str, arguments: tuple[Any, ...], against: str) -> None:
        self._findings.acts = True
        self._keep(_OBJECT_BYTES)
        is_told = self._check(kind, against) or any(is_suspect(item) for item in arguments[:3])
        self._push(Made(path=path, arguments=arguments, is_suspect=is_told))

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        self._call(function, arguments)

    def _instance(self) -> None:
        arguments = tuple(self._to_mark())
        self._call(self._named_in_lines(), arguments)

    def _object(self) -> None:
        items = self._to_mark()
        if not items:
            raise Broken("an operation lacks a value")
        self._call(items[0], tuple(items[1:]))

    def _new(self, has_keywords: bool = False) -> None:
        keywords = self._pop() if has_keywords else None
        arguments, kind = self._pop(), self._pop()
        against = ""
        if not isinstance(arguments, tuple) or not (
            keywords is None or (isinstance(keywords, Table) and keywords.is_whole and not keywords.entries)
        ):
            against, arguments = "models have no object of it that is made so", ()
        against = against or pickle_calls.against_object(kind, arguments)
        self._made(kind, kind.path if isinstance(kind, Name) else "", arguments, against)

    def _build(self) -> None:
        self._findings.acts = True
        state, target = self._pop(), self._top()
        if isinstance(target, Made) and not target.is_built:
            if target.path == ARRAY_WRAPPER:
                self._fill_array(target, state)
                return
            if target.path == numpy_types.TYPE:
                self._fill_type(target, state)
                return
        told = self._check(target, pickle_calls.against_state(target, state))
        if isinstance(target, Made):
            target.state, target.is_built = state, True
            target.is_suspect = target.is_suspect or told

    def _fill_type(self, dtype: Made, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 4 and isinstance(state[4], Table):
            self._keep(_REFERENCE_BYTES * len(state[4].entries))
        dtype.state, dtype.is_built = state, True
        try:
            dtype.item = numpy_types.built_item(dtype, state)
        except Unsafe as error:
            dtype.is_suspect = self._check(dtype, str(error))

    def _fill_array(self, wrapper: Made, state: Any) -> None:
        """Read past the bytes of an array, which joblib has behind the object that describes it."""
        wrapper.state, wrapper.is_built = state, True
        try:
            self._read_array(state)
        except Unsafe as error:
            entries = state.entries.values() if isinstance(state, Table) else ()
            if not any(map(is_suspect, entries)):
                self._check(wrapper, str(error))
            raise Unfollowed(str(error)) from error

    def _read_array(self, state: Any) -> None:
        if not self._arrays:
            raise Unsafe("it is in a part that joblib does not load")
        if not (isinstance(state, Table) and state.is_whole and set(state.entries) - {_ALIGNMENT} == _WRAPPER_STATE):
            raise Unsafe("its state is not what joblib writes")
        array = state.entries
        subclass, alignment = array["subclass"], array.get(_ALIGNMENT)
        if not (isinstance(subclass, Name) and subclass.path in _SUBCLASSES and array["order"] in ("C", "F")):
            raise Unsafe("its state is not what joblib writes")
        if alignment is not None and type(alignment) is not int:
            raise Unsafe("its state is not what joblib writes")
        kind, size = numpy_types.item_of(array["dtype"])
        count = numpy_types.count_of(array["shape"])
        if self._source.position < self._source.frame_end < math.inf:
            raise Unsafe("its bytes are not where joblib writes them")
        self._source.frame_end = math.inf
        if kind == numpy_types.OBJECT:
            Machine(self._source, self._findings, arrays=False).run()
            self._source.frame_end = math.inf
            return
        # joblib aligns an array's bytes: one byte gives the number of padding bytes after it.
        # https://github.com/joblib/joblib/blob/main/joblib/numpy_pickle.py
        if alignment is not None:
            self._source.skip(self._source.take(1)[0])
        self._source.skip(count * size)

    def _persistent_text(self) -> None:
        self._persistent(str(self._source.line(), "ascii"))

    def _persistent_of_stack(self) -> None:
        self._persistent(self._pop())

    def _persistent(self, identifier: Any) -> None:
        if not self._storages:
            self._findings.doubt("persistent identifier", "only PyTorch's files have objects that are kept elsewhere")
        # PyTorch's are ("storage", class, key, device, size).
        elif isinstance(identifier, tuple) and len(identifier) > 3:
            device = identifier[3]
            if isinstance(device, str) and device.startswith("cuda"):
                self._findings.devices.add(device)
        self._keep(_OBJECT_BYTES)
        self._push(Made(is_suspect=not self._storages))


def _whole(text: bytes) -> int | Long:
    return int(text, 0) if len(text) <= LONG_BYTES else Long(int)


_STOP = pickle.STOP[0]
_OPERATIONS: dict[str, tuple[Any, ...]] = {
    "PROTO": ("_proto",),
    "FRAME": ("_frame",),
    "MARK": ("_mark",),
    "POP": ("_drop",),
    "POP_MARK": ("_to_mark",),
    "DUP": ("_duplicate",),
    "NONE": ("_push", None),
    "NEWTRUE": ("_push", True),
    "NEWFALSE": ("_push", False),
    "INT": ("_int",),
    "LONG": ("_long_text",),
    "LONG1": ("_long", 1),
    "LONG4": ("_long", 4),
    "BININT": ("_signed",),
    "BININT1": ("_unsigned", 1),
    "BININT2": ("_unsigned", 2),
    "FLOAT": ("_float_text",),
    "BINFLOAT": ("_float",),
    "STRING": ("_quoted",),
    "BINSTRING": ("_string", 4, "ascii"),
    "SHORT_BINSTRING": ("_string", 1, "ascii"),
    "UNICODE": ("_escaped",),
    "SHORT_BINUNICODE": ("_string", 1, "utf-8"),
    "BINUNICODE": ("_string", 4, "utf-8"),
    "BINUNICODE8": ("_string", 8, "utf-8"),
    "SHORT_BINBYTES": ("_bytes", 1),
    "BINBYTES": ("_bytes", 4),
    "BINBYTES8": ("_bytes", 8),
    "BYTEARRAY8": ("_bytes", 8),
    "EMPTY_TUPLE": ("_push", ()),
    "TUPLE": ("_tuple",),
    "TUPLE1": ("_tuple_of", 1),
    "TUPLE2": ("_tuple_of", 2),
    "TUPLE3": ("_tuple_of", 3),
    "EMPTY_LIST": ("_filled", list),
    "LIST": ("_filled_of_mark", list),
    "APPEND": ("_append",),
    "APPENDS": ("_extend",),
    "ADDITEMS": ("_extend",),
    "EMPTY_DICT": ("_table",),
    "DICT": ("_table_of_mark",),
    "SETITEM": ("_set_item",),
    "SETITEMS": ("_set_some",),
    "EMPTY_SET": ("_filled", set),
    "FROZENSET": ("_filled_of_mark", frozenset),
    "PUT": ("_put_text",),
    "BINPUT": ("_put_number", 1),
    "LONG_BINPUT": ("_put_number", 4),
    "MEMOIZE": ("_memoize",),
    "GET": ("_get_text",),
    "BINGET": ("_get_number", 1),
    "LONG_BINGET": ("_get_number", 4),
    "GLOBAL": ("_global",),
    "STACK_GLOBAL": ("_global_of_stack",),
    "REDUCE": ("_reduce",),
    "INST": ("_instance",),
    "OBJ": ("_object",),
    "NEWOBJ": ("_new",),
    "NEWOBJ_EX": ("_new", True),
    "BUILD": ("_build",),
    "PERSID": ("_persistent_text",),
    "BINPERSID": ("_persistent_of_stack",),
}
_STEPS = {getattr(pickle, name)[0]: step for name, step in _OPERATIONS.items()}
# Extension codes stand for names that the loading program has registered; buffers come from outside of the file.
_UNMODELLED = {getattr(pickle, name)[0]: name for name in ("EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER")}
