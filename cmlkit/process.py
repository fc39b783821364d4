"""Processes: programs run to their end, and work done beside other work."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cmlkit.errors import ServiceError

T = TypeVar("T")

ENV_START = 50 - 3  # proc_pid_stat(5) counts env_start as field 50; what follows the program's name begins at field 3


@contextmanager
def variables_hidden(names: Collection[str]) -> Iterator[bool]:
    """Keep variables out of this process's environment meanwhile, and for good out of its `/proc/PID/environ`.

    This is no boundary: copies may be left elsewhere in memory, and in the processes above this one.

    Yields:
        Whether `/proc/PID/environ`, which children can read, shows none of them.
    """
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield _blanked(names)
    finally:
        os.environ.update(hidden)


def _blanked(names: Collection[str]) -> bool:
    """Overwrite variables where they were when this process began: unsetting them leaves them there."""
    began_with = Path("/proc/self/environ")
    if not began_with.exists():
        return True  # other systems have no such file
    try:
        address = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[ENV_START])
        # An address that is wrong is an error here, where ctypes would end the process.
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            for entry in began_with.read_bytes().split(b"\0"):
                if os.fsdecode(entry.partition(b"=")[0]) in names:
                    memory.seek(address)
                    memory.write(bytes(len(entry)))
                address += len(entry) + 1
    except OSError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended: its exit code, and what it printed to either stream."""

    code: int
    output: str
    errors: str


def run_program(argv: Sequence[str], *, directory: Path, environ: Mapping[str, str], timeout: float) -> Ended:
    """Run a program to its end; what it prints is kept, not shown.

    Args:
        timeout: Seconds.

    Raises:
        ServiceError: It cannot be started, or takes longer.
    """
    try:
        done = subprocess.run(argv, cwd=directory, env=dict(environ), capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{' '.join(argv[:4])}: {error}.") from error
    output, errors = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Ended(code=done.returncode, output=output, errors=errors)


def beside(
    argv: Sequence[str],
    *,
    answers: bool = False,
    directory: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes] | None:
    """A process with pipes, to work beside this one without a word to people; None where it cannot be started.

    Args:
        answers: Whether its standard output is a pipe too, and not thrown away.
        directory: Where it runs, and `environ` in what environment; as this one when None.
    """
    try:
        return subprocess.Popen(
            argv,
            cwd=directory,
            env=None if environ is None else dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError:
        return None


def helper(module: str) -> tuple[str, ...]:
    """The command that runs a module of ours `beside`, with no threads for numpy, which has nothing to do for them."""
    # -P keeps the project's own files from being imported in the place of libraries.
    return ("env", "OPENBLAS_NUM_THREADS=1", sys.executable, "-P", "-m", module)


def begun(act: Callable[[], T]) -> Callable[[], T]:
    """Begin to act in a thread, beside other work; call what comes back for the result, or the error."""
    from concurrent.futures import Future  # a command has no use for it

    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)

    # Nobody waits for it at the end, should the other work fail.
    threading.Thread(target=run, daemon=True).start()
    return future.result


def forked(act: Callable[[], None]) -> Callable[[], bool]:
    """Do `act` in a copy of this process, which should have no other threads.

    Returns:
        To call once: waits for the copy, and says whether it went well.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)  # what this process would do at its end is for the original to do
    return lambda: os.waitpid(child, 0)[1] == 0
