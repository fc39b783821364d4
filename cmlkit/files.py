"""Files written whole or not at all, so that a full disk loses no old file."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, creating its folder if needed. If that fails, raise OSError and leave the old file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp makes files readable by their owner only; these are for everybody who may read the folder.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # nobody knows the temporary one
        raise


def append_whole(path: Path, text: str) -> None:
    """Append to a file. If that fails, raise OSError and leave the file as it was, without half of the text.

    Halves of characters, as in names of files that are no UTF-8, are written as escapes.
    """
    with path.open("ab", buffering=0) as file:
        size, left = file.tell(), memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            with suppress(OSError):  # a device has no size
                file.truncate(size)
            raise
