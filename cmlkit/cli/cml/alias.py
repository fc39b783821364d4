"""`cmlkit alias`: CML's own executables, as names of cmlkit."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from cmlkit.bounds.files import SETTINGS_BYTES, read_regular
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import show_text
from cmlkit.errors import SettingsError, step_after
from cmlkit.files import write_whole

# What follows `cml-` in the executables of CML 0.20: `bin` of its package.json. pyproject.toml has those of `cmlkit-`.
EXECUTABLES = ("pr", "publish", "runner", "send-comment", "send-github-check", "tensorboard-dev")
_MARK = "# Written by cmlkit alias: cmlkit under CML's name."


@click.command(cls=Command)
@with_settings()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def alias(invocation: Invocation, directory: Path) -> None:
    """Write cml, cml-publish and the other names of CML's executables into DIRECTORY, each of which runs cmlkit.

    Not one word of a CML workflow then has to change. A file that this command has not written is never overwritten.

    \b
    cmlkit alias ~/.local/bin
    """
    scripts = {"cml": _script(), **{f"cml-{name}": _script(name) for name in EXECUTABLES}}
    _refuse_to_overwrite(directory, scripts)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in scripts.items():
            write_whole(directory / name, text.encode())
            (directory / name).chmod(0o755)
    except OSError as error:
        raise SettingsError(
            f"{directory} cannot be written to: {error.strerror}.", next_step=step_after(error)
        ) from error
    _warn_of_path(invocation, directory)
    result = {"directory": str(directory), "names": list(scripts)}
    show_text(invocation, result, f"Wrote to {directory}, as names of cmlkit: {', '.join(scripts)}")


def _script(*words: str) -> str:
    # -P keeps modules of the folder that a job runs in out of imports.
    command = shlex.join([sys.executable, "-P", "-m", "cmlkit", *words])
    return f'#!/bin/sh\n{_MARK}\nexec {command} "$@"\n'


def _refuse_to_overwrite(directory: Path, names: dict[str, str]) -> None:
    """Raise SettingsError, before anything is written, if a file of another origin has one of the names."""
    for path in (directory / name for name in names):
        if os.path.lexists(path) and (path.is_symlink() or _MARK not in _text(path)):
            raise SettingsError(
                f"{path} is there already, and not cmlkit's; nothing was written.",
                next_step="Uninstall CML, or name another folder.",
            )


def _text(path: Path) -> str:
    try:
        return read_regular(path, SETTINGS_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _warn_of_path(invocation: Invocation, directory: Path) -> None:
    found = shutil.which("cml", path=invocation.environ.get("PATH", ""))
    if found is None:
        invocation.progress.warn(f'{directory} is not on PATH. In a workflow: echo {directory} >> "$GITHUB_PATH"')
    elif Path(found).resolve() != (directory / "cml").resolve():
        invocation.progress.warn(f"{found} comes first on PATH: cml is still that.")
