"""Reading metrics files: each by the readers that fit its name and content, the first that finds a number."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.bounds.files import read_regular
from cmlkit.errors import MetricsError
from cmlkit.gate.metrics_files import documents, tables, text_lines
from cmlkit.gate.metrics_files.content import text_of, without_wrappers
from cmlkit.gate.metrics_files.documents import Unreadable
from cmlkit.gate.metrics_files.findings import Entry, Findings, left_out_sentence, named, repeated_sentence
from cmlkit.gate.metrics_files.number import Number

SIZE_LIMIT_BYTES = 16 * 1024 * 1024
# PyYAML reads some 400 KB a second.
YAML_SIZE_LIMIT_BYTES = 1024 * 1024
COUNT_LIMIT = 10_000

Reader = Callable[[str], list[Entry]]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """One file's entries, and sentences about the file as a whole."""

    path: str
    entries: Sequence[Entry] = ()
    problem: str = ""


@functools.lru_cache(maxsize=4 * COUNT_LIMIT)
def key(name: str) -> str:
    """Return the form to compare names in: `Test Accuracy`, `test-accuracy` and `test_accuracy` are one metric."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def read(paths: Iterable[str], directory: Path) -> Findings:
    """Return the numbers of all files that have a name, in the order of the files.

    Args:
        paths: Relative to `directory`.

    Raises:
        MetricsError: A file is missing, or no file has a number with a name. The message says what was found instead.
    """
    paths = list(paths)
    for path in paths:
        if not (directory / path).exists():
            raise MetricsError(
                f"The metrics file {path} does not exist.",
                next_step="Let training write it, or correct the setting train.metrics.",
            )
    found = find(paths, directory)
    if paths and not found.values:
        raise nothing_found(paths, found)
    return found


def find(paths: Iterable[str], directory: Path) -> Findings:
    """Return the same as `read`, but with a warning, and no error, for a file that is missing or has no number."""
    joined = _Joined()
    for path in paths:
        joined.add(_read_file(path, directory / path))
    return joined.findings()


def nothing_found(paths: Sequence[str], found: Findings) -> MetricsError:
    """Return the error for metrics files without a number that has a name."""
    if found.left_out:
        why = f"{' and '.join(paths)}: no number with a name was found, but {named(found.left_out)}."
    else:
        why = " ".join(found.warnings) or f"{' and '.join(paths)}: no number with a name was found."
    return MetricsError(why, next_step="Write lines such as 'accuracy: 0.97', or JSON, YAML or CSV with named numbers.")


class _Joined:
    """The findings of several files, of whose equal names the last counts."""

    def __init__(self) -> None:
        self._chosen: dict[str, Entry] = {}
        self._left_out: dict[str, str] = {}
        self._warnings: list[str] = []
        self._known: set[str] = set()

    def add(self, file: _Read) -> None:
        repeated: dict[str, str] = {}
        missed: dict[str, Entry] = {}
        seen: set[str] = set()
        for entry in file.entries:
            folded = key(entry.name)
            if folded in self._known and not (entry.repeats and folded in seen):
                repeated[folded] = entry.name
            seen.add(folded)
            self._known.add(folded)
            self._choose(folded, entry, missed)
        reasons = {entry.name: entry.reason for entry in missed.values()}
        self._left_out |= reasons
        self._warnings += [file.problem] if file.problem else []
        self._warnings += [left_out_sentence(file.path, reasons)] if reasons else []
        self._warnings += [repeated_sentence(file.path, list(repeated.values()))] if repeated else []

    def _choose(self, folded: str, entry: Entry, missed: dict[str, Entry]) -> None:
        """Take an entry instead of an earlier one of its name."""
        if len(self._chosen) >= COUNT_LIMIT and folded not in self._chosen:
            entry = Entry(name=entry.name, reason=f"there are more than {COUNT_LIMIT:,} metrics")
        missed.pop(folded, None)
        if entry.value is None:
            self._chosen.pop(folded, None)
            missed[folded] = entry
        else:
            self._chosen[folded] = entry

    def findings(self) -> Findings:
        return Findings(
            values={entry.name: entry.value for entry in self._chosen.values() if entry.value is not None},
            percentages=frozenset(entry.name for entry in self._chosen.values() if entry.percentage),
            left_out={name: reason for name, reason in self._left_out.items() if key(name) not in self._chosen},
            warnings=tuple(self._warnings),
        )


def _read_file(path: str, file: Path) -> _Read:
    suffix = file.suffix.lower()
    limit = YAML_SIZE_LIMIT_BYTES if suffix in (".yaml", ".yml") else SIZE_LIMIT_BYTES
    try:
        if (size := file.stat().st_size) > limit:
            return _Read(
                path=path,
                problem=f"{path} has {size / 2**20:,.1f} MiB; a metrics file of its format may have at most"
                f" {limit // 2**20}. It was not read.",
            )
        content = read_regular(file, limit)
    except FileNotFoundError:
        return _Read(path=path, problem=f"The metrics file {path} does not exist.")
    except OSError as error:
        return _Read(path=path, problem=f"The metrics file {path} cannot be read: {error.strerror}.")
    if not content.strip():
        return _Read(path=path, problem=f"The metrics file {path} is empty.")
    text = text_of(content)
    if text is None:
        return _Read(path=path, problem=f"The metrics file {path} is not text.")
    return _read_text(path, text)


def _read_text(path: str, text: str) -> _Read:
    """Return the entries of the first reader that finds a number; else those of the first that finds a name."""
    fallback: list[Entry] = []
    problem = ""
    for position, reader in enumerate(_readers(path, text)):
        try:
            entries = reader(text)
        except Unreadable as error:
            problem = problem or (_problem(path, error) if position == 0 and _has_format(path) else "")
            continue
        if any(entry.value is not None for entry in entries):
            more = " It was read as plain text." if problem else ""
            return _Read(path=path, entries=entries, problem=problem + more)
        fallback = fallback or entries
        if reader in _DOCUMENTS:
            break  # a document without a number has none in its lines either
    series = list(text_lines.unnamed_series(text))
    if series:
        return _Read(path=path, entries=[_series_entry(PurePosixPath(path).stem, series[-1])])
    if problem or not fallback:
        return _Read(path=path, problem=problem or f"{path} contains no metrics.")
    return _Read(path=path, entries=fallback)


def _series_entry(name: str, value: Number | str) -> Entry:
    if isinstance(value, str):
        return Entry(name=name, reason=value)
    return Entry(name=name, value=value.value)


def _problem(path: str, error: Unreadable) -> str:
    place = f"{path}{error}" if str(error).startswith((":", " ")) else f"{path}: {error}"
    return f"{place.rstrip('.')}."


def _has_format(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _BY_SUFFIX


def _readers(path: str, text: str) -> list[Reader]:
    """Return the readers to try, in their order."""
    suffix = PurePosixPath(path).suffix.lower()
    lines: Reader = lambda text: text_lines.read_text(text, is_markdown=suffix in (".md", ".markdown"))  # noqa: E731
    document: list[Reader] = [documents.read_json, documents.read_literal] if text.lstrip()[:1] in ("{", "[") else []
    if suffix in _BY_SUFFIX:
        first = _BY_SUFFIX[suffix]
        return [first, *(reader for reader in document if reader is not first), lines, text_lines.read_lists]
    return [*document, lines, text_lines.read_lists, _csv]


def _csv(text: str) -> list[Entry]:
    try:
        return tables.read_csv(without_wrappers(text))
    except ValueError as error:
        raise Unreadable(f"it is not valid CSV: {error}") from error


_BY_SUFFIX: dict[str, Reader] = {
    ".json": documents.read_json,
    ".jsonl": documents.read_json,
    ".ndjson": documents.read_json,
    ".yaml": documents.read_yaml,
    ".yml": documents.read_yaml,
    ".toml": documents.read_toml,
    ".csv": _csv,
    ".tsv": _csv,
}
_DOCUMENTS = (documents.read_json, documents.read_yaml, documents.read_toml, documents.read_literal)
