"""`cmlkit demo` and `cmlkit sandbox`: the whole daily job without an account."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, show_text
from cmlkit.errors import MissingExtra, SettingsError
from cmlkit.records.cost import dollars
from cmlkit.scaffold import templates
from cmlkit.sinks.printing import hiding, show

if TYPE_CHECKING:
    from cmlkit_sandbox import Sandbox
    from cmlkit_sandbox.demo import Day

PAGE_FOLDER = Path("build/demo")


@click.command(cls=Command)
@with_settings()
@click.option("--repeat", default=1, type=click.IntRange(1, 30), help="How many days to run.")
@click.option("--serve", is_flag=True, help="Serve the pull request's page until Ctrl-C.")
@click.option("--example", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Project to train.")
def demo(invocation: Invocation, repeat: int, serve: bool, example: Path | None) -> None:
    """Run the whole daily job on this machine, in the sandbox: launch, train, publish, terminate.

    The sandbox comes with an extra: pip install 'cmlkit-ci[demo]'.

    \b
    cmlkit demo
    cmlkit demo --repeat 2 --serve
    """
    with _sandbox(example or templates.example(), folder=PAGE_FOLDER) as sandbox:
        from cmlkit_sandbox.demo import Demo, write_page

        days = list(Demo(sandbox=sandbox, progress=invocation.progress).days(repeat))
        page = write_page(sandbox, days[-1].published["pull_request_url"], PAGE_FOLDER)
        result: dict[str, Any] = {**days[-1].result(), "page": str(page)}
        if len(days) > 1:
            result["earlier"] = [day.result() for day in days[:-1]]
        emit(invocation, result, [] if invocation.as_json else summary(days[-1], page))
        if serve:
            with _until_ended():
                invocation.progress.note(f"Serving {result['pull_request_url']}; Ctrl-C ends it.")


@click.command(cls=Command)
@with_settings()
@click.option("--example", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Project to start with.")
def sandbox(invocation: Invocation, example: Path | None) -> None:
    """Run stand-ins for AWS and GitHub on this machine, and print the variables that point to them.

    The sandbox comes with an extra: pip install 'cmlkit-ci[demo]'.

    \b
    cmlkit sandbox --example examples/random-forest
    """
    with _sandbox(example or templates.example()) as running, _until_ended():
        variables = running.environ()
        exports = "\n".join(f"export {name}={value}" for name, value in variables.items())
        with hiding(None):
            show_text(invocation, {"url": running.url, "environment": variables}, exports)
        invocation.progress.note(f"The sandbox is up at {running.url}; Ctrl-C ends it.")


@contextmanager
def _sandbox(source: Path, *, folder: Path | None = None) -> Iterator[Sandbox]:
    """Yield a sandbox that keeps its files below `folder`, or the temporary folder if None, and removes them.

    SIGTERM ends it as Ctrl-C does; otherwise its files would stay.
    """
    try:
        from cmlkit_sandbox import Sandbox
    except ModuleNotFoundError as error:
        raise MissingExtra(f"The sandbox needs {error.name}.", extra="demo") from error
    if shutil.which("git") is None:
        raise SettingsError("The sandbox needs git, which is not on PATH.", next_step="Install git.")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="cmlkit-sandbox-", dir=folder) as directory,
            Sandbox(Path(directory).resolve(), source=source) as running,
        ):
            yield running
    finally:
        signal.signal(signal.SIGTERM, before)


def summary(day: Day, page: Path) -> list[tuple[str, str]]:
    """Return what a person sees of the last day; no address in the sandbox, which ends with the command."""
    result = day.result()
    return [
        ("", ""),
        *((name, f"{value:.4g}") for name, value in result["metrics"].items()),
        ("verdict", result["headline"]),
        ("commit", f"{result['commit_sha'][:10]} on {result['branch']}"),
        *(("file" if index == 0 else "", path) for index, path in enumerate(result["files"])),
        (
            "instance",
            f"{result['instance_type']}, {result['market']}, {result['instance_id']}: {result['instance_state']}",
        ),
        ("lifetime", f"{result['lifetime_seconds']} s"),
        ("cost", f"{dollars(result['cost_usd'])}, had it been real"),
        ("page", str(page)),
    ]


@contextmanager
def _until_ended() -> Iterator[None]:
    """Wait after the block for Ctrl-C or SIGTERM, either of which may also end the block."""
    try:
        yield
        threading.Event().wait()
    except KeyboardInterrupt:
        show(errors=True)
