"""A store of checkpoints in memory, whose operations a test can let fail or watch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO

from cmlkit.stores.checkpoints import Still


class MemoryStore:
    """Everything in two attributes: `content`, hash -> bytes, and `written`, the list.

    Attributes:
        before: Called with the name of each operation, before it.
        calls: The names of the operations so far.
    """

    address = "memory:"

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.written: bytes | None = None
        self.before: Callable[[str], object] = lambda operation: None
        self.calls: list[str] = []

    def read_list(self) -> bytes | None:
        self._begin("read_list")
        return self.written

    def write_list(self, content: bytes) -> None:
        self._begin("write_list")
        self.written = content

    def put(self, file: BinaryIO, sha256: str, *, size: int, still: Still) -> None:
        self._begin("put")
        still()
        file.seek(0)
        self.content[sha256] = file.read()

    def get(self, sha256: str) -> Iterator[bytes]:
        self._begin("get")
        yield self.content[sha256]

    def drop(self, hashes: Collection[str]) -> None:
        self._begin("drop")
        for sha256 in hashes:
            self.content.pop(sha256, None)

    def clear(self) -> None:
        self._begin("clear")
        self.written = None
        self.content.clear()

    def _begin(self, operation: str) -> None:
        self.calls.append(operation)
        self.before(operation)
