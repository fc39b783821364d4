"""Files that others wrote, read within bounds: regular ones only, and no more of them than they may have."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from cmlkit.errors import SettingsError
from cmlkit.formats import size

_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
# Of `cmlkit.yaml`, `params.yaml`, a workflow, a record. PyYAML reads some 400 KB a second.
SETTINGS_BYTES = 1024**2
# Of `dvc.yaml`, `dvc.lock` (200,000 files), `.gitattributes`.
PROJECT_FILE_BYTES = 16 * 1024**2
# Of a manifest or a record of a training, in which a model that is a folder has 150 bytes for each file.
RECORD_BYTES = 64 * 1024**2


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file, or one that a link leads to, for reading. Nothing else is waited for or read.

    Raises:
        OSError: It cannot be opened, or is a named pipe, which may never have a writer, or a device, which may never
            end; `strerror` says which.
    """
    # Without O_NONBLOCK, opening a pipe waits for its writer.
    descriptor = os.open(path, _OPEN)
    try:
        check_regular(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    """Raise OSError unless the status is that of a regular file."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        kind = "a named pipe" if stat.S_ISFIFO(status.st_mode) else "a device"
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", os.fspath(path))


def read_regular(path: str | os.PathLike[str], limit: int | None = None) -> bytes:
    """Return the bytes of a regular file.

    Args:
        limit: The most bytes that it may have; None for a model, which may have any size.

    Raises:
        OSError: As from `open_regular`, or it is larger; `strerror` has both sizes.
    """
    with open_regular(path) as file:
        # A file of /proc has no size, and another may grow meanwhile.
        there = os.fstat(file.fileno()).st_size
        content = b"" if limit is not None and there > limit else file.read(-1 if limit is None else limit + 1)
    if limit is not None and max(there, len(content)) > limit:
        most = f"more than the {size(limit)} that are read of such a file"
        raise OSError(errno.EFBIG, f"it has {size(max(there, len(content)))}, {most}", os.fspath(path))
    return content


def read_text(path: str | os.PathLike[str], limit: int, encoding: str = "utf-8") -> str:
    """Return the text of a regular file, with line ends as `Path.read_text` gives them.

    Raises:
        OSError: As from `read_regular`.
        UnicodeDecodeError: It is not text in this encoding.
    """
    return read_regular(path, limit).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def read_project_file(path: Path, limit: int = PROJECT_FILE_BYTES) -> bytes | None:
    """Return a file of the project, such as `dvc.lock`; None if there is no regular file at the path.

    Raises:
        SettingsError: It cannot be read, or is larger than the limit.
    """
    if not path.is_file():
        return None
    try:
        return read_regular(path, limit)
    except OSError as error:
        raise SettingsError(f"The file {path} cannot be read: {error.strerror}.") from error


def read_small(path: Path, limit: int) -> bytes | None:
    """Return the bytes of a file that is small if it is what the caller looks for; None for any other."""
    try:
        return read_regular(path, limit)
    except OSError:
        return None
