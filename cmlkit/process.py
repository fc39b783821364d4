"""Processes: running programs to their end, ending them with this one, and hiding variables from them."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.errors import ServiceError

# A closed terminal hangs up on its programs, as does the end of an SSH session.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Time for a program other than the training, such as DVC, to end after SIGTERM.
GRACE_SECONDS = 10.0
# Between two looks of a worker at its parent.
LOOK_SECONDS = 0.5
# The pipe at its input closes however the process ends that has the other end: the kernel sees to that. It leads the
# group, so that there is no moment in which a program of the group runs unguarded, and that no other gets its id.
_GUARDIAN = """
trap '' HUP INT TERM
others() {
    [ -d /proc/self ] || { [ "$(pgrep -g $$ | grep -cvx $$)" -gt 0 ]; return; }
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        set -- ${line##*) }
        [ "$3" != $$ ] || [ "$1" = Z ] || [ "$stat" = /proc/$$/stat ] || return 0
    done
    return 1
}
read -r nothing
kill -s TERM 0
seconds=0
while [ $seconds -lt "$1" ] && others; do
    sleep 1
    seconds=$((seconds + 1))
done
kill -s KILL 0
"""
ENV_START = 50 - 3  # proc_pid_stat(5) counts env_start as field 50; what follows the program's name begins at field 3


@contextmanager
def variables_hidden(names: Collection[str]) -> Iterator[bool]:
    """Hide variables from this process's environment during the block, and from its `/proc/PID/environ` for good.

    This is no security boundary: copies may remain elsewhere in memory and in parent processes.

    Yields:
        Whether `/proc/PID/environ`, which children can read, shows none of them.
    """
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield _blanked(names)
    finally:
        os.environ.update(hidden)


def _blanked(names: Collection[str]) -> bool:
    """Overwrite variables in the initial environment, where unsetting leaves them; return whether that worked."""
    began_with = Path("/proc/self/environ")
    if not began_with.exists():
        return True  # other systems have no such file
    try:
        address = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[ENV_START])
        # A wrong address raises OSError here; with ctypes it would end the process.
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
    """The end of a program: its exit code, and its output on either stream."""

    code: int
    output: str
    errors: str


def run_program(argv: Sequence[str], *, directory: Path, environ: Mapping[str, str], timeout: float) -> Ended:
    """Run a program to its end; keep its output instead of showing it.

    Args:
        timeout: Seconds.

    Raises:
        ServiceError: It cannot be started, or takes longer.
    """
    pipe = subprocess.PIPE
    try:
        with guarded_group(GRACE_SECONDS) as group:
            process = subprocess.Popen(
                argv, cwd=directory, env=dict(environ), stdout=pipe, stderr=pipe, process_group=group
            )
            try:
                output, errors = process.communicate(timeout=timeout)
            except BaseException:
                signal_group(group, signal.SIGKILL)
                process.communicate()
                raise
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{' '.join(argv[:4])}: {error}.") from error
    return Ended(
        code=process.returncode, output=output.decode("utf-8", "replace"), errors=errors.decode("utf-8", "replace")
    )


@contextmanager
def guarded_group(grace_seconds: float) -> Iterator[int]:
    """Make a process group that ends with this process, however that ends: by SIGKILL, too.

    Its leader is a shell that waits for the end of this process. It then sends SIGTERM to the group, and SIGKILL after
    `grace_seconds`. When the block ends, the shell is gone; whatever else is in the group stays.

    Yields:
        The group's id, for `Popen`.
    """
    guardian = subprocess.Popen(
        ["/bin/sh", "-c", _GUARDIAN, "guardian", str(math.ceil(grace_seconds))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath},
        process_group=0,
    )
    try:
        yield guardian.pid
    finally:
        guardian.kill()
        guardian.communicate()


def signal_group(group: int, number: int) -> None:
    """Send a signal to the processes of a group, if any are left."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def end_with(parent: int) -> None:
    """Let this process, a worker, end soon after its parent with that id, whatever it is doing then.

    Unlike Linux's PR_SET_PDEATHSIG, this works on macOS, and the end of a thread is not taken for that of the parent.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def caught_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a command; those that `nohup` lets it ignore do not."""
    return tuple(
        number for number in ENDING_SIGNALS if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    )


@contextmanager
def signals_to(handler: Callable[[int, Any], None] | signal.Handlers) -> Iterator[None]:
    """Let a handler have the signals that would end this process. Outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        with suppress(TypeError):  # a handler that was not set from Python cannot be put back
            for number, earlier in before.items():
                signal.signal(number, earlier)


def leave_closed_terminal() -> None:
    """Give up output to a terminal that was closed, as each further line would raise an error in the clean-up."""
    for stream in (1, 2):
        try:
            os.write(stream, b"")
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream)
            os.close(nowhere)


def handed_over(argv: Sequence[str], *, environ: Mapping[str, str]) -> int:
    """Let a program have the terminal until it ends; return its exit code. It alone gets Ctrl-C, Ctrl-\\ and Ctrl-Z."""
    # A handler, unlike an ignored signal, is not inherited by the program. Stopped by Ctrl-Z, which the program passes
    # on to the instance, this process would take the terminal from it.
    before = {name: signal.signal(name, lambda *_: None) for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)}
    try:
        return subprocess.run(argv, env=environ, check=False).returncode
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
