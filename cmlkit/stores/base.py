"""What publishing needs of a store: whether it takes a file, and what goes into the commit for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Store(Protocol):
    """Where model bytes go."""

    def check(self, path: str, *, size: int) -> str:
        """A warning about a file of `size` bytes at the repository path `path`; empty where there is none.

        Called for every file before anything is written.

        Raises:
            ModelError: The store cannot take it; the message names a way out.
        """

    def put(self, path: str, content: bytes) -> Mapping[str, bytes]:
        """Store the bytes; repository path -> bytes of what the commit holds for them."""
