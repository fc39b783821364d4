"""Findings: the numbers of metrics files by name, and what was left out of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmlkit.formats import plural

NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name of a metrics file, with its number or with the reason why it is left out.

    Attributes:
        percentage: Whether the number was written as a percentage.
        repeats: Whether an earlier number of the same name belongs to an earlier round of a log, and not to a mistake.
    """

    name: str
    value: float | None = None
    reason: str = ""
    percentage: bool = False
    repeats: bool = False


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The numbers of metrics files.

    Attributes:
        values: Name -> finite number, as written, in the order of the files.
        percentages: Names whose number was written as a percentage.
        left_out: Name -> reason why its value is not among the metrics.
        warnings: Sentences: for each file at most one about what was left out, and one about names that it repeats.
    """

    values: Mapping[str, float] = dataclasses.field(default_factory=dict)
    percentages: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def left_out_sentence(path: str, left_out: Mapping[str, str]) -> str:
    """Return the one warning about what was left out of a file: how many, which, and why."""
    return f"{path}: {plural(len(left_out), 'value')} left out: {named(left_out)}."


def named(left_out: Mapping[str, str]) -> str:
    """Return names with their reasons, grouped by reason; some of them if they are many."""
    shown = list(left_out.items())[:NAMES_SHOWN]
    groups: dict[str, list[str]] = {}
    for name, reason in shown:
        groups.setdefault(reason, []).append(name)
    text = "; ".join(f"{', '.join(map(short, names))} ({reason})" for reason, names in groups.items())
    more = len(left_out) - len(shown)
    return f"{text}; and {more:,} more" if more else text


def short(name: str) -> str:
    """Return a name in a form for sentences: one line of at most 60 characters."""
    line = " ".join(name.split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def repeated_sentence(path: str, names: Sequence[str]) -> str:
    """Return the warning about names that occur more than once: the last value counts."""
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"{path}: the last value counts for {', '.join(map(short, names[:NAMES_SHOWN]))}{more}, which it repeats."
