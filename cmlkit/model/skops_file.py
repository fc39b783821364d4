"""The skops format: a model without a pickle, which loads only trusted types.

The contents of such a file are read from its schema, so neither skops nor any of the types need to be installed.
https://skops.readthedocs.io/en/stable/persistence.html
"""

from __future__ import annotations

import importlib.util
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cmlkit.errors import MissingExtra, ModelError
from cmlkit.model.pickle_contents import Contents

SUFFIX = ".skops"
SCHEMA = "schema.json"
SCHEMA_LIMIT_BYTES = 256 * 1024**2
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,  # an archive with a password; too deep a schema
    MemoryError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
# Types that occur in every file, and that load nothing.
_PLAIN = {f"builtins.{name}" for name in ("str", "int", "float", "bool", "dict", "list", "tuple", "set", "bytes")}


def is_skops(path: Path | str) -> bool:
    """Return whether the file's name has the suffix of this format."""
    return Path(path).suffix.lower() == SUFFIX


def read_contents(path: Path) -> Contents:
    """Read what loading the file would bring in from its schema; import nothing.

    Raises:
        ModelError: The file is missing, or not a skops file.
    """
    try:
        schema = _schema(path)
        return Contents(
            class_path=_type(schema),
            imports=tuple(sorted(set(_types(schema)) - _PLAIN)),
            parameters={name: value for name, value in _attributes(schema) if name[0] != "_" and name[-1] != "_"},
            sklearn_version=str(dict(_attributes(schema)).get("_sklearn_version", "")),
        )
    except FileNotFoundError:
        raise ModelError(f"The model file {path} does not exist.", next_step="Train first, or name the file.") from None
    except _DAMAGE as error:
        raise ModelError(
            f"{path} is not a complete skops file: {type(error).__name__}: {error}.",
            next_step="Write it again with skops.io.dump.",
        ) from error


def dumps(estimator: Any) -> bytes:
    """Return the model in this format.

    Raises:
        SettingsError: skops is not installed.
    """
    content: bytes = _skops().dumps(estimator)
    return content


def loads(content: bytes, *, trusted: Sequence[str], source: str) -> Any:
    """Load the model if skops or the caller trusts all of its types.

    Args:
        trusted: Import paths of further types, besides those that skops trusts by default.
        source: The file, for messages.

    Raises:
        ModelError: It has types that are not trusted; the message names them all.
        SettingsError: skops is not installed.
    """
    unknown = [name for name in untrusted_types(content) if name not in trusted]
    if unknown:
        raise ModelError(
            f"{source} has types that are not trusted: {', '.join(unknown)}. It was not loaded.",
            next_step=f"If you trust them: load_model({source!r}, trusted={sorted({*trusted, *unknown})!r}).",
        )
    return _skops().loads(content, trusted=list(trusted))


def untrusted_types(content: bytes) -> tuple[str, ...]:
    """Return the import paths of the types that skops does not trust by default; import none of them.

    Raises:
        ModelError: skops does not understand the file.
        SettingsError: skops is not installed.
    """
    skops = _skops()
    try:
        return tuple(skops.get_untrusted_types(data=content))
    except Exception as error:
        raise ModelError(
            f"skops does not understand this file: {type(error).__name__}: {error}.",
            next_step="Write it again with skops.io.dump.",
        ) from error


def is_installed() -> bool:
    """Return whether skops is installed."""
    return importlib.util.find_spec("skops") is not None


def check_installed() -> None:
    """Check that skops is installed.

    Raises:
        MissingExtra: skops is not installed.
    """
    _skops()


def _skops() -> Any:
    try:
        import skops.io
    except ModuleNotFoundError as error:
        raise MissingExtra("Models in the format skops need skops.", extra="skops") from error
    return skops.io


def _schema(path: Path) -> Mapping[str, Any]:
    with zipfile.ZipFile(path) as archive, archive.open(SCHEMA) as file:
        text = file.read(SCHEMA_LIMIT_BYTES + 1)
    if len(text) > SCHEMA_LIMIT_BYTES:
        raise ValueError("it holds more than a model does")
    schema = json.loads(text)
    if not isinstance(schema, dict):
        raise TypeError("its schema is not an object")
    return schema


def _type(node: Mapping[str, Any]) -> str:
    return f"{node['__module__']}.{node['__class__']}"


def _types(schema: Any) -> Iterator[str]:
    """Yield every type that the schema names, including those of functions and of types."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__class__" in node and "__module__" in node:
                yield _type(node)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _attributes(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the object's attributes that are plain values, such as an estimator's parameters."""
    state = schema.get("content")
    state = state.get("content") if isinstance(state, dict) else None
    for name, node in state.items() if isinstance(state, dict) else ():
        if name and isinstance(node, dict) and node.get("is_json"):
            value = json.loads(node["content"])
            if value is None or isinstance(value, str | int | float | bool):
                yield name, value
