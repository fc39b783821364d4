"""The worker: a process beside this one, which reads and draws while this one loads scikit-learn and fits."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

# -P keeps the project's own files from being imported in the place of libraries. numpy's threads have nothing to do.
COMMAND = ("env", "OPENBLAS_NUM_THREADS=1", sys.executable, "-P", "-m", "cmlkit.training.worker")


class Worker:
    """Does in turn what it is asked for within its `with` block, as an executor with one process would.

    Those of the standard library would not do: a fork is unsafe beside numpy's threads, and a process that they spawn
    imports the script of whoever calls `cmlkit.train`, which would train again.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = self._answered = 0
        self._answers: dict[int, Any] = {}

    def __enter__(self) -> Worker:
        return self

    def begin(self, act: Callable[..., T], *arguments: Any) -> Callable[[], T]:
        """Begin to call a function of a module, which can be imported there.

        Returns:
            Waits for the result, and returns it; to call once.
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
            # Whatever kept the worker from it happens here again, where it can be told, or does not happen at all.
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
        with contextlib.suppress(OSError):  # it has ended then, which the missing answer will show
            pickle.dump((act, arguments), self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()

    def _receive(self, process: subprocess.Popen[bytes]) -> None:
        try:
            answer = pickle.load(process.stdout)  # type: ignore[arg-type]  # noqa: S301 - it is a pipe, and ours
        except Exception:  # noqa: BLE001 - bytes that are no answer raise errors of any kind
            self._end()
        else:
            self._answers[self._answered] = answer
            self._answered += 1

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        with contextlib.suppress(OSError):  # what is left in its pipe has nobody to go to
            self._process.communicate()
        self._process = None


def main() -> None:
    """Do what comes on standard input, and write an answer each to standard output; the first error ends it."""
    with contextlib.suppress(EOFError):
        while True:
            act, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own process writes it
            pickle.dump(act(*arguments), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
