"""The merge of one file's three versions, as git merges text."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cmlkit.errors import GitFailed
from cmlkit.git.command import run_git


def merged(ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """Return a text with both sides' changes to `base`; None if they conflict, or if one is not text."""
    if ours == theirs:
        return ours
    with tempfile.TemporaryDirectory(prefix="cmlkit-merge-") as folder:
        names = ("ours", "base", "theirs")
        for name, content in zip(names, (ours, base, theirs), strict=True):
            (Path(folder) / name).write_bytes(content)
        try:
            return run_git(Path(folder), "merge-file", "-p", "-q", *names)
        except GitFailed:  # it exits with the number of conflicts, or fails on a binary file
            return None
