"""NumPy's types and arrays in pickles: only those whose bytes cannot be taken for pointers or for another pickle.

A type's pickled state sets its size, its fields and its flags without much checking, so each must be what NumPy itself
writes: an array of a type that lies about them reads or writes memory that is not its own.
https://github.com/numpy/numpy/blob/main/numpy/_core/src/multiarray/descriptor.c (arraydescr_setstate)
"""

from __future__ import annotations

import math
import re
from typing import Any

from cmlkit.model.pickle_values import Filled, Made, Name, Table, is_bytes

TYPE = "numpy.dtype"
OBJECT = "O"
# The class of a recarray's items: as raw bytes with fields, and only its state says how many. Reading a field of one
# runs NumPy's own code.
RECORD = "numpy.record"
_TYPE = re.compile(r"([biufcOSUVMm])(\d{1,10})")
_SIZES = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 12, 16),
    "c": (8, 16, 24, 32),
    "M": (8,),
    "m": (8,),
    "O": (4, 8),
}
# Items with references, that are pickled as lists, or that are pointers.
_OBJECT_FLAGS, _OBJECT_FLAGS_OF_NUMPY = 0b111, 63
_CHARACTER_BYTES = {"S": 1, "U": 4, "V": 1}
_FIELDS_LIMIT = 1000


class Unsafe(Exception):
    """A type or an array that NumPy does not write so; the message says how."""


def item_of(dtype: Any) -> tuple[str, int]:
    """Return kind and size in bytes of an item of this type.

    Raises:
        Unsafe: It is no type, or has no state of its own.
    """
    if not (isinstance(dtype, Made) and dtype.path == TYPE):
        raise Unsafe("a type that is none of NumPy's plain ones")
    if dtype.item is None:
        raise Unsafe("a type without its own state, so that the size of its items is not known")
    return dtype.item


def built_item(dtype: Made, state: Any) -> tuple[str, int]:
    """Return kind and size in bytes of an item of a type that gets its state.

    Raises:
        Unsafe: It has objects in fields, or its state is not what NumPy writes.
    """
    if not (
        isinstance(state, tuple) and len(state) in (8, 9) and state[0] in (3, 4) and state[1] in ("<", ">", "|", "=")
    ):
        raise Unsafe("a type with another state than NumPy writes")
    kind, size = _declared(dtype.arguments, length=state[5])
    subarray, names, fields, length, alignment, flags = state[2:8]
    if kind == OBJECT:
        if (subarray, names, fields, length, alignment, flags) != (None, None, None, -1, -1, _OBJECT_FLAGS_OF_NUMPY):
            raise Unsafe("a type of objects with another state than NumPy writes")
        return kind, size
    if type(flags) is not int or flags & _OBJECT_FLAGS or not -128 <= flags < 256:  # a signed byte before NumPy 2
        raise Unsafe("a type with flags of objects")
    if kind not in _CHARACTER_BYTES:
        if (subarray, names, fields, length, alignment) != (None, None, None, -1, -1):
            raise Unsafe("a plain type with another state than NumPy writes")
        return kind, size
    size *= _CHARACTER_BYTES[kind]
    if length != size or not (_is_count(alignment) and 1 <= alignment <= 64):
        raise Unsafe("a type whose state gives it another size")
    if subarray is not None:
        _check_subarray(subarray, size)
    _check_fields(names, fields, size)
    return kind, size


def _declared(arguments: tuple[Any, ...], *, length: Any) -> tuple[str, int]:
    """Return the kind of a type and the number in its name, such as 8 in `f8`; of records, the state's `length`."""
    if len(arguments) == 3 and isinstance(arguments[0], Name) and arguments[0].path == RECORD:
        if arguments[1:] != (False, True) or type(length) is not int or not 0 <= length < 2**31:
            raise Unsafe("a type that is none of NumPy's plain ones")
        return "V", length
    if len(arguments) != 3 or not isinstance(arguments[0], str) or not arguments[1:] == (False, True):
        raise Unsafe("a type that is none of NumPy's plain ones")
    match = _TYPE.fullmatch(arguments[0])
    if match is None or int(match[2]) not in _SIZES.get(match[1], (int(match[2]),)):
        raise Unsafe("a type that is none of NumPy's plain ones")
    return match[1], int(match[2])


def _check_subarray(subarray: Any, size: int) -> None:
    if not (isinstance(subarray, tuple) and len(subarray) == 2):
        raise Unsafe("a type with another state than NumPy writes")
    kind, item = item_of(subarray[0])
    shape = subarray[1] if isinstance(subarray[1], tuple) else (subarray[1],)
    if kind == OBJECT or count_of(shape) * item != size:
        raise Unsafe("a type with objects or another size inside")


def _check_fields(names: Any, fields: Any, size: int) -> None:
    if names is None and fields is None:
        return
    if not (isinstance(names, tuple) and isinstance(fields, Table) and fields.is_whole):
        raise Unsafe("a type with another state than NumPy writes")
    if len(names) > _FIELDS_LIMIT or not all(isinstance(name, str) and name in fields.entries for name in names):
        raise Unsafe("a type with other fields than it names")
    fields.is_sealed = True  # NumPy keeps this very dictionary
    for field in fields.entries.values():
        if not (isinstance(field, tuple) and len(field) in (2, 3) and _is_count(field[1])):
            raise Unsafe("a type with another state than NumPy writes")
        kind, item = item_of(field[0])
        if kind == OBJECT:
            raise Unsafe("a type with objects in its fields, whose items would be read as pointers or another pickle")
        if field[1] + item > size:
            raise Unsafe("a type with a field outside of its items")


def count_of(shape: Any) -> int:
    """Return the number of items of an array of this shape.

    Raises:
        Unsafe: It is no shape, or NumPy's own product of it would overflow.
    """
    if not (isinstance(shape, tuple) and len(shape) <= 64 and all(map(_is_count, shape))):
        raise Unsafe("an array without a shape")
    if (count := math.prod(shape)) >= 2**63 or math.prod(side or 1 for side in shape) >= 2**63:
        raise Unsafe("an array with more items than can be counted")
    return count


def check_state(state: Any) -> None:
    """Check the state from which NumPy fills an array: version, shape, type, order and items.

    Raises:
        Unsafe: It is none, or its type and items do not belong together.
    """
    if not (isinstance(state, tuple) and len(state) == 5 and state[0] == 1):
        raise Unsafe("an array with another state than NumPy writes")
    kind, _ = item_of(state[2])
    count, items = count_of(state[1]), state[4]
    if kind == OBJECT and not (isinstance(items, Filled) and items.kind is list and items.count == count):
        raise Unsafe("an array of objects that has another number of them")
    if kind != OBJECT and not is_bytes(items):
        raise Unsafe("an array whose items do not have its type")


def _is_count(value: Any) -> bool:
    return type(value) in (int, bool) and value >= 0
