"""The worker: a second process, which reads and draws while this one loads scikit-learn and fits; and joblib's."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from cmlkit.process import end_with

T = TypeVar("T")

# -P keeps the project's own files from being imported in place of libraries. NumPy's threads would be idle.
COMMAND = ("env", "OPENBLAS_NUM_THREADS=1", sys.executable, "-P", "-m", "cmlkit.training.worker")


class Worker:
    """An executor with one process, which lives as long as the `with` block and takes calls in turn.

    The executors of the standard library do not fit: a fork is unsafe beside NumPy's threads, and a spawned process
    imports the script that calls `cmlkit.train`, and would train again.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = self._answered = 0
        self._answers: dict[int, Any] = {}

    def __enter__(self) -> Worker:
        return self

    def begin(self, act: Callable[..., T], *arguments: Any) -> Callable[[], T]:
        """Begin to call a function, which the worker can import from its module.

        Returns:
            A function that waits for the result and returns it; call it once.
        """
        if not self._begun:
            self._start()
        self._send(act, arguments)
        number, self._begun = self._begun, self._begun + 1

        def result() -> T:
            while self._answered <= number and self._process is not None:
                self._receive(self._process)
            if number in self._answers:
                answer: T = self._answers.pop(number)
                return answer
            # A failure in the worker either repeats here, where it can be reported, or does not occur.
            return act(*arguments)

        return result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _start(self) -> None:
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )

    def _send(self, act: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):  # the worker has ended; the missing answer will show it
            pickle.dump((act, arguments), self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()

    def _receive(self, process: subprocess.Popen[bytes]) -> None:
        try:
            answer = pickle.load(process.stdout)  # type: ignore[arg-type]  # noqa: S301 - our own pipe
        except Exception:  # noqa: BLE001 - malformed bytes raise errors of any kind
            self._end()
        else:
            self._answers[self._answered] = answer
            self._answered += 1

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        with contextlib.suppress(OSError):  # nobody reads the rest of its pipe
            self._process.communicate()
        self._process = None


@contextlib.contextmanager
def ending_processes() -> Iterator[None]:
    """Let the processes that joblib starts in the block, such as those of a search, end with this one."""
    from joblib.parallel import BACKENDS

    joblibs: Any = BACKENDS.get("loky")
    if joblibs is None:
        yield  # a system without semaphores, on which joblib starts threads
        return

    class Ending(joblibs):  # type: ignore[misc] # joblib has no types
        def configure(self, *arguments: Any, **options: Any) -> Any:
            return super().configure(*arguments, initializer=end_with, initargs=(os.getpid(),), **options)

    BACKENDS["loky"] = Ending
    try:
        yield
    finally:
        BACKENDS["loky"] = joblibs


def main() -> None:
    """Answer each call from standard input on standard output; the first error ends the process."""
    end_with(os.getppid())
    with contextlib.suppress(EOFError):
        while True:
            act, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own process writes it
            pickle.dump(act(*arguments), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
