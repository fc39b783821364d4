"""Fingerprints of training data: hash, size, rows, columns and profiles."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cmlkit.data.data_file import DataFile, read_files
from cmlkit.data.table import profiles_of, tables
from cmlkit.errors import SettingsError
from cmlkit.records.training_run import DataFingerprint


def fingerprints(
    paths: Iterable[str], directory: Path, *, missing: Callable[[str], None]
) -> tuple[DataFingerprint, ...]:
    """Return a fingerprint of each file or folder that exists.

    Args:
        missing: Called with each path that does not exist.

    Raises:
        SettingsError: A file cannot be read.
    """
    found = []
    for path in paths:
        target = directory / path
        if not target.exists():
            missing(path)
        else:
            found.append(_folder(path, target) if target.is_dir() else _file(path, target))
    return tuple(found)


def _folder(path: str, folder: Path) -> DataFingerprint:
    # As paths are ordered: by the names of their folders, one after the other.
    inside = read_files(sorted(_files_in(str(folder)), key=lambda place: place[0].split("/")))
    digest = hashlib.sha256()
    for item in inside:
        digest.update(f"{item.path}\0{item.sha256}\n".encode("utf-8", "surrogateescape"))
    rows = [item.rows for item in inside if item.rows is not None]
    columns = {item.columns for item in inside}
    return DataFingerprint(
        path=path,
        sha256=digest.hexdigest(),
        size=sum(item.size for item in inside),
        rows=sum(rows) if rows else None,
        columns=columns.pop() if len(columns) == 1 else None,
        profiles=_checked(path, lambda: profiles_of(inside)),
    )


def _files_in(folder: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and place of every file; links to files are followed, links to folders are not."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files_in(entry.path, f"{prefix}{entry.name}/")
                elif entry.is_file():
                    yield f"{prefix}{entry.name}", entry.path
    except OSError as error:
        raise SettingsError(f"The data folder {folder} cannot be read: {error.strerror}.") from error


def _file(path: str, file: Path) -> DataFingerprint:
    [found] = read_files([(path, str(file))])
    return DataFingerprint(
        path=path,
        sha256=found.sha256,
        size=found.size,
        rows=found.rows,
        columns=found.columns,
        profiles=_checked(path, lambda: _profiles(found)),
    )


def _profiles(file: DataFile) -> dict[str, str]:
    return next((table.profiles() for table in tables([file])), {})


def _checked(path: str, profiled: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        return profiled()
    except OSError as error:
        raise SettingsError(f"The data file {path} cannot be read: {error.strerror}.") from error
