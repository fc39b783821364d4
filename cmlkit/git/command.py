"""The one place that runs git, with its environment, its time limit, and errors that quote it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cmlkit.errors import GitError, GitFailed, NotARepository, NotTrusted, step_in

TIMEOUT_SECONDS = 60.0
# A server that goes silent would hold git: fewer bytes a second than the first, for as many seconds as the second.
# https://git-scm.com/docs/git#Documentation/git.txt-GITHTTPLOWSPEEDLIMIT
LOW_SPEED = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}

_NO_REPOSITORY = re.compile(r"^fatal: (not a git repository \(or any .*)", re.MULTILINE)
# Since git 2.35.2; before 2.38 it was called an "unsafe repository".
_REFUSED = re.compile(r"^fatal: ((?:detected dubious ownership in repository|unsafe repository) .*)", re.MULTILINE)
_WAY_OUT = re.compile(r"git config --global --add safe\.directory \S.*")


def run_git(
    directory: Path,
    *arguments: str,
    send: bytes = b"",
    environ: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
    terminal: bool = True,
) -> bytes:
    """Return the output of a git command.

    Args:
        send: Bytes for git's standard input.
        environ: Environment for git; that of this process if None.
        timeout: Seconds.
        terminal: Whether git and what it starts may ask a person for a password.

    Raises:
        NotARepository: `directory` is in no git repository.
        GitFailed: The command fails, or takes too long.
        GitError: git is not installed, or refuses to work in this repository.
    """
    done = _run(directory, arguments, send=send, environ=environ, timeout=timeout, terminal=terminal)
    if done.returncode != 0:
        raise _error(directory, arguments[0], _words(done))
    return done.stdout


def git_text(directory: Path, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return the output of a git command as text, without the newline at its end.

    Raises:
        GitError: As from `run_git`.
    """
    return _text(run_git(directory, *arguments, timeout=timeout))


def ask_git(directory: Path, *arguments: str, send: bytes = b"") -> str | None:
    """Return the output of a git command as text, or None if there is no such setting, ref or commit.

    The command must report a missing value by exit status 1 or an empty stderr: `config --get`, or one with `--quiet`.

    Raises:
        GitError: As from `run_git`.
    """
    done = _run(directory, arguments, send=send)
    words = _words(done)
    if done.returncode == 0:
        return _text(done.stdout)
    if done.returncode == 1 or (done.returncode > 0 and not words):
        return None
    raise _error(directory, arguments[0], words)


def _run(
    directory: Path,
    arguments: tuple[str, ...],
    *,
    send: bytes = b"",
    environ: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
    terminal: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            # The user's setting would mix signatures into the output.
            ["git", "-c", "log.showSignature=false", *arguments],
            cwd=directory,
            # In English, because errors are recognized by their text.
            env={**LOW_SPEED, **(os.environ if environ is None else environ), "LC_ALL": "C"},
            input=send,
            capture_output=True,
            timeout=timeout,
            check=False,
            start_new_session=not terminal,
        )
    except subprocess.TimeoutExpired as error:
        raise GitFailed(
            f"git {arguments[0]} took more than {timeout:.0f} s.",
            next_step="Run it again; if it hangs again, look for a slow disk, a slow network or a password prompt.",
        ) from error
    except OSError as error:
        raise _not_started(directory, error) from error


def _not_started(directory: Path, error: OSError) -> GitError:
    if not directory.is_dir():  # OSError looks the same for this
        return GitError(f"{directory} is not a folder that git can run in.")
    if isinstance(error, FileNotFoundError):
        return GitError("git is not installed.", next_step="Install git, for example with: apt-get install git")
    return GitError(f"git cannot be started: {error.strerror}.", next_step="Check the installation of git.")


def _error(directory: Path, command: str, words: str) -> GitError:
    if found := _NO_REPOSITORY.search(words):
        return NotARepository(
            f"{directory.resolve()} is in no git repository: {found[1]}",
            next_step="Run it in a clone of the repository.",
        )
    if found := _REFUSED.search(words):
        # git names the folder to trust, which may differ from the one that it ran in.
        named = _WAY_OUT.search(words)
        folder = shlex.quote(str(directory.resolve()))
        return NotTrusted(
            f"git refuses to work in this repository: {found[1]}",
            next_step=f"If you trust it: {named[0] if named else f'git config --global --add safe.directory {folder}'}",
        )
    return GitFailed(f"git {command} failed: {words[-400:]}", words=words, next_step=step_in(words))


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    words = done.stderr.decode("utf-8", "replace").strip()
    return words or (f"signal {-done.returncode} ended it" if done.returncode < 0 else "")


def _text(output: bytes) -> str:
    # File names need not be UTF-8; fsdecode keeps them as Python's own functions expect them.
    return os.fsdecode(output).removesuffix("\n")
