"""Lines of text with metrics: `Accuracy: 0.97`, rounds of a log, printed tables and dictionaries, markdown."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from cmlkit.gate.metrics_files import printed_tables
from cmlkit.gate.metrics_files.content import without_wrappers
from cmlkit.gate.metrics_files.documents import Unreadable, read_literal
from cmlkit.gate.metrics_files.findings import Entry
from cmlkit.gate.metrics_files.number import Number, not_a_number, number_at, read_number

LONGEST_LINE = 2000
LONGEST_NAME = 120
LITERAL_LINES = 2000

# Most lines of most files, which are read at once.
_PLAIN = re.compile(
    r"(?!\s*(?:global|train|training|epoch|step|iter|round|batch|ep|it|debug|info|warn|error)\b)"
    r"\s*(?P<name>[^\W\d_](?:[\w/.()-]| (?! ))*?)[ ]*[:=][ ]*(?P<value>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*$",
    re.IGNORECASE,
)

# `=` and `:` between a name and its value, but not in ==, >=, ::, https:// or 12:30.
_SEPARATOR = re.compile(
    r"\s*(?:(?<![=<>!:~])=(?![=>])|:(?!:|//|\\)(?<!::)|:=|=>|->|→|\.{3,}(?=\s*[-+\d])|\s-{3,}(?=\s*[\d.]))\s*"
)
_TIME = re.compile(r"(?<![\w.@])\d{1,4}:(?=\d)")
# Brackets right before a separator or a number belong to the name: `Accuracy (k=5): 0.97`.
_NAME_BRACKET = re.compile(r"[(\[][^()\[\]]*[)\]](?=\s*[:=])|\|[^|\s]+\|(?=\s*[:=])")
_DELIMITER = re.compile(r"\t|\s{2,}|\s[-–—]\s|[,;]\s+|\s*\|\s*|[,;]$")
_HARD = re.compile(r"\t|\s{2,}|\s*\|\s*")
_STAMP = (
    r"\[?(?:[DIWEC] )?\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:Z|[-+]\d{2}:?\d{2})?)?\]?"
    r"|\[?\d{2}:\d{2}:\d{2}(?:[.,]\d+)?\]?"
)
_LEVEL = r"\[?(?:DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|NOTICE)\]?(?![\w.])"
# Python's logging, loguru and their like: time, logger, level, place in the source.
_LOG_PREFIX = re.compile(
    rf"^\s*(?:(?:{_STAMP})[\s:|,-]*)*(?:[\w.]+\s*[-:|]\s*(?={_LEVEL}))?(?:{_LEVEL}[\s:|,-]*)*"
    r"(?:(?:[\w.<>]+:[\w.<>]+:\d+|[\w./-]+\.py:\d+)[\s\]|:-]+)?(?:\[(?:LightGBM|Info|Warning|CatBoost|XGBoost)\]\s*)*"
)
_ROUND = re.compile(
    r"^\s*(?:\[\s*\d+(?:\s*[,/]\s*\d+)*\s*\]|\d+:(?=\s)"
    r"|\(?(?:(?:train|training|global)[ _])?(?:epoch|step|iter(?:ation)?|round|batch|ep|it)s?\b"
    r"[\s:#=]*[\[(]?\s*\d+(?:\s*(?:/|of)\s*\d+)?[\])]*)"
    r"\s*(?:[:,|;-]+(?=\s)|(?=[\t ]))\s*",
    re.IGNORECASE,
)
_ROUND_NUMBER = re.compile(
    r"^\s*\(?(?P<name>(?:(?:train|training|global)[ _])?(?:epoch|step|iter(?:ation)?|round))s?[\s:#=]*(?P<number>\d+)"
    r"\)?\s*(?=[:,|;-]|\s|$)(?!\s*/|\s*of\b)",
    re.IGNORECASE,
)
# BLEU|nrefs:1|case:mixed = 32.5, as sacreBLEU writes it
_SIGNATURE = re.compile(r"^\s*([\w+-]+)\|(?:[\w#]+:[^|=\s]*\|?)+(?=\s*=)")
_PROGRESS = re.compile(r"^.*?\d+%\|[^|]*\|\s*(?:\d+/\d+)?|^\s*\d+/\d+\s+(?:\[[=>.#-]+\]|[━╸╺─█▏▎▍▌▋▊▉#=>.-]{3,})")
_BULLET = re.compile(r"^\s*(?:>\s?)*\s*(?:[-*+•·▪◦‣]\s+(?:\[[ xX]\]\s*)?|\d{1,2}[.)]\s+(?=[^\d\s]))?")
_PROSE = frozenset(
    re.findall(
        r"\w+",
        "the a an is was were are be been has have had after before in at for with took to from on by it we you i they"
        " this that these and or not no than then so as about only over under within using used trained finished saved"
        " loaded started did does do",
    )
)
_STATEMENT = re.compile(
    r"^(?:the\s+)?(?P<name>\S+(?:\s+\S+){0,4}?)\s+(?:is|was|equals)\s+(?P<value>\S.*)$", re.IGNORECASE
)


def read_text(text: str, *, is_markdown: bool = False) -> list[Entry]:
    """Return the entries of all lines; prose, headings, comments and matrices have none.

    Args:
        is_markdown: Whether `#` begins a heading, which may have a metric, instead of a comment.
    """
    lines = without_wrappers(text).split("\n")
    found: list[tuple[str, Entry]] = []
    index = 0
    while index < len(lines):
        if (plain := _PLAIN.match(lines[index])) is not None:
            found.append(("", _entry(" ".join(plain["name"].split()), read_number(plain["value"]))))
            index += 1
            continue
        block = printed_tables.block_at(lines, index)
        if block is not None:
            found += [("", entry) for entry in block.entries]
            index += block.length
        elif (literal := _literal_at(lines, index)) is not None:
            entries, length = literal
            found += [("", dataclasses.replace(entry, repeats=True)) for entry in entries]
            index += length
        else:
            found += _of_line(lines[index], is_markdown=is_markdown)
            index += 1
    return _with_labels(found)


# Words that say where or when a number was measured: `0.97 at epoch 12`, `3.05 on 30 degrees of freedom`.
_REMARK = re.compile(r"\s+(?:at|on|in|after|for|with|using|over|by|when)\s+\S")
# Another name behind a value, or the duration of a step, as Keras writes it.
_NEXT_NAME = re.compile(
    r"\s*[,;|]\s*(?=[^\W\d_])|\s{2,}(?=[^\W\d_])|\s+[-–—]\s+(?=[^\W\d_]|[\d.]+\s?(?:[mµu]?s\b|[mµu]?s/))"
)


def _with_labels(found: Sequence[tuple[str, Entry]]) -> list[Entry]:
    """Return the entries; those of one name in lines that begin with different labels have their label before it."""
    labels: dict[str, set[str]] = {}
    for label, entry in found:
        labels.setdefault(entry.name, set()).add(label)
    return [
        dataclasses.replace(entry, name=f"{label}.{entry.name}") if label and len(labels[entry.name]) > 1 else entry
        for label, entry in found
    ]


def _literal_at(lines: Sequence[str], index: int) -> tuple[list[Entry], int] | None:
    """Return the entries of a printed dictionary or list that begins on a line, and its number of lines."""
    begin = lines[index].lstrip()
    if not begin.startswith(("{", "OrderedDict(", "defaultdict(")):
        return None
    text, depth = "", 0
    for length, line in enumerate(lines[index : index + LITERAL_LINES], start=1):
        text += line + "\n"
        depth += sum(map(line.count, "{[(")) - sum(map(line.count, "}])"))
        if depth <= 0:
            try:
                return read_literal(text.strip().rstrip(",;")), length
            except Unreadable:
                return None
    return None


def _of_line(line: str, *, is_markdown: bool) -> list[tuple[str, Entry]]:
    """Return the entries of one line, each with the label that the line begins with."""
    if len(line) > LONGEST_LINE or not line.strip() or re.fullmatch(r"[\W_]*", line):
        return []
    heading = re.match(r"\s*(#+)(?!\S)\s*|\s*#", line)
    if heading is not None:
        if not is_markdown and not (heading[1] and len(heading[1]) > 1):
            return []
        line = line[heading.end() :]
    return _of_words(line)


def _of_words(line: str) -> list[tuple[str, Entry]]:
    """Return the entries of a line that is no comment."""
    line = re.sub(r"</?(?:b|i|em|strong|code|br|p|li|ul|span|td|tr|h\d)\b[^>]*>", " ", line)
    line = re.sub(r"\[([^\]]+)\]\([^)\s]*\)", r"\1", _plain(_BULLET.sub("", line, count=1)))
    line, progress = _PROGRESS.subn("", line, count=1)
    line = _SIGNATURE.sub(r"\1", _LOG_PREFIX.sub("", line, count=1)).strip()
    if re.match(r"\[\[?\s*[-\d]", line) and not re.search(r"[^\W\d_]", line):
        return []
    rest, in_round = _without_round(line)
    entries = [*in_round, *_entries(rest)]
    if progress or rest != line:
        return [(label, dataclasses.replace(entry, repeats=True)) for label, entry in entries]
    return entries


def _entries(line: str) -> list[tuple[str, Entry]]:
    """Return the entries of the whole line or of its fields between tabs, whichever have more numbers."""
    whole = _pairs(line) or _spaced(line)
    if "\t" not in line:
        return whole
    fields = [found for field in line.split("\t") for found in (_pairs(field) or _spaced(field))]
    return max(whole, fields, key=_count)


def _count(found: Sequence[tuple[str, Entry]]) -> int:
    return sum(entry.value is not None for _, entry in found)


def _plain(line: str) -> str:
    """Return a line without the marks of markdown around words."""
    line = re.sub(r"\*\*|`|~~", "", line)
    line = re.sub(r"(?<![\w*])\*(?=\S)([^*]*\S)\*(?![\w*])", r"\1", line)
    return re.sub(r"(?<!\w)__?(?=\S)([^_]*[^\s_])__?(?!\w)", r"\1", line)


def _without_round(line: str) -> tuple[str, list[tuple[str, Entry]]]:
    """Return the line without its round, such as `[0]` or `Epoch 3/10 -`, and the round's number if it has a name."""
    if (numbered := _ROUND_NUMBER.match(line)) is not None:
        rest = line[numbered.end() :].lstrip(" \t:,|;-")
        if re.search(r"\d", rest):
            name = numbered["name"]
            return rest, [("", Entry(name=name, value=float(numbered["number"]), repeats=True))]
    rest = _ROUND.sub("", line, count=1)
    return (rest, []) if re.search(r"[^\W\d_]", rest) else (line, [])


def _pairs(line: str) -> list[tuple[str, Entry]]:
    """Return the entries of a line in which separators stand between names and values."""
    masked = _TIME.sub(_hidden, _NAME_BRACKET.sub(_hidden, line))
    places = [match.span() for match in _SEPARATOR.finditer(masked)]
    if not places:
        return []
    found: list[tuple[str, Entry]] = []
    name, label = _first_name(line[: places[0][0]], masked), ""
    for place, following in zip(places, [*places[1:], (len(line), len(line))], strict=True):
        is_literal = line[place[1] :].startswith("{") and line.endswith("}")
        if following[0] == len(line) or is_literal:
            value, rest = _last_value(line[place[1] :])
        else:
            value, rest = _value_and_name(line, place[1], following[0])
        cleaned = _clean(name)
        if value is None:  # a label before the next name: `Test set: Average loss: 0.1`
            label, name = (cleaned or label), rest
            continue
        if _is_name(cleaned):
            found += [(label, entry) for entry in _of_value(cleaned, value)]
        if is_literal:
            break
        name = rest
    return [*found, *(_spaced(rest) if rest.strip() else [])]


def _hidden(match: re.Match[str]) -> str:
    return "x" * len(match[0])


def _of_value(name: str, value: Number | str) -> list[Entry]:
    """Return the entry of a name, or those of a dictionary that is printed behind it."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return [dataclasses.replace(entry, name=f"{name}.{entry.name}") for entry in read_literal(value)]
        except Unreadable:
            return [Entry(name=name, reason=not_a_number(value))]
    return [_entry(name, value)]


def _entry(name: str, found: Number | str) -> Entry:
    if isinstance(found, str):
        return Entry(name=name, reason=found)
    return Entry(name=name, value=found.value, percentage=found.is_percentage)


def _value_and_name(line: str, start: int, end: int) -> tuple[Number | str | None, str]:
    """Split the text between two separators into a value and the next name; without a value it is None."""
    found, stop = number_at(line, start)
    stop = len(line[:stop].rstrip())
    rest = line[stop:end]
    if found is not None and re.match(r"[.]?\s*[,;|)\]}/]|\s+", rest) and rest.strip():
        return found, _last_part(rest)
    segment = line[start:end]
    parts = list(_HARD.finditer(segment)) or list(_DELIMITER.finditer(segment))
    if not parts:
        return None, segment
    value = segment[: parts[-1].start()].strip()
    return (not_a_number(value) if value else None), segment[parts[-1].end() :]


def _last_value(segment: str) -> tuple[Number | str | None, str]:
    """Return the value at the end of a line, and what follows it: brackets that the line closes, or another name."""
    segment = segment.strip()
    if not segment:
        return None, ""
    if segment.startswith("{") and segment.endswith("}"):
        return segment, ""
    found = read_number(segment)
    if isinstance(found, Number):
        return found, ""
    number, end = number_at(segment, 0)
    end = len(segment[:end].rstrip())
    if number is not None:
        if re.fullmatch(r"[\s.,;)\]}|]*", segment[end:]) or _REMARK.match(segment, end):
            return number, ""
        if follows := _NEXT_NAME.match(segment, end):
            return number, segment[follows.end() :]
    return found, ""


def _first_name(text: str, masked: str) -> str:
    """Return the name in the text before the first separator, without columns and progress before it."""
    hidden = masked[: len(text)].rstrip()
    text = text[: len(hidden)]
    hard = [match for match in _HARD.finditer(hidden) if _is_column(hidden[: match.start()], match[0])]
    text = text[hard[-1].end() :] if hard else text
    parts = re.split(r"\s[-–—]\s|[,;]\s+", text)
    return parts[-1] if any(map(_is_noise, parts[:-1])) else text


def _is_column(before: str, gap: str) -> bool:
    """Return whether text before a gap is of another column: blanks alone may be in a name."""
    return bool(before.strip()) and (bool(gap.strip(" ")) or bool(re.search(r"\d", before)))


def _is_noise(part: str) -> bool:
    """Return whether a part of a line is progress or prose with numbers, and so does not belong to a name."""
    if re.fullmatch(r"[\W\d_]*", part) or re.search(r"\d+/\d+|\dm?s\b", part):
        return True
    return bool(re.search(r"\b\d+\b", part)) and len(part.split()) > 3


def _last_part(text: str) -> str:
    parts = [part for part in _DELIMITER.split(text) if part and part.strip()]
    return parts[-1] if parts else text


def _clean(name: str) -> str:
    """Return a name without quotes, brackets that it does not close, bullets and symbols around it."""
    name = name.strip().strip("\"'`").strip()
    for opening, closing in ("()", "[]", "{}"):
        if name.count(opening) > name.count(closing):
            name = name.rpartition(opening)[2]
        elif name.count(closing) > name.count(opening):
            name = name.partition(closing)[2]
    name = re.sub(r"^[^\w%@(<|²\[]+|[\s\"'`:=,;|–—\u2600-\u27bf\U0001f300-\U0001faff\ufe0f]+$", "", name)
    return " ".join(name.strip("\"'` ").split())


def _is_name(name: str) -> bool:
    return bool(re.search(r"[^\W\d_]|\d%", name)) and len(name) <= LONGEST_NAME and "://" not in name


def _spaced(line: str) -> list[tuple[str, Entry]]:
    """Return the entries of a line without separators: `accuracy 0.97`, `loss 0.3 | acc 0.9`, `a 1 b 2`."""
    line = re.sub(r"^(\S+)\s+all\s+(?=[-+]?[\d.]+$)", r"\1 ", line.rstrip("."))  # trec_eval: of all queries
    for parts in ([line], [part for part in _DELIMITER.split(line) if part.strip()], _alternating(line)):
        entries = [_spaced_pair(part) for part in parts]
        if any(entries) and (len(parts) > 1 or entries[0]):
            return [("", entry) for entry in entries if entry]
    return []


def _spaced_pair(part: str) -> Entry | None:
    """Return the entry of a name, a blank and a number; None if it is prose."""
    if (statement := _STATEMENT.match(part)) and not {*statement["name"].casefold().split()} & _PROSE:
        value = read_number(statement["value"])
        if isinstance(value, Number):
            return _entry(_clean(statement["name"]), value)
    match = re.match(
        r"\s*(?P<name>\D(?:\S|\s(?!\s*[-+−~$]?[.\d]))*|\d+%)\s+(?P<value>[-+−~$]?\s?[.\d].*|[-+]?(?:nan|inf))$", part
    )
    if match is None:
        return None
    name, words = _clean(match["name"]), match["name"].casefold().split()
    if not _is_name(name) or len(words) > 5 or {*words} & _PROSE:
        return None
    value = read_number(match["value"], any_unit=False)
    return _entry(name, value) if isinstance(value, Number) or "finite" in value or "may be" in value else None


def _alternating(line: str) -> list[str]:
    """Return `a 1 b 2` as pairs, if words and numbers alternate."""
    words = line.split()
    names, numbers = words[::2], words[1::2]
    is_alternating = len(words) >= 4 and len(names) == len(numbers) and all(map(_is_name, names))
    if not is_alternating or not all(isinstance(read_number(number), Number) for number in numbers):
        return []
    return [f"{name} {number}" for name, number in zip(names, numbers, strict=True)]


def read_lists(text: str) -> list[Entry]:
    """Return the last value of each line `name: [0.5, 0.3]`, if all lines are lists of one length."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any("[" not in line for line in lines):
        return []
    found = [re.fullmatch(r"(?P<name>[^:=]+)[:=]\s*\[(?P<items>[^\[\]]+)\]\s*,?\s*", line) for line in lines]
    lists = [(match["name"], match["items"].split(",")) for match in found if match]
    if len(lists) < len(lines) or len({len(items) for _, items in lists}) != 1:
        return []
    return [_entry(_clean(name), read_number(items[-1])) for name, items in lists]


def unnamed_series(text: str) -> Iterator[Number | str]:
    """Yield the values of lines that are a time in milliseconds, a value and a step, as MLflow keeps metrics."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if lines and all(len(line) in (2, 3) and re.fullmatch(r"\d{13}", line[0]) for line in lines):
        yield from (read_number(line[1]) for line in lines)
