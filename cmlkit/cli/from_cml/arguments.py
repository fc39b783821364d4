"""The flags of a call of CML, as the table of CML's flags has them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cmlkit.cli.cml.command_line import parsed
from cmlkit.cli.cml.flags import Becomes, Command, Given, Nothing, Refused, Token
from cmlkit.cli.from_cml.shell import Word
from cmlkit.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Argument:
    """A flag with its words, or a word that is no flag.

    Attributes:
        flag: The flag's name; empty for another word.
        value: Its value; None if the shell, or GitHub, puts something into it.
        words: As they stand in the script.
        new: What takes their place; None if they stay, and empty if they go.
        why: The reason, if it is not evident.
        stops: Whether the flag stops the run.
        by_hand: Whether the user has to decide.
    """

    flag: str
    value: str | None
    words: Sequence[Word]
    new: str | None = None
    why: str = ""
    stops: bool = False
    by_hand: bool = False


def arguments(command: Command, words: Sequence[Word]) -> Iterator[Argument]:
    """Yield the arguments of a call of a command, with what becomes of each."""
    texts = [word.text if word.value is None else word.value for word in words]
    place = 0
    while place < len(words):
        try:
            first = next(parsed(command, texts[place:]))
        except SettingsError as error:
            yield Argument(flag=texts[place], value=None, words=words[place : place + 1], why=_said(error), stops=True)
            place += 1
            continue
        if isinstance(first, str):
            rest = len(words) if first == "--" else place + 1
            yield Argument(flag="", value=words[place].value, words=words[place:rest])
            place = rest
            continue
        taken = words[place : place + _taken(first, texts[place:])]
        yield _argument(first, taken)
        place += len(taken)


def _taken(given: Given, texts: Sequence[str]) -> int:
    """Return how many words a flag takes, with its values."""
    attached = "=" in texts[0] or (not texts[0].startswith("--") and len(texts[0]) > 2)
    if given.flag.kind == "switch":
        return 1 + (not attached and texts[1:2] in (["true"], ["false"]))
    if given.flag.kind == "value":
        return 1 if attached else 2
    values = next((count for count, text in enumerate(texts[1:]) if text.startswith("-")), len(texts) - 1)
    return 1 + values


def _argument(given: Given, words: Sequence[Word]) -> Argument:
    known = all(word.value is not None for word in words)
    as_it_is = Argument(flag=given.flag.name, value=given.value if known else None, words=words)
    fate = given.flag.fate
    if isinstance(fate, Nothing):
        return replace(as_it_is, new="", why=fate.why)
    if isinstance(fate, Refused):
        return replace(as_it_is, new="") if given.is_off else replace(as_it_is, why=_refusal(given, fate), stops=True)
    if isinstance(fate, Token):
        why = f"Every user of the machine can read {given.spelled}: set REPO_TOKEN in the step's env instead."
        return replace(as_it_is, why=why, by_hand=True)
    if isinstance(fate, Becomes) and known and len(words) <= 2:
        return _translated(as_it_is, given, fate)
    return as_it_is


def _translated(as_it_is: Argument, given: Given, fate: Becomes) -> Argument:
    try:
        ours = fate.words(given.value, given.spelled)
    except SettingsError as error:
        return replace(as_it_is, why=_said(error), stops=True)
    if ours.words == _plain(as_it_is.words) or any("\n" in word for word in ours.words):
        return replace(as_it_is, why=ours.note)
    return replace(as_it_is, new=_written(ours.words, joined=len(as_it_is.words) == 1), why=ours.note)


def _plain(words: Sequence[Word]) -> list[str]:
    """Return the words as the shell passes them, with a flag apart from its value."""
    return [part for word in words for part in (word.value or "").split("=", 1)]


def _written(words: Sequence[str], *, joined: bool) -> str:
    if joined and len(words) == 2:
        return f"{words[0]}={shlex.quote(words[1])}"
    return " ".join(shlex.quote(word) for word in words)


def _refusal(given: Given, fate: Refused) -> str:
    return f"{given.spelled} is not supported. {fate.why} {fate.instead}".strip()


def _said(error: SettingsError) -> str:
    return f"{error.message} {error.next_step}".strip()
