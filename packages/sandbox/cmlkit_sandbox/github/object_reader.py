"""Reads objects through git processes that stay, because starting one takes longer than most of its answers."""

from __future__ import annotations

import subprocess
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from cmlkit_sandbox.github.git_objects import GitObject


class ObjectReader:
    """Answers about one repository's objects. Both processes see what is written after their start.

    Args:
        path: The bare repository's folder.
        environ: Environment of git.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._check = _Batch(path, environ, "--batch-check")
        self._contents = _Batch(path, environ, "--batch")

    def header(self, name: str) -> tuple[str, str] | None:
        """Return id and kind of the object that an id, or an expression such as `refs/heads/main^{tree}`, names."""
        words = self._check.answer(name)[0]
        return (words[0], words[1]) if len(words) == 3 else None

    def read(self, name: str) -> GitObject | None:
        """Return the object with its content; None if missing."""
        words, content = self._contents.answer(name)
        return GitObject(sha=words[0], kind=words[1], content=content) if len(words) == 3 else None


class _Batch:
    """One `git cat-file` that answers line by line. It starts with the first question, and ends with this object."""

    def __init__(self, path: Path, environ: Mapping[str, str], mode: str) -> None:
        self._path = path
        self._environ = environ
        self._mode = mode
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def answer(self, name: str) -> tuple[list[str], bytes]:
        """Return the words of the answer's header, three if the object exists, and the content that follows."""
        with self._lock:
            to, from_ = self._pipes()
            to.write(f"{name}\n".encode())
            to.flush()
            words = from_.readline().decode("utf-8", "replace").split()
            if self._mode != "--batch" or len(words) != 3:
                return words, b""
            content = from_.read(int(words[2]))
            from_.read(1)  # a newline ends it
            return words, content

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                ["git", "cat-file", self._mode],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._path,
                env=dict(self._environ),
            )
            weakref.finalize(self, _end, self._process)
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both are pipes")
        return self._process.stdin, self._process.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process by the end of its input."""
    process.communicate()
