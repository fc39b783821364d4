"""A git host's limits on file sizes. The forges know them, the stores heed them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """A host's largest file sizes, in bytes.

    Attributes:
        host: The host's name, for messages.
        git: The largest file in a commit; from `git_advised` on, the host advises against it.
        lfs: The largest file in its Git LFS; `lfs_everybody` is the limit that every plan has.
        lfs_plans: The plans that take larger files than `lfs_everybody`.
    """

    host: str
    git: int
    git_advised: int
    lfs: int
    lfs_everybody: int
    lfs_plans: str
