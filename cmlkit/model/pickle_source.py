"""The bytes of a pickle, read within a budget: a small file may decompress to, or ask for, more than a machine has."""

from __future__ import annotations

import math
from typing import IO

# What a file may cost besides its own size, so that a small file costs little, whatever it says.
READ_BASE_BYTES, READ_FACTOR = 512 * 1024**2, 100
KEPT_BASE_BYTES, KEPT_FACTOR = 32 * 1024**2, 64
SIZE_LIMIT_BYTES = 32 * 1024**3
KEPT_LIMIT_BYTES = 1024**3
# The smallest operation of a pickle has one byte, and puts a reference into a list.
_OPERATION_COST_BYTES = 16
_BLOCK_BYTES = 64 * 1024
LONG_BYTES = 1024


class Broken(ValueError):
    """The stream ends too early or is no pickle: loading it fails at this place, too."""


class GivenUp(Broken):
    """The rest of a pickle is not followed, though loading may go on."""


class Budget:
    """How many bytes all pickles of one file may still read, after decompression, and keep in memory."""

    def __init__(self, size: int) -> None:
        self.may_read = min(SIZE_LIMIT_BYTES, READ_BASE_BYTES + READ_FACTOR * size)
        self.may_keep = min(KEPT_LIMIT_BYTES, KEPT_BASE_BYTES + KEPT_FACTOR * size)

    def keep(self, count: int) -> None:
        self.may_keep -= count
        if self.may_keep < 0:
            raise GivenUp("it holds more than a model does")

    def read(self, count: int) -> None:
        self.may_read -= count
        if self.may_read < 0:
            raise GivenUp("it is larger than any model")


class Source:
    """A stream of bytes and the frame in it that is being read.

    Attributes:
        frame_end: Position at which the current frame ends; infinite outside of frames. joblib's unpickler reads a
            frame as a whole, and takes an array's bytes from behind it.
    """

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self.budget = budget
        self.frame_end = math.inf
        self._stream = stream
        self._block, self._at, self._passed = b"", 0, 0

    @property
    def position(self) -> int:
        return self._passed + self._at

    def is_at_end(self) -> bool:
        return self._at == len(self._block) and not self._fill()

    def operation(self) -> int:
        """Return the next operation's code.

        Raises:
            Broken: The stream or the budget is at its end, or the last operation went past the end of a frame.
        """
        self.budget.keep(_OPERATION_COST_BYTES)
        if (position := self._passed + self._at) >= self.frame_end:
            if position > self.frame_end:
                raise Broken("a frame ends in the middle of an operation")
            self.frame_end = math.inf
        return self.take(1)[0]

    def begin_frame(self, length: int) -> None:
        if self.frame_end != math.inf:
            raise Broken("a frame begins inside of another")
        self.frame_end = self.position + length

    def take(self, count: int) -> bytes:
        """Return the next bytes, which the caller keeps."""
        end = self._at + count
        if end <= len(self._block):
            found, self._at = self._block[self._at : end], end
            return found
        self.budget.keep(count)
        found = b""
        while len(found) < count:
            if self.is_at_end():
                raise Broken("it ends too early")
            part = self._block[self._at : self._at + count - len(found)]
            self._at += len(part)
            found += part
        return found

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def line(self) -> bytes:
        """Return the bytes up to the next end of a line, without it; of a long line, only its beginning."""
        found = b""
        while not self.is_at_end():
            end = self._block.find(b"\n", self._at)
            part = self._block[self._at : end if end >= 0 else len(self._block)]
            self._at += len(part) + (end >= 0)
            if len(found) < LONG_BYTES:
                found += part
                self.budget.keep(len(part))
            if end >= 0:
                return found[: LONG_BYTES + 1]
        raise Broken("it ends too early")

    def skip(self, count: int) -> bytes:
        """Read past the bytes; return the first of them, at most a block."""
        first = b""
        if count > self.budget.may_read:
            raise GivenUp("it is larger than any model")
        while count:
            if self.is_at_end():
                raise Broken("it ends in the middle of an array or a string")
            part = self._block[self._at : self._at + count]
            self._at += len(part)
            count -= len(part)
            first = first or part
        return first

    def _fill(self) -> bool:
        self._passed += len(self._block)
        self._block, self._at = self._stream.read(_BLOCK_BYTES), 0
        self.budget.read(len(self._block))
        return bool(self._block)
