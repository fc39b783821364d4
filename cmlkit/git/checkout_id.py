"""A checkout's own id: random, and kept in `.git`, so that a later command finds what an earlier one launched."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from cmlkit.bounds.files import read_small
from cmlkit.errors import GitError
from cmlkit.git import checkout

FILE = "cmlkit/checkout-id"
_ID = re.compile(r"[0-9a-f]{8}")


def checkout_id(directory: Path, *, make: bool = False) -> str:
    """Return the id of the checkout around `directory`; empty if it has none, or if there is no place to keep one.

    Two clones and two worktrees have different ids, and so have two people.

    Args:
        make: Whether to make an id if the checkout has none.
    """
    try:
        file = checkout.shared_file(directory, FILE)
    except GitError:
        return ""
    return _read(file) or (_made(file) if make else "")


def _read(file: Path) -> str:
    text = (read_small(file, 100) or b"").decode("ascii", "replace").strip()
    return text if _ID.fullmatch(text) else ""


def _made(file: Path) -> str:
    made = secrets.token_hex(4)
    try:
        file.parent.mkdir(exist_ok=True)
        # Of two launches at the same time, both must get the same id: the file appears whole, and only once.
        draft = file.with_name(f"{file.name}.{made}")
        draft.write_text(f"{made}\n", encoding="ascii")
        try:
            os.link(draft, file)
        finally:
            draft.unlink()
    except FileExistsError:
        return _read(file)
    except OSError:
        return ""
    return made
