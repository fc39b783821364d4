"""Processes: running programs to their end, and hiding variables from them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import ServiceError

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
    try:
        done = subprocess.run(argv, cwd=directory, env=dict(environ), capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{' '.join(argv[:4])}: {error}.") from error
    output, errors = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Ended(code=done.returncode, output=output, errors=errors)
