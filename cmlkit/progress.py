"""Progress: the current step and its duration, for a terminal, a workflow log, or nobody."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol, TextIO

from cmlkit.sinks.printing import printable, show

Say = Callable[[str], None]
"""Reports what a stage is doing now; each call replaces the text before it."""


class Progress(Protocol):
    """A receiver of progress reports."""

    def stage(self, title: str) -> AbstractContextManager[Say]:
        """Announce a stage; at its end, show its title with its duration and the text that was said last."""

    def note(self, text: str) -> None:
        """Show a line that stays."""

    def warn(self, text: str) -> None:
        """Show a warning that a person should act on, although the work goes on."""


class Silent:
    """No output: the default of the Python API."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Say]:
        yield lambda text: None

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


class Lines:
    """Plain lines, for logs and pipes: one when a stage starts, and one when it ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    @contextmanager
    def stage(self, title: str) -> Iterator[Say]:
        said = ""
        started = time.monotonic()

        def say(text: str) -> None:
            nonlocal said
            said = text

        self.begin(title)
        try:
            yield say
        except BaseException:
            self.end(f"{title}: failed after {time.monotonic() - started:.1f} s")
            raise
        self.end(f"{title}: {said or 'done'} ({time.monotonic() - started:.1f} s)")

    def begin(self, title: str) -> None:
        self.note(f"{title} …")

    def end(self, outcome: str) -> None:
        self.note(outcome)

    def note(self, text: str) -> None:
        # A log that takes no more, on a full disk or in a pipe that was closed, is no reason to stop the work.
        with suppress(OSError, ValueError):
            show(text, stream=self.stream)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")


class Live:
    """A spinner with elapsed time on a terminal, drawn by rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False, emoji=False)

    @contextmanager
    def stage(self, title: str) -> Iterator[Say]:
        from rich.markup import escape

        title, said = printable(title), ""
        started = time.monotonic()

        def say(text: str) -> None:
            nonlocal said
            said = text
            status.update(f"{escape(title)}  [dim]{escape(printable(text))}[/dim]")

        with self.console.status(escape(title)) as status:
            try:
                yield say
            except BaseException:
                self.console.print(f"[red]✗[/red] {escape(title)}  [dim]{time.monotonic() - started:.1f} s[/dim]")
                raise
        took = f"{time.monotonic() - started:.1f} s"
        self.console.print(f"[green]✓[/green] {escape(title)}  {escape(printable(said))} [dim]{took}[/dim]")

    def note(self, text: str) -> None:
        self.console.print(printable(text), markup=False)

    def warn(self, text: str) -> None:
        self.console.print(f"warning: {printable(text)}", markup=False, style="yellow")
