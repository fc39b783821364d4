"""Flags of CML's commands, and the fate of each here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

# Values that switch a switch off.
OFF = ("false", "0", "no", "off")
GUIDE = "docs/how-to/migrate-from-cml.md lists every flag."


@dataclass(frozen=True, kw_only=True)
class Words:
    """Our words for one flag.

    Attributes:
        note: A line for the log; empty if there is nothing to say.
    """

    words: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Same:
    """The flag is here, too.

    Attributes:
        negative: Whether a switch has a form that starts with `--no-`.
    """

    negative: bool = False


@dataclass(frozen=True, kw_only=True)
class Becomes:
    """The flag is another one here.

    Attributes:
        shown: Our flag, for the guide.
        words: Turns a value, and the flag's spelling for messages, into our words; raises SettingsError if it cannot.
        takes: Values that it takes, for the guide; any if empty.
    """

    shown: str
    words: Callable[[str, str], Words]
    takes: str = ""


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """The flag is accepted, and has no effect.

    Attributes:
        why: A sentence.
        noted: Whether the sentence goes to the log, as someone may count on the effect.
    """

    why: str
    noted: bool = False


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The flag is an error, unless it is switched off.

    Attributes:
        why: A sentence.
        instead: What to do; empty if the guide must do.
    """

    why: str
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class Token:
    """The value becomes the token, with a warning."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The value must name the repository of the run."""


Fate = Same | Becomes | Nothing | Refused | Token | Repository
Kind = Literal["switch", "value", "list"]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A flag of a CML command.

    Attributes:
        name: With dashes, as CML's reference spells it.
        kind: A switch takes no value, or true or false; a list takes several values.
        aliases: Other names, with dashes.
        older: Whether releases before 0.20 had it, and 0.20 has not.
    """

    name: str
    fate: Fate
    kind: Kind = "value"
    aliases: tuple[str, ...] = ()
    older: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, kw_only=True)
class Given:
    """A flag with its value; a switch is `true` or `false`.

    Attributes:
        spelled: The flag as it was written, or the variable's name, for messages.
    """

    flag: Flag
    value: str
    spelled: str
    from_variable: bool = False

    @property
    def is_off(self) -> bool:
        return self.flag.kind == "switch" and self.value in OFF


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that CML has, too.

    Attributes:
        path: Our command.
        names: The ways to write it in CML.
        prefixes: Of the variables that set its flags, without the last underscore.
        flags: Its own; those of every command come on top.
        refusal: Why the whole command is refused; None if it works.
    """

    path: tuple[str, ...]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    flags: tuple[Flag, ...]
    refusal: Refused | None = None
