"""The description of a model: its format, the library that wrote it, and what loading it imports and needs."""

from __future__ import annotations

import glob
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cmlkit.errors import ModelError
from cmlkit.model import skops_file
from cmlkit.model.environment import LIBRARIES
from cmlkit.model.file_format import Recognized, recognize
from cmlkit.model.folder import parts_of, recognize_folder
from cmlkit.model.pickle_contents import Contents, read_as_far_as_possible, read_contents, together
from cmlkit.records.json_text import read_json
from cmlkit.records.model_format import FOLDER, FORMATS, OTHER, ULTRALYTICS

PICKLED = ("joblib", "pickle")
LAMBDA = "keras.layers.Lambda"
_ARRAY_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_CONFIG_LIMIT_BYTES = 64 * 1024**2
# Import name of a class's first module -> distribution, if they differ.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "sentence_transformers": "sentence-transformers",
    "sklearnex": "scikit-learn-intelex",
}
# Libraries whose objects are parts of other libraries' models.
_INGREDIENTS = ("numpy", "scipy", "joblib", "pandas")
_INTELEX = ("sklearnex", "daal4py", "onedal")
# Of files that people and tokenizers write as text, beside a model.
TEXT_SUFFIXES = (".txt", ".md", ".rst", ".csv", ".tsv", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".vocab", ".merges")
UNREAD = "Not all of the imports that loading it would make are known:"
_NOT_LIBRARIES = ("", "__main__", "builtins", "collections", "torch._utils")


@dataclass(frozen=True, kw_only=True)
class Description:
    """A model's format and contents.

    Attributes:
        format: Its name in `cmlkit.records.model_format.FORMATS`.
        library: Distribution that wrote it; `version` is its version, if the model itself says so.
        notes: Sentences about what loading needs besides the library.
        error: Why its contents could not be read; None if they were.
    """

    format: str
    library: str = ""
    version: str = ""
    contents: Contents = Contents()  # noqa: RUF009 - frozen
    notes: tuple[str, ...] = ()
    error: ModelError | None = None


def describe(path: Path) -> Description:
    """Describe a model without loading it. A file that cannot be read in its format has empty contents."""
    found = recognize_folder(path) if path.is_dir() else recognize(path)
    unread, failure = "", None
    try:
        contents = contents_of(path, found)
    except ModelError as error:
        contents, failure = Contents(), error
        if found.name in PICKLED and not path.is_dir():
            found = _unreadable(path, found)
        # By its name alone: the path is one of this machine.
        unread = (
            error.message.replace(str(path), path.name)
            if path.is_dir() or found.name in (*PICKLED, "torch", "torchscript")
            else ""
        )
    found = _told_by_contents(found, path, contents)
    return Description(
        format=found.name,
        library=found.library or FORMATS[found.name].library or _library(contents),
        version=found.version,
        contents=contents,
        notes=(
            *_notes(found.name, contents),
            *_elsewhere(path, found),
            *([f"{UNREAD} {unread}"] if unread else []),
        ),
        error=failure,
    )


def contents_of(path: Path, found: Recognized | None = None) -> Contents:
    """Return what loading the model would import.

    Raises:
        ModelError: The file is missing, damaged, or in no known format.
    """
    if path.is_dir():
        inside = [contents for part in parts_of(path) if (contents := _part(path / part.path)) is not None]
        return replace(together(inside), class_path="", parameters={}) if inside else Contents()
    try:
        found = found or recognize(path)
    except OSError:
        return read_contents(path)  # says what is wrong
    if skops_file.is_skops(path) or found.name == "skops":
        return skops_file.read_contents(path)
    if found.name == "keras":
        return _keras(path)
    if found.name in (*PICKLED, "torch", "torchscript", OTHER):
        contents = read_contents(path)
        # A plain state_dict is no class to speak of.
        return replace(contents, class_path="") if contents.class_path == "collections.OrderedDict" else contents
    return Contents()


def _part(path: Path) -> Contents | None:
    """Return what loading a file in a folder would import; None if it is no pickle."""
    found = recognize(path)
    if found.name not in (*PICKLED, OTHER):
        return contents_of(path, found)
    reading = read_as_far_as_possible(path)
    if reading.failure and found.name in PICKLED and path.suffix.startswith((".pkl", ".pickle", ".joblib")):
        return read_contents(path)  # says what is wrong
    if reading.only_imports and path.suffix in TEXT_SUFFIXES:
        return None  # words on lines of their own, of which the first begins with a c
    # Text and numbers may begin as a pickle; one that imports something is a pickle, whatever its name is.
    return reading.contents if reading.contents.imports or reading.contents.doubts else None


def _keras(path: Path) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            config = read_json(file.read(_CONFIG_LIMIT_BYTES))
        name = f"{config.get('module') or 'keras'}.{config['class_name']}"
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path} is not a complete Keras file: {type(error).__name__}: {error}.",
            next_step="Write it again with model.save.",
        ) from error
    code = (LAMBDA,) if _has_code(config) else ()
    return Contents(class_path=name, imports=code, unknown=code)


def _has_code(config: Any) -> bool:
    """Return whether a Keras configuration has a layer with Python code in it."""
    waiting = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("class_name") in ("Lambda", "__lambda__"):
                return True
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return False


def _unreadable(path: Path, found: Recognized) -> Recognized:
    """Return the format of a file that begins as a pickle, but cannot be read as one."""
    with path.open("rb") as file:
        head = file.read(_LZ4_HEAD_BYTES)
    # Damaged, a pickle of protocol 2 or later is one all the same.
    return found if _PICKLED.match(head) or _PICKLED.match(_lz4_beginning(head)) else Recognized(name=OTHER)


_PICKLED = re.compile(rb"\x80[\x02-\x05]")
_LZ4_HEAD_BYTES = 32


def _lz4_beginning(head: bytes) -> bytes:
    """Return the first two bytes in an LZ4 frame, which has them as they are; empty for other files.

    https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md
    """
    if not head.startswith(b"\x04\x22\x4d\x18"):
        return b""
    head = head.ljust(_LZ4_HEAD_BYTES, b"\0")
    flags = head[4]
    block = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)  # size of the content, a dictionary's name
    is_compressed = not head[block + 3] & 0x80
    place = block + 4
    if is_compressed:
        place += 2 if head[place] >> 4 == 15 else 1  # of the literals' number, up to 269 of them
    return head[place : place + 2]


def _told_by_contents(found: Recognized, path: Path, contents: Contents) -> Recognized:
    if found.name == "torch" and any(item.startswith("ultralytics.") for item in contents.imports):
        return replace(found, name=ULTRALYTICS, library="")
    if found.name != "pickle":
        return found
    # Without an array, joblib writes a plain pickle: only the name tells what the project loads it with.
    is_joblib = _ARRAY_WRAPPER in contents.imports or path.suffix == ".joblib"
    return replace(found, name="joblib") if is_joblib else found


def _library(contents: Contents) -> str:
    """Return the distribution of the object's class; of a plain value, such as a dictionary, that of a class in it."""
    if contents.class_path:
        first = contents.class_path.partition(".")[0]
        return "" if first in _NOT_LIBRARIES else _DISTRIBUTIONS.get(first, first)
    inside = {_DISTRIBUTIONS.get(first, first) for first in (path.partition(".")[0] for path in contents.imports)}
    return next((name for name in LIBRARIES if name in inside and name not in _INGREDIENTS), "")


def _notes(name: str, contents: Contents) -> tuple[str, ...]:
    notes = []
    own = [path.partition(".")[2] for path in contents.imports if path.startswith("__main__.")]
    if own and name != FOLDER:
        notes.append(
            f"It needs {_listed(own)} from the script that trained it (__main__): no other program can load it."
            " Move that to a module that the training and those who load the model import."
        )
    if contents.devices and name in PICKLED:
        notes.append(
            f"It has tensors on {_listed(contents.devices)}: it loads only on a machine with such a graphics processor."
            ' Call model.to("cpu") before saving it.'
        )
    if any(path.partition(".")[0] in _INTELEX for path in contents.imports):
        notes.append("Loading it needs scikit-learn-intelex, whose classes it has: pip install scikit-learn-intelex.")
    if name == "torch" and (more := _more_than_weights(contents)):
        notes.append(
            f"It has more than weights ({_listed(more)}), whose loading runs code: with weights only it does not load."
            " Save model.state_dict() instead."
        )
    return tuple(notes)


def _more_than_weights(contents: Contents) -> list[str]:
    """Return the imports that PyTorch refuses when it loads weights only."""
    more = [path for path in contents.imports if not _WEIGHTS.fullmatch(path)]
    return [contents.class_path] if contents.class_path else more


# https://github.com/pytorch/pytorch/blob/main/torch/_weights_only_unpickler.py
_WEIGHTS = re.compile(
    r"torch\.(storage\.)?\w*Storage|torch\._utils\._rebuild_\w+|torch\._tensor\._rebuild_\w+|torch\.(b?float|u?int|complex)\w*"
    r"|torch\.q?u?int\w+|torch\.(bool|half|double|Size|Tensor|device|per_\w+|serialization\._get_layout)"
    r"|torch\.nn\.parameter\.\w*Parameter|torch\.nn\.parameter\.\w*Buffer"
    r"|collections\.(OrderedDict|Counter)|_codecs\.encode|builtins\.(bytearray|set|complex)"
)


def _elsewhere(path: Path, found: Recognized) -> tuple[str, ...]:
    """Return a note if parts of a model lie beside its file, as gensim, joblib before 0.10 and ONNX write them."""
    beside = list(found.beside)
    if found.name in PICKLED and path.is_file():
        name = glob.escape(path.name)
        beside = sorted({each.name for form in (f"{name}.*.npy", f"{name}_??.npy*") for each in path.parent.glob(form)})
    if not beside:
        return ()
    note = (
        f"Parts of it are in {_listed(beside)} beside it, which are not published with it, and without which it does"
        " not load. Save all of them in a folder of their own and name that as train.model, or save one file."
    )
    return (note,)


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
