"""The training command, run with unbuffered output and with signals passed on to it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from cmlkit.errors import Interrupted, TrainingFailed
from cmlkit.process import caught_signals, guarded_group, leave_closed_terminal, signal_group
from cmlkit.records.redaction import redacted_command
from cmlkit.records.training_run import Resources

# Time for a training to write its checkpoint after SIGTERM. AWS gives a spot instance two minutes from its notice.
GRACE_SECONDS = 90.0
# Between two looks at the processes that a signal is to end.
LOOK_SECONDS = 0.05
RSS_UNIT_BYTES = 1024  # getrusage(2) counts resident memory in kilobytes on Linux


def run_shell(
    command: str,
    *,
    directory: Path,
    environ: Mapping[str, str],
    output: int | None = None,
    grace_seconds: float = GRACE_SECONDS,
    on_signal: Callable[[], None] = lambda: None,
) -> Resources:
    """Run a shell command line to its end; its output goes to ours, unbuffered and unread.

    SIGINT and SIGTERM are passed on to the command and every process that it started; those that do not end within
    `grace_seconds` are killed. SIGHUP is passed on as SIGTERM, for which trainings save. If this process is killed, the
    command and its processes end in the same way.

    Args:
        output: File descriptor for its standard output; our own if None.
        on_signal: Called in the signal handler.

    Raises:
        TrainingFailed: The command ended with an error or was killed; the error keeps its exit code.
        Interrupted: A signal ended the command.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    # The shell is in a process group of its own, so that a signal reaches every process of a pipeline.
    argv = ["bash", "-eo", "pipefail", "-c", command]
    with guarded_group(grace_seconds) as group, _passing_on(grace_seconds, on_signal) as passing:
        process = subprocess.Popen(argv, cwd=directory, env=dict(environ), stdout=output, process_group=group)
        passing.to(group)
        _, status, usage = os.wait4(process.pid, 0)
        if passing.received:
            # The shell of a pipeline ends at the signal, while the training still writes its checkpoint.
            _wait_for_group(group, until=time.monotonic() + grace_seconds)
    process.returncode = os.waitstatus_to_exitcode(status)
    if passing.received:
        raise Interrupted(
            f"{signal.Signals(passing.received[0]).name} ended the training command: {redacted_command(command)}"
        )
    if process.returncode:
        raise _failed(command, process.returncode)
    return Resources(
        wall_seconds=time.monotonic() - started,
        cpu_seconds=_children_cpu() - before.ru_utime - before.ru_stime,
        peak_memory_bytes=usage.ru_maxrss * RSS_UNIT_BYTES,
    )


class _Passing:
    """Signal handlers that pass signals on to a process group, and kill the group after `grace_seconds`."""

    def __init__(self, grace_seconds: float, on_signal: Callable[[], None]) -> None:
        self.received: list[int] = []
        self._on_signal = on_signal
        self._grace_seconds = grace_seconds
        self._group: int | None = None

    def to(self, group: int) -> None:
        """Pass signals on to this group from now on, beginning with those received before it existed."""
        self._group = group
        for number in self.received:
            self._pass_on(number)

    def receive(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        self._on_signal()
        signal.setitimer(signal.ITIMER_REAL, self._grace_seconds)
        if number == signal.SIGHUP:
            leave_closed_terminal()
        self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if self._group is not None:
            signal_group(self._group, signal.SIGTERM if number == signal.SIGHUP else number)

    def kill(self, *_: object) -> None:
        if self._group is not None:
            signal_group(self._group, signal.SIGKILL)


@contextmanager
def _passing_on(grace_seconds: float, on_signal: Callable[[], None]) -> Iterator[_Passing]:
    """Pass signals on, from before the process starts until after it has ended."""
    passing = _Passing(grace_seconds, on_signal)
    if threading.current_thread() is not threading.main_thread():
        yield passing  # only the main thread may handle signals; elsewhere they are the caller's business
        return
    handlers: dict[int, Callable[[int, FrameType | None], None]] = dict.fromkeys(caught_signals(), passing.receive)
    handlers[signal.SIGALRM] = passing.kill
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield passing
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        if passing.received:
            passing.kill()


def _wait_for_group(group: int, *, until: float) -> None:
    """Wait until no process of the group runs any more, at most until that time of the monotonic clock."""
    while time.monotonic() < until and any(_is_of_group(stat, group) for stat in Path("/proc").glob("[0-9]*/stat")):
        time.sleep(LOOK_SECONDS)


def _is_of_group(stat: Path, group: int) -> bool:
    """Return whether a process is in the group, other than its guardian, and has not ended.

    Those that nobody reaps stay as zombies.

    proc_pid_stat(5): after the name, in brackets, come state, parent and group.
    """
    try:
        state, _, its_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return False  # it has ended meanwhile
    return state not in "ZX" and int(its_group) == group and stat.parent.name != its_group


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _failed(command: str, returncode: int) -> TrainingFailed:
    killed_by = -returncode if returncode < 0 else returncode - 128 if returncode > 128 else 0
    if killed_by == signal.SIGKILL:
        how = "was killed, most likely because memory ran out"
        next_step = "Choose an instance type with more memory, or make training use less."
    elif killed_by in set(signal.Signals):
        how, next_step = f"was ended by {signal.Signals(killed_by).name}", "See its output above."
    elif returncode == 127:
        how, next_step = "names a program that does not exist (exit code 127)", "Install it in the setup command."
    else:
        how, next_step = f"ended with exit code {returncode}", "See its output above."
    return TrainingFailed(f"The command {how}: {redacted_command(command)}", returncode=returncode, next_step=next_step)
