"""Suggestions for misspelt flags: only what is near by spelling, and no other flag for one of CML's."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(unknown: str, known: Iterable[str]) -> str:
    """Return a sentence about the flag that is likely meant; empty if nothing is near."""
    if (command := _command_of_cml(unknown)) is not None:
        return f"It is a flag of {command}."
    most = 1 if len(unknown) < len("--12345") else 2
    near = sorted((distance, flag) for flag in set(known) if (distance := _distance(unknown, flag)) <= most)
    return f"Did you mean {near[0][1]!r}?" if near else ""


def _command_of_cml(unknown: str) -> str | None:
    from cmlkit.cli.cml.commands import COMMANDS, EVERY

    if any(unknown in flag.names for flag in EVERY):
        return "commands that CML has, too"
    paths = (each.path for each in COMMANDS for flag in each.flags if unknown in flag.names)
    return next((f"cmlkit {' '.join(path)}" for path in paths), None)


def _distance(one: str, other: str) -> int:
    """Return the number of letters to insert, remove, replace or swap with the next: the optimal string alignment."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
