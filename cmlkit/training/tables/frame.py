"""Frames: tables that are more than plain numbers, read by pandas from text or Parquet, compressed or not."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import lzma
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from cmlkit.bounds.files import open_regular
from cmlkit.errors import MissingExtra, SettingsError
from cmlkit.training.tables.columns import unique_names
from cmlkit.training.tables.dialect import HEAD_BYTES, Dialect, cells_of, dialect_of

if TYPE_CHECKING:
    from pandas import DataFrame

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat")
PARQUET_SUFFIXES = (".parquet", ".pq", ".parq")
PACKED_SUFFIXES = (".gz", ".zip", ".bz2", ".xz")
_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
# How a compressed file begins -> how it is opened.
_UNPACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


def is_table(file: Path) -> bool:
    """Return whether a file is a table by its name."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    while suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
        if not suffixes:
            return True
    return bool(suffixes) and suffixes[-1] in (*TEXT_SUFFIXES, *PARQUET_SUFFIXES)


def read_frame(file: Path, *, decimal: str = "", header: bool = True) -> DataFrame:
    """Read one table, told by its content; the tables in a zip archive are joined.

    Args:
        decimal: `.` or `,`, or empty to tell it from the table.
        header: Whether the first line of a text table has names; without it, columns are named 1, 2, ….

    Raises:
        SettingsError: The file cannot be read, or it is no table.
    """
    _pandas()
    try:
        return joined([(name, _read(open_, decimal, header)) for name, open_ in _members(file)], source=str(file))
    except SettingsError:
        raise
    except (OSError, EOFError, UnicodeError, ValueError, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise SettingsError(f"The table {file} cannot be read: {str(error).strip()}") from error


def joined(frames: Sequence[tuple[str, DataFrame]], *, source: str) -> DataFrame:
    """Return the rows of all frames, whose columns may be in any order.

    Raises:
        SettingsError: There is none, or their columns differ.
    """
    if not frames:
        raise SettingsError(f"{source} has no table.", next_step="Give a CSV, TSV or Parquet file.")
    (first_name, first), *others = frames
    for name, frame in others:
        if differing := sorted(set(first.columns) ^ set(frame.columns)):
            raise SettingsError(
                f"{name} has other columns than {first_name}: {', '.join(differing[:5])} is in one only.",
                next_step="Files of one table have the same columns: correct train.data.",
            )
    if not others:
        return first
    return _pandas().concat([frame[list(first.columns)] for _, frame in frames], ignore_index=True)


def header_of(file: Path) -> list[str]:
    """Return the cells of a text table's first line, or the names of a Parquet file's columns.

    Raises:
        SettingsError: The file cannot be read.
    """
    try:
        [(_, open_), *_] = _members(file)
        with open_() as content:
            head = content.read(HEAD_BYTES)
        if head.startswith(_PARQUET):
            return [str(name) for name in read_frame(file).columns]
        dialect = dialect_of(head)
        lines = head.decode(dialect.encoding, errors="replace").splitlines()
        return unique_names(cells_of(lines[dialect.skipped], dialect.separator))
    except (OSError, EOFError, ValueError, IndexError, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise SettingsError(f"The table {file} cannot be read: {error}") from error


def _members(file: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    """Yield name and opener of each table in a file: one, unless it is a zip archive."""
    with open_regular(file) as content:
        head = content.read(8)
    if not head.startswith(_ZIP):
        unpack = next((open_ for mark, open_ in _UNPACKED.items() if head.startswith(mark)), None)
        yield str(file), lambda: unpack(file) if unpack else file.open("rb")
        return
    archive = zipfile.ZipFile(file)
    names = archive.namelist()
    if "[Content_Types].xml" in names:
        raise SettingsError(f"{file} is a workbook.", next_step="Save its sheet as CSV.")
    for name in sorted(names):
        path = PurePosixPath(name)
        if name.endswith("/") or any(part.startswith((".", "__MACOSX")) for part in path.parts):
            continue
        yield f"{file}: {name}", lambda name=name: archive.open(name)  # type: ignore[misc]


def _read(open_: Callable[[], IO[bytes]], decimal: str, header: bool) -> DataFrame:
    pandas = _pandas()
    with open_() as content:
        head = content.read(HEAD_BYTES)
    if head.startswith(_PARQUET):
        with open_() as content:
            return _parquet(content)
    dialect = dialect_of(head, decimal=decimal)
    try:
        return _text(open_, dialect, header)
    except UnicodeDecodeError:
        # Text that is UTF-8 as far as the first bytes go.
        return _text(open_, dataclasses.replace(dialect, encoding="cp1252"), header)
    except pandas.errors.ParserWarning as error:
        raise ValueError("its rows have more cells than its header.") from error
    except pandas.errors.EmptyDataError as error:
        raise ValueError("it is empty.") from error


def _text(open_: Callable[[], IO[bytes]], dialect: Dialect, header: bool) -> DataFrame:
    pandas = _pandas()
    # The default since pandas 3.
    exact = {"float_precision": "round_trip"} if int(pandas.__version__.partition(".")[0]) < 3 else {}
    with open_() as content, warnings.catch_warnings():
        # Rows that are longer than the header would lose their ends.
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        frame = pandas.read_csv(
            content,
            sep=dialect.separator,
            decimal=dialect.decimal,
            encoding=dialect.encoding,
            skiprows=dialect.skipped,
            header=0 if header else None,
            skipinitialspace=True,
            # A separator at the end of each line makes no index of the first column.
            index_col=False,
            low_memory=False,
            **exact,
        )
    names = [str(name) for name in frame.columns] if header else [str(number + 1) for number in range(frame.shape[1])]
    frame.columns = unique_names(names)
    return frame


def _parquet(content: IO[bytes]) -> DataFrame:
    try:
        frame = _pandas().read_parquet(io.BytesIO(content.read()))
    except ImportError as error:
        raise MissingExtra("Parquet files need pyarrow.", extra="parquet") from error
    # An index with a name is a column; one without only numbers the rows.
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame.columns = unique_names([str(name) for name in frame.columns])
    return frame


def _pandas() -> Any:
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "Tables with text, gaps or dates, compressed ones and Parquet need pandas.", extra="train"
        ) from error
    return pandas
