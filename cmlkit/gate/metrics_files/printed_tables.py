"""Tables as programs print them: markdown, lines and boxes, or columns of blanks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cmlkit.gate.metrics_files.findings import Entry
from cmlkit.gate.metrics_files.number import Number, read_number
from cmlkit.gate.metrics_files.tables import Table, entries_of, entry_of, is_missing, read_rows

_BARS = "|│┃║¦┆"
_RULE = re.compile(r"[\s|│┃║┆+:=\-─━═┄┈╌┏┓┗┛┳┻╋┡┩╇╈┢┪└┘┌┐├┤┬┴┼╞╡╪╒╕╘╛╤╧╔╗╚╝╠╣╦╩╬╭╮╰╯╟╢╫╓╖╙╜╥╨╂┿┠┨┯┷╄╃╆╅]+")
_REPORT = ("precision", "recall", "f1-score", "support")
_NO_HEADER = re.compile(r"^runid\s|[:=]\s*[-+]?[\d.]|:\s*$|^\s*[#>*{}\[]")
# Types of columns that R, Julia and Polars print below the header
_TYPES = re.compile(r"[\s│]*(?:(?:<\w+>|String\d*|Float\d+|Int\d+|Any|Bool|str|[fiu]\d+|bool|date)\??[\s│┆|]*)+")


Split = Callable[[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class Block:
    """The entries of a printed table, and the number of its lines."""

    entries: tuple[Entry, ...]
    length: int


def block_at(lines: Sequence[str], index: int) -> Block | None:
    """Return the table that begins on a line; None if none does."""
    return _barred(lines, index) or _columns(lines, index)


def _barred(lines: Sequence[str], index: int) -> Block | None:
    """Return a table whose cells are between bars, with or without lines above, below and between."""
    length = 0
    while index + length < len(lines) and (_has_cells(lines[index + length]) or _is_rule(lines[index + length])):
        length += 1
    block = lines[index : index + length]
    lines_with_cells = [line for line in block if not _is_rule(line) and not _TYPES.fullmatch(line)]
    if (julia := _julia(lines_with_cells)) is not None:
        return Block(entries=julia.entries, length=length)
    # Of a table without outer bars, a line that begins with a bar has an empty first cell.
    is_framed = all(line.strip()[0] in _BARS for line in lines_with_cells)
    rows = [cells for line in lines_with_cells if any(cells := _cells(line, is_framed=is_framed))]
    is_table = is_framed or any(map(_is_rule, block))
    if not rows or not is_table or (not _has_cells(block[0]) and not _is_rule(block[0])):
        return None
    if len(rows) < 2 and not all(line.strip()[0] in _BARS for line in block):
        return None
    return Block(entries=tuple(read_rows(_filled(_same_width(rows)))), length=length)


def _julia(lines: Sequence[str]) -> Block | None:
    """Return the table in which only the number of the row is behind a bar, as Julia prints a data frame."""
    if not lines or not re.match(r"\s*Row │", lines[0]):
        return None
    return _columns([line.partition("│")[2] for line in lines], 0)


def _filled(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows with the names that a table shows only once, if a column further right names the metrics."""
    if not any(title.casefold() == "metric" for title in rows[0][1:]):
        return rows
    name = ""
    for row in rows[1:]:
        name = row[0] = row[0] or name
    return rows


def _has_cells(line: str) -> bool:
    """Return whether a line has bars between cells; one bar in the middle may be of a log or of a table."""
    return any(bar in line for bar in _BARS) and bool(line.strip()) and "%|" not in line


def _is_rule(line: str) -> bool:
    text = line.strip()
    return len(text) >= 3 and bool(_RULE.fullmatch(text)) and any(mark in text for mark in "-─━═=")


def _cells(line: str, *, is_framed: bool) -> list[str]:
    parts = re.split(rf"(?<!\\)[{_BARS}]", line.strip())
    parts = parts[1:] if is_framed else parts
    return [_plain(part) for part in (parts if parts[-1].strip() else parts[:-1])]


def _plain(cell: str) -> str:
    """Return the text of a cell without marks of markdown around it."""
    cell = re.sub(r"\[([^\]]+)\]\([^)\s]*\)", r"\1", cell.replace("\\|", "|"))
    cell = re.sub(r"<[^<>]+>", " ", cell)
    return re.sub(r"^[*_`~\s]+(?=\S)|[*_`~\s]+$", "", cell).strip() if cell.strip() != "_" else ""


def _same_width(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    width = max(map(len, rows))
    return [[*row, *[""] * (width - len(row))] for row in rows]


def _columns(lines: Sequence[str], index: int) -> Block | None:
    """Return a table whose columns are separated by blanks, below a header without numbers."""
    line = lines[index]
    if not line.strip() or _NO_HEADER.search(line) or _is_rule(line):
        return None
    best: Block | None = None
    for split_header, split_row in ((_wide, _wide), (_words, _wide), (_words, _words), (_wide, _words)):
        header = split_header(line)
        block = _with_rows(lines, index, header, split_row) if _is_header(header, line) else None
        if block is not None and (best is None or block.length > best.length):
            best = block
    return best


def _wide(line: str) -> list[str]:
    return re.split(r"\s{2,}|\t", line.strip())


def _words(line: str) -> list[str]:
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]


def _is_header(titles: Sequence[str], line: str) -> bool:
    """Return whether titles may be those of columns: none is a number, and there are several, or they are indented."""
    numbers = [title for title in titles if not re.fullmatch(r"\d+(?:\.\d+)?%", title) and _has_number([title])]
    return not numbers and (len(titles) > 1 or line.startswith((" ", "\t")))


def _with_rows(lines: Sequence[str], index: int, header: Sequence[str], split: Split) -> Block | None:
    """Return the table of a header and the rows that fit it."""
    rows: list[list[str]] = []
    length, end = 1, 1
    while index + length < len(lines):
        line = lines[index + length]
        if line.strip() and not _is_rule(line) and not _TYPES.fullmatch(line):
            row = _row(line, header, lines[index], split)
            if row is None or (rows and len(row) != len(rows[0]) and not _is_report(header)):
                break
            rows.append(row)
            end = length + 1
        elif not line.strip() and (rows and not _is_report(header)):
            break
        length += 1
    if not rows or not _is_aligned(lines[index], header, rows):
        return None
    return Block(entries=tuple(_entries(header, rows)), length=end)


def _is_report(header: Sequence[str]) -> bool:
    return tuple(header) == _REPORT


def _row(line: str, header: Sequence[str], header_line: str, split: Split) -> list[str] | None:
    """Return the cells of a row below a header, the name first if it has one more than the header; None if no row."""
    if re.search(r":\s|:$|\s=\s", line):
        return None
    width, cells = len(header), split(line)
    if len(cells) in (width, width + 1) and _has_number(cells[1:] or cells):
        return cells
    if split is _words and len(cells) > width and all(map(_is_value, cells[-width:])):
        return [" ".join(cells[:-width]), *cells[-width:]]
    if split is _wide and 2 <= len(cells) <= width and all(map(_is_value, cells[1:])) and not _is_value(cells[0]):
        return _by_place(line, cells, header, header_line)
    return None


def _by_place(line: str, cells: Sequence[str], header: Sequence[str], header_line: str) -> list[str]:
    """Return a row with gaps: each cell belongs to the title that ends nearest to it."""
    ends, place = [], 0
    for title in header:
        place = header_line.find(title, place) + len(title)
        ends.append(place)
    has_title = not header_line[0].isspace()  # above the names of the rows
    row, place = [""] * len(header), len(line) - len(line.lstrip()) + len(cells[0])
    for cell in cells[1:]:
        place = line.find(cell, place) + len(cell)
        row[min(range(has_title, len(ends)), key=lambda column: abs(ends[column] - place))] = cell
    return [cells[0], *row[has_title:]]


def _is_aligned(line: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether blanks make a table: two in the header, or rows of numbers only, as many as there are titles."""
    if re.search(r"\S(?:\s{2,}|\t)\S", line) or line.startswith((" ", "\t", '"')):
        return True
    return len(header) > 1 and all(len(row) == len(header) and all(map(_is_value, row)) for row in rows)


def _entries(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Entry]:
    if any(len(row) > len(header) for row in rows):
        rows = [row if len(row) > len(header) else ["", *row] for row in rows]
        header = ["", *header]
    if _is_report(header[1:]):
        return _report(header, rows)
    return entries_of(Table(header=tuple(header), rows=tuple(map(tuple, rows))))


def _report(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Entry]:
    """Return the entries of scikit-learn's classification report, in which the accuracy is one number of its own."""
    found = []
    for name, *cells in rows:
        if name == "accuracy":
            found.append(entry_of(name, next(cell for cell in cells if not is_missing(cell))))
        else:
            found += [entry_of(f"{name}.{title}", cell) for title, cell in zip(header[1:], cells, strict=False)]
    return found


def _has_number(cells: Sequence[str]) -> bool:
    """Return whether a cell is a number, finite or not."""
    return any(isinstance(found, Number) or "finite" in found for found in map(read_number, cells))


def _is_value(cell: str) -> bool:
    found = read_number(cell, any_unit=False)
    is_time = bool(re.fullmatch(r"\d{1,3}:\d{2}(?::\d{2})?", cell))
    return isinstance(found, Number) or "finite" in found or is_missing(cell) or is_time
