"""CML's variables, `CML_<COMMAND>_<FLAG>`, read as flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cmlkit.cli.cml.commands import EVERY, OLDEST_VARIABLES
from cmlkit.cli.cml.flags import OFF, Command, Flag, Given


def set_by_variables(command: Command, environ: Mapping[str, str]) -> Iterator[Given]:
    """Yield the flags that variables set, each once; an empty variable counts as unset."""
    for flag in (*command.flags, *EVERY):
        name = next((name for name in _variables(command, flag) if environ.get(name)), "")
        if name:
            yield Given(flag=flag, value=_value(flag, environ[name]), spelled=name, from_variable=True)


def _variables(command: Command, flag: Flag) -> Iterator[str]:
    """Yield the names of a flag's variables, those that count more first."""
    # Those of the command go first; `CML_TOKEN` and its like are for every command.
    prefixes = (*command.prefixes, "CML") if flag in EVERY else command.prefixes
    for prefix in prefixes:
        for name in flag.names:
            yield f"{prefix}_{name.strip('-').replace('-', '_').upper()}"
    if "CML_RUNNER" in command.prefixes:
        yield from (variable for variable, name in OLDEST_VARIABLES.items() if name in flag.names)


def _value(flag: Flag, text: str) -> str:
    if flag.kind != "switch":
        return text
    return "false" if text.lower() in OFF else "true"
