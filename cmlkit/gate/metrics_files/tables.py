"""Tables of metrics: rows of one training, rounds of a log, models or classes side by side, or names with values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cmlkit.gate.metrics_files.findings import Entry
from cmlkit.gate.metrics_files.number import Number, read_number

Cell = object
"""A text, or a value of a JSON document."""

_MISSING = frozenset({"", "na", "n/a", "#n/a", "null", "none", "-", "–", "—", "<na>", ".", "?", "..."})
_ROW_NAMES = frozenset({"fold", "seed", "split", "class"})
_METRIC = re.compile(
    r"\.?(?:test |validation )?(?:metrics?|names?|measures?|measurements?|statistics?|stat|keys?|kpis?"
    r"|metrik|kennzahl|messgröße|métrique|métrica|metrica|nom|nombre)(?: name)?"
)
_VALUE = re.compile(r"\.?(?:values?|val|scores?|results?|estimates?|wert|valeur|valor|valore|\d+|dataloader \d+)")
_CLEAR_VALUE = re.compile(r"\.?(?:values?|val|wert|valeur|valor|valore|\d+|dataloader \d+)")
_STEPS = frozenset({"step", "epoch", "iteration", "iter", "round", "timestamp", "time", "wall time", "wall_time"})
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?: .*)?"
    r"|\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d+)?"
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A header and rows of cells, as many as the header has; `decimal_comma` if its numbers are written that way."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    decimal_comma: bool = False


def read_cell(cell: Cell) -> Number | str:
    """Return the number in a cell, or the reason why it has none."""
    if isinstance(cell, str):
        return read_number(cell, any_unit=False)
    if isinstance(cell, bool):
        return "it is true or false"
    if cell is None:
        return "it is empty"
    if isinstance(cell, int | float):
        return read_number(repr(cell))
    return "it is a list" if isinstance(cell, list | tuple) else "it is not a number"


def is_missing(cell: Cell) -> bool:
    """Return whether a cell has no value: loggers leave cells empty in rounds that measured nothing."""
    return cell is None or (isinstance(cell, str) and cell.strip().casefold() in _MISSING)


def entries_of(table: Table) -> list[Entry]:
    """Return the numbers of a table: by name, by row and column, or the last of each column."""
    table = _without_index(table)
    read = _decimal_comma_cell if table.decimal_comma else read_cell
    if (named := _names_and_values(table, read)) is not None:
        return named
    names = _row_name_columns(table)
    return _by_row(table, names, read) if names else _last_of_columns(table, read)


def entry_of(
    name: str, cell: Cell, read: Callable[[Cell], Number | str] = read_cell, *, repeats: bool = False
) -> Entry:
    """Return the entry for a name and a cell."""
    found = read(cell)
    if isinstance(found, str):
        return Entry(name=name, reason=found, repeats=repeats)
    return Entry(name=name, value=found.value, percentage=found.is_percentage, repeats=repeats)


def _decimal_comma_cell(cell: Cell) -> Number | str:
    text = str(cell).strip()
    if re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", text):
        return read_number(text.replace(",", "."))
    if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", text):
        return f"{text} may have thousands, as others have a decimal comma"
    return read_cell(cell)


def _without_index(table: Table) -> Table:
    """Return the table without a first column of numbers that has no name, such as the index that pandas writes."""
    is_index = (
        len(table.header) > 1
        and (not table.header[0] or table.header[0].startswith("Unnamed: "))
        and all(is_missing(row[0]) or _is_number(row[0]) for row in table.rows)
    )
    if not is_index:
        return table
    return Table(header=table.header[1:], rows=tuple(row[1:] for row in table.rows), decimal_comma=table.decimal_comma)


def _names_and_values(table: Table, read: Callable[[Cell], Number | str]) -> list[Entry] | None:
    """Return the entries of rows that are a name and its value; None if the table has other rows."""
    columns = _pair_columns(table)
    if columns is None:
        return None
    *prefix, name, value = columns
    found = []
    is_log = any(map(_is_step, table.header))
    for row in table.rows:
        parts = [str(row[column]).strip() for column in (*prefix, name) if not is_missing(row[column])]
        if parts and not is_missing(row[name]):
            found.append(entry_of(".".join(parts), row[value], read, repeats=is_log))
    return found


def _pair_columns(table: Table) -> list[int] | None:
    """Return the columns of the name, with those of text before it, and of the value."""
    header = [_key(title) for title in table.header]
    texts = [column for column in range(len(header)) if _is_text_column(table, column)]
    numbers = [
        column
        for column, title in enumerate(header)
        if column not in texts and title not in _STEPS and any(_is_number(row[column]) for row in table.rows)
    ]
    if not texts:
        return None
    named = next((column for column in texts if _METRIC.fullmatch(header[column])), None)
    if len(numbers) != 1:
        return None
    if named is not None and (_VALUE.fullmatch(header[numbers[0]]) or (len(header) == 2 and header[named] != "name")):
        return [*(column for column in texts if column < named), named, numbers[0]]
    if len(header) == 2 and texts == [0] and _CLEAR_VALUE.fullmatch(header[1]):
        return [0, 1]
    return None


def _row_name_columns(table: Table) -> list[int]:
    """Return the columns that name the rows: the first if it is text, and those called fold, seed, split or class."""
    called = [column for column, title in enumerate(table.header) if _key(title) in _ROW_NAMES]
    varied = [column for column in called if column == 0 or len({str(row[column]) for row in table.rows}) > 1]
    names = sorted({*([0] if table.header and _is_text_column(table, 0) else []), *varied})
    if len({str(row[column]) for row in table.rows for column in names[:1]}) == len(table.rows):
        return names[:1]
    metric = [column for column, title in enumerate(table.header) if _METRIC.fullmatch(_key(title))]
    return sorted({*names, *metric}) if names and not any(_is_step(title) for title in table.header) else names


def _by_row(table: Table, names: Sequence[int], read: Callable[[Cell], Number | str]) -> list[Entry]:
    is_log = any(map(_is_step, table.header))
    found = []
    for row in table.rows:
        parts = [str(row[column]).strip() for column in names if not is_missing(row[column])]
        for column, title in enumerate(table.header):
            if column not in names and title and not is_missing(row[column]):
                found.append(entry_of(".".join((*parts, title)), row[column], read, repeats=is_log))
    return found


def _last_of_columns(table: Table, read: Callable[[Cell], Number | str]) -> list[Entry]:
    """Return the last value of each named column."""
    found = []
    for column, title in enumerate(table.header):
        cells = [row[column] for row in table.rows if not is_missing(row[column])]
        if title and cells:
            found.append(entry_of(title, cells[-1], read))
    return found


def _is_text_column(table: Table, column: int) -> bool:
    """Return whether a column has a text that is neither a date nor a time of day."""
    return any(_is_text(row[column]) for row in table.rows)


def _is_text(cell: Cell) -> bool:
    if not isinstance(cell, str) or is_missing(cell) or _is_number(cell):
        return False
    return not _DATE.fullmatch(cell.strip())


def _is_number(cell: Cell) -> bool:
    """Return whether a cell is a number, finite or not, ambiguous or not."""
    found = read_cell(cell)
    return isinstance(found, Number) or "finite" in found or "may" in found


def _is_step(title: str) -> bool:
    return _key(title) in _STEPS


def _key(title: str) -> str:
    return title.strip().strip("*_`").casefold()


def read_csv(text: str) -> list[Entry]:
    """Return the entries of CSV: comma, semicolon, tab or bar; with or without a header, comments and quotes.

    Raises:
        ValueError: The text is not CSV.
    """
    lines = text.strip("\n").split("\n")
    delimiter = _delimiter(lines)
    if lines and re.fullmatch(r"\s*\"?sep=.\"?\s*", lines[0]):
        lines = lines[1:]
    try:
        parsed = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
        rows = [[cell.strip() for cell in row] for row in parsed if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return read_rows(_without_comments(rows), decimal_comma=delimiter == ";" and _has_decimal_comma(rows))


def read_rows(rows: Sequence[Sequence[str]], *, decimal_comma: bool = False) -> list[Entry]:
    """Return the entries of rows of text, of which the first may be a header."""
    if not rows:
        return []
    if not _has_header(rows):
        return _without_header(rows)
    header, body = list(rows[0]), list(rows[1:])
    if all(len(row) == len(header) + 1 for row in body) and any(row[-1] for row in body):
        header = ["", *header]  # R leaves out the title of the row names
    header, body = _one_header(header, body)
    width = len(header)
    # A row that is too long may have a decimal comma: none of its cells can be told to be of a column.
    cells = [tuple([*row, *[""] * (width - len(row))][:width]) for row in body if not any(row[width:])]
    extra = [
        Entry(name=row[0] or f"row {number}", reason=f"the row has {len(row)} values for {width} columns")
        for number, row in enumerate(body, start=2)
        if any(row[width:])
    ]
    return [*entries_of(Table(header=tuple(header), rows=tuple(cells), decimal_comma=decimal_comma)), *extra]


def _one_header(header: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[list[str], list[Sequence[str]]]:
    """Return one header for two, as pandas writes columns of two levels: `accuracy` above `mean` is accuracy.mean."""
    second = body[0] if body else []
    is_second = len(second) == len(header) > len(set(header)) and not second[0] and all(map(_is_text, second[1:]))
    if not is_second:
        return list(header), list(body)
    joined = [".".join(filter(None, pair)) for pair in zip(header, second, strict=True)]
    # The row below it has the name of the index alone.
    return joined, [row for row in body[1:] if any(row[1:])]


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    first, *rest = rows[0]
    if not rest:
        return not _is_number(first)
    if len(rest) == 1:
        return not _is_number(rest[0]) or not first
    return not (first and _is_number(first)) and not any(_is_number(cell) and not cell.isdigit() for cell in rest)


def _without_header(rows: Sequence[Sequence[str]]) -> list[Entry]:
    """Return pairs of name and value; other rows have no names for their numbers."""
    found = []
    for row in rows:
        if _is_number(row[0]) or is_missing(row[0]):
            continue
        cells = [cell for cell in row[1:] if not is_missing(cell)]
        if len(cells) == 1:
            found.append(entry_of(row[0], cells[0]))
        elif cells:
            found.append(Entry(name=row[0], reason="it has several values without a header"))
    return found


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that the first lines have in common; a comma may be a decimal comma."""
    if lines and (match := re.fullmatch(r"\s*\"?sep=(.)\"?\s*", lines[0])):
        return match[1]
    sample = [re.sub(r'"[^"]*"', "", line) for line in lines[:20] if line.strip() and not line.startswith("#")]
    for delimiter in ("\t", ";", "|", ","):
        if sample and all(delimiter in line for line in sample):
            return delimiter
    first = sample[0] if sample else ""
    return max(",;\t", key=first.count)


def _without_comments(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the rows without comments; one that is as wide as the others is a header, as NumPy writes it."""
    body = [row for row in rows if not row[0].startswith("#")]
    first = next(iter(rows), [""])
    if body and first[0].startswith("#") and len(first) == len(body[0]) > 1 and not _has_header(body):
        return [[first[0].lstrip("# "), *first[1:]], *body]
    return body


def _has_decimal_comma(rows: Iterable[Sequence[str]]) -> bool:
    cells = [cell for row in rows for cell in row]
    certain = any(re.fullmatch(r"-?(?:0,\d+|\d+,\d{1,2}|\d+,\d{4,})", cell) for cell in cells)
    return certain and not any(re.fullmatch(r"-?\d+\.(?:\d{1,2}|\d{4,})", cell) for cell in cells)
