"""The words of `cmlkit init` about its guesses: their grounds, what it passed over, and what may be missing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmlkit.scaffold.guess import Guess, Unused
from cmlkit.scaffold.lacking import Lacking

WIDTH = 80
_MOST_SHOWN = 4  # values of a list, and other candidates
_R = (
    Lacking(
        what="R", why="not every machine has it", ways=("add a step r-lib/actions/setup-r before that of training",)
    ),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A value that nobody gave.

    Attributes:
        because: What it was guessed from.
        where: The file, with the line if known, in which it stands.
    """

    name: str
    value: Any
    because: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Confession:
    """All that `cmlkit init` was not told.

    Attributes:
        guessed: Values that were made from what is there.
        defaults: Values for which nothing was found.
        candidates: Other commands that may train.
        machine: What the training runs on, as in "The instance will lack".
    """

    guessed: tuple[Entry, ...] = ()
    defaults: tuple[Entry, ...] = ()
    unused: tuple[Unused, ...] = ()
    candidates: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...] = ()
    machine: str = "instance"

    def lines(self) -> Iterator[str]:
        """Yield what a person reads, at most `WIDTH` columns wide but for words that are longer."""
        yield from _section("Guessed:", [(entry.name, _with_reason(entry)) for entry in self.guessed])
        nothing = [(entry.name, f"the default stands: {_shown(entry.value)}") for entry in self.defaults]
        yield from _section("Not found:", nothing)
        yield from _section("Found and not used:", [(", ".join(item.paths), item.why) for item in self.unused])
        yield from _section("Other commands that may train:", [(text, "") for text in _few(self.candidates)])
        lacks = [(item.what, _with_ways(item)) for item in self.lacking]
        yield from _section(f"The {self.machine} will lack:", lacks)


def _section(title: str, rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a title with a row for each label and text below it; nothing without rows."""
    if not rows:
        return
    yield from ("", title)
    width = max((len(label) for label, _ in rows if len(label) <= WIDTH // 4), default=0)
    for label, text in rows:
        first, *others = text.split("\n")
        yield from _wrapped(f"  {label:<{width}}  {first}".rstrip(), indent=4)
        for other in others:
            yield from _wrapped(f"    - {other}", indent=6)


def _wrapped(text: str, *, indent: int) -> list[str]:
    leading = len(text) - len(text.lstrip())
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return lines or [" " * leading]


def _with_reason(entry: Entry) -> str:
    reasons = "; ".join(filter(None, [entry.because, entry.where if ":" in entry.where else ""]))
    return f"{_shown(entry.value)} ({reasons})" if reasons else _shown(entry.value)


def _with_ways(item: Lacking) -> str:
    if len(item.ways) == 1:
        return f"{item.why}: {item.ways[0]}"
    return "\n".join([f"{item.why}. One of:", *item.ways])


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(_few(value))


def _few(values: Sequence[str]) -> list[str]:
    more = len(values) - _MOST_SHOWN
    return [*values[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def of_guess(
    guess: Guess, *, said: Mapping[str, Any], defaults: Mapping[str, Any], file: str, machine: str = "instance"
) -> Confession:
    """Return what is to be said of a guess whose values are in the settings file.

    Args:
        said: Key -> value of what flags and variables gave.
        defaults: Key of `train` -> the setting's default.
        machine: What the training runs on: an instance has a section of settings, and another machine has none.
    """
    has_section = machine == "instance"
    values = {**guess.train, **(guess.runner if has_section else {})}
    return Confession(
        guessed=tuple(
            Entry(name=key, value=values[key], because=reason, where=file)
            for key, reason in guess.because.items()
            if key not in said and values.get(key)
        ),
        defaults=tuple(
            Entry(name=key, value=defaults[key], because="", where=file) for key in guess.missing if key not in said
        ),
        unused=guess.unused,
        candidates=() if "run" in said else guess.candidates,
        lacking=(*guess.lacking, *(_R if guess.runner and not has_section else ())),
        machine=machine,
    )


def region_entry(files: Mapping[str, str], because: str) -> Iterator[Entry]:
    """Yield the region in which a workflow launches, if one does.

    Args:
        files: Path -> text of the files to be written.
        because: What names the region; empty if it is the template's own.
    """
    for value, where in _stands(files, r"  AWS_REGION: +[\"']?([\w-]+)"):
        yield Entry(name="region", value=value, because=because or "the template's; --region sets another", where=where)


def python_entry(files: Mapping[str, str], because: str) -> Iterator[Entry]:
    """Yield the Python that a workflow sets up, if a file of the project asks for one."""
    for value, where in _stands(files, r' +python-version: "([\d.]+)"') if because else []:
        yield Entry(name="python", value=value, because=because, where=where)


def branch_entry(files: Mapping[str, str], branch: str, because: str) -> Iterator[Entry]:
    """Yield the branch that pull requests will target, if it is known, and where it stands."""
    if branch:
        places = [where for _, where in _stands(files, r"    branches: (.*)")]
        told = f"{because}; schedules run on the default branch, and the pull request targets it"
        yield Entry(name="branch", value=branch, because=told, where=next(iter(places), ""))


def _stands(files: Mapping[str, str], pattern: str) -> list[tuple[str, str]]:
    """Return what a line's group has, and `FILE:LINE`, of the first line in any of the files that a pattern fits."""
    lines = ((path, number, line) for path, text in files.items() for number, line in enumerate(text.splitlines(), 1))
    found = ((re.match(pattern, line), f"{path}:{number}") for path, number, line in lines)
    return [(match[1], where) for match, where in found if match][:1]
