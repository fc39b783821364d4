"""The first process of a sandbox machine: starts the boot script, adopts orphans, ends all at power-off.

Whichever session or group a process of the machine moves to, this one stays its ancestor, because orphans become its
children: nothing escapes the power-off, which comes by SIGTERM, from the machine's own `poweroff`, or when standard
input ends, because the sandbox pressed the button or is gone itself.

Run by its path in the machine's directory, with the standard library only: python init_process.py SCRIPT GRACE_SECONDS
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PID_FILE = Path("init.pid")
POLL_SECONDS = 0.02
PR_SET_CHILD_SUBREAPER = 36  # prctl(2), Linux 3.4


def main(script: str, grace_seconds: float) -> None:
    """Run one machine from its power-on to its power-off."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    signals = _signals()
    PID_FILE.write_text(str(os.getpid()), encoding="ascii")
    if script:
        subprocess.Popen(["bash", script], stdin=subprocess.DEVNULL, start_new_session=True)
    _wait_for_power_off(signals)
    _end_all(grace_seconds)


def _signals() -> int:
    """Return a descriptor from which the received signals' numbers can be read."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return reading


def _wait_for_power_off(signals: int) -> None:
    while True:
        ready, _, _ = select.select([signals, sys.stdin], [], [])
        came = os.read(signals, 512) if signals in ready else b""
        _collect()
        if signal.SIGTERM in came:
            return
        if sys.stdin in ready and not os.read(sys.stdin.fileno(), 512):
            return


def _collect() -> bool:
    """Reap the children that have ended; return whether any are left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _end_all(grace_seconds: float) -> None:
    """End everything as systemd does: SIGTERM at once, and SIGKILL to the rest after the grace period."""
    deadline = time.monotonic() + grace_seconds
    held = _hold_all()
    _signal(held, signal.SIGTERM)
    _signal(held, signal.SIGCONT)
    while _collect():
        if time.monotonic() > deadline:
            _signal(_descendants(), signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _hold_all() -> set[int]:
    """Stop every process, so that none starts another one unseen; return all ids."""
    held: set[int] = set()
    while found := _descendants() - held:
        _signal(found, signal.SIGSTOP)
        held |= found
    return held


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _descendants() -> set[int]:
    """Return ids of the living processes below this one."""
    children: dict[int, list[int]] = {}
    alive: set[int] = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (status := _status(folder)):
            state, parent = status
            children.setdefault(parent, []).append(int(folder.name))
            if state != "Z":
                alive.add(int(folder.name))
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found & alive


def _status(folder: Path) -> tuple[str, int] | None:
    """Return state and parent of a process; None if it is gone."""
    try:
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
