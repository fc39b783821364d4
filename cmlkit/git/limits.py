"""How large the files may be that a host of git repositories takes: the stores ask it, the forges know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """Sizes in bytes.

    Attributes:
        host: The host's name, for messages.
        git: The largest file that a commit may hold; from `git_advised` on, the host advises against it.
        lfs: The largest file that its Git LFS takes; `lfs_everybody` is the most that every plan of it does.
        lfs_plans: The plans that take larger ones.
    """

    host: str
    git: int
    git_advised: int
    lfs: int
    lfs_everybody: int
    lfs_plans: str
