"""Standard output and standard error: a person's terminal, or the log of a job.

A terminal obeys escape sequences, and a job's runner obeys lines: those with `##[name]` anywhere, and those that begin
with `::name::` after white space. https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs. Only
lines that cmlkit means as commands, which `command` prints, are any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from cmlkit.sinks.secrets import Secrets
from cmlkit.sinks.unseen import NO_WIDTH, visible

_COMMAND = re.compile(r"^[^\S\n]*:(?=:)|##(?=\[)", re.MULTILINE)
# The last is in force: a process has one standard output, and one environment with secrets.
_hidden: list[Secrets | None] = [Secrets()]


@contextmanager
def hiding(secrets: Secrets | None) -> Iterator[None]:
    """Print no secrets during the block; if None, whatever there is, for a command whose result is secrets."""
    _hidden.append(secrets)
    try:
        yield
    finally:
        _hidden.pop()


def without_secrets(value: Any) -> Any:
    """Return a value of JSON as it may be printed."""
    return value if _hidden[-1] is None else _hidden[-1].hidden_in(value)


def printable(text: str) -> str:
    r"""Return the text as a terminal and a log show it: no secret, no command, and `\x1b` for what is unseen."""
    # Alone, `\r` would overwrite the line on a terminal, and begin one for the runner.
    shown = visible(without_secrets(text).replace("\r\n", "\n"))
    return _COMMAND.sub(lambda found: f"{found[0]}{NO_WIDTH}", shown)


def show(text: str = "", *, errors: bool = False, stream: TextIO | None = None) -> None:
    """Print a text on standard output, or on standard error if `errors`, or on `stream`."""
    _print(printable(text), stream or (sys.stderr if errors else sys.stdout))


def show_json(text: str) -> None:
    """Print JSON on standard output, in a form that no runner obeys."""
    # JSON begins no line with a colon, and has a number sign only within strings.
    _print(text.replace("##[", r"##\u005b"), sys.stdout)


def command(line: str, *, stream: TextIO | None = None) -> None:
    """Print a line that is a command to the job's runner, on standard error or on `stream`; its values are escaped."""
    # A log that takes no more, on a full disk or in a pipe that was closed, is no reason to stop the work.
    with suppress(OSError, ValueError):
        _print(visible(without_secrets(line)), stream or sys.stderr)


def keep_secret(value: str) -> None:
    """Show `***` from now on for a secret that was just made, in all that this process prints."""
    if (secrets := _hidden[-1]) is not None:
        secrets.add(value)


def mask(line: str, *, stream: TextIO | None = None) -> None:
    """Print the command that names a secret to the job's runner, which then shows `***` for it; nothing else shows it.

    The runner takes the line out of the log. In any other place it would be seen, so only the workplace that has such
    a runner calls this.
    """
    with suppress(OSError, ValueError):
        _print(visible(line), stream or sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    # An old locale lacks characters of names; without them, the rest is still worth reading.
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
