"""Fingerprints of training data: hash, size, rows, columns and profiles."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from cmlkit.data.array_file import read_array_file
from cmlkit.data.drift import profile
from cmlkit.errors import SettingsError
from cmlkit.records.training_run import DataFingerprint

BLOCK_BYTES = 1024 * 1024
# Only the first columns of a table are profiled; in a file larger than 4 MiB, from that many random lines.
SAMPLED_LINES = 5_000
PROFILED_COLUMNS = 200
_TABLES = (".csv", ".tsv", ".txt")


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
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    inside = [_file(file.relative_to(folder).as_posix(), file) for file in files]
    digest = hashlib.sha256()
    for item in inside:
        digest.update(f"{item.path}\0{item.sha256}\n".encode())
    rows = [item.rows for item in inside if item.rows is not None]
    columns = {item.columns for item in inside}
    return DataFingerprint(
        path=path,
        sha256=digest.hexdigest(),
        size=sum(item.size for item in inside),
        rows=sum(rows) if rows else None,
        columns=columns.pop() if len(columns) == 1 else None,
        profiles=dict(islice(_profiles_inside(inside), PROFILED_COLUMNS)),
    )


def _profiles_inside(files: Iterable[DataFingerprint]) -> Iterator[tuple[str, str]]:
    for item in files:
        for column, line in item.profiles.items():
            yield f"{item.path}: {column}", line


def _file(path: str, file: Path) -> DataFingerprint:
    try:
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        rows, columns = _shape(file)
        return DataFingerprint(
            path=path,
            sha256=sha256,
            size=file.stat().st_size,
            rows=rows,
            columns=columns,
            profiles=_profiles(file),
        )
    except OSError as error:
        raise SettingsError(f"The data file {path} cannot be read: {error.strerror}.") from error


def _shape(file: Path) -> tuple[int | None, int | None]:
    """Return rows and columns of a table or a NumPy array; None for other formats."""
    if file.suffix.lower() in _TABLES:
        return _table_shape(file)
    if file.suffix.lower() == ".npy" and (array := read_array_file(file)):
        return array.rows, array.shape[1] if len(array.shape) == 2 else None
    return None, None


def _table_shape(file: Path) -> tuple[int, int | None]:
    lines, last = 0, b"\n"
    with file.open("rb") as content:
        first = content.readline()
        content.seek(0)
        while block := content.read(BLOCK_BYTES):
            lines += block.count(b"\n")
            last = block[-1:]
    lines += last != b"\n"
    cells = _cells(first.decode("utf-8", errors="replace"))
    return lines - _is_header(cells), len(cells) or None


def _cells(line: str) -> list[str]:
    for separator in (",", "\t", ";"):
        if separator in line:
            return line.strip().split(separator)
    return line.split()


def _is_header(cells: list[str]) -> bool:
    for cell in cells:
        try:
            float(cell)
        except ValueError:
            return True
    return False


def _profiles(file: Path) -> dict[str, str]:
    """Map each numeric column of a table or an array, by header name or else by number, to its profile."""
    if file.suffix.lower() == ".npy" and (array := read_array_file(file)):
        columns = enumerate(array.columns(at_most_rows=SAMPLED_LINES), start=1)
        found = {str(number): profile(values) for number, values in islice(columns, PROFILED_COLUMNS)}
        return {name: line for name, line in found.items() if line}
    return _table_profiles(file) if file.suffix.lower() in _TABLES else {}


def _table_profiles(file: Path) -> dict[str, str]:
    with file.open("rb") as content:
        first = _cells(content.readline().decode("utf-8", errors="replace"))
    has_header = _is_header(first)
    names = first if has_header else [str(number) for number in range(1, len(first) + 1)]
    rows = [_cells(line) for line in _sample(file, skip=has_header)]
    columns = zip(*(row for row in rows if len(row) == len(names)), strict=True)
    numeric = ((name, _numbers(cells)) for name, cells in zip(names[:PROFILED_COLUMNS], columns, strict=False))
    profiles = {name.strip(' "'): profile(values) for name, values in numeric}
    return {name: line for name, line in profiles.items() if line}


def _sample(file: Path, *, skip: bool) -> list[str]:
    """Return all lines of a file, or random ones if it is large; without the first line if `skip`."""
    size = file.stat().st_size
    with file.open("rb") as content:
        if size <= BLOCK_BYTES * 4:
            lines = content.read().splitlines()[skip:]
        else:
            source = random.Random(size)  # noqa: S311 - the same file gives the same profile
            lines = []
            for _ in range(SAMPLED_LINES):
                content.seek(source.randrange(size))
                content.readline()
                lines.append(content.readline())
    return [line.decode("utf-8", errors="replace") for line in lines if line.strip()]


def _numbers(cells: Sequence[str]) -> list[float]:
    """Return the column's finite numbers; empty if it contains anything but numbers and gaps."""
    numbers = []
    for cell in cells:
        if not cell.strip():
            continue
        try:
            value = float(cell)
        except ValueError:
            return []
        if math.isfinite(value):
            numbers.append(value)
    return numbers
