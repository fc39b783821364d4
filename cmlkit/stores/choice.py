"""The store that the setting `publish.store` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cmlkit.clock import Clock
from cmlkit.git.access import GitAccess
from cmlkit.git.limits import FileLimits
from cmlkit.stores.base import Store


def store_for(
    setting: str,
    *,
    access: Callable[[], GitAccess],
    limits: FileLimits,
    directory: Path,
    environ: Mapping[str, str],
    clock: Clock,
) -> Store:
    """Return the store that the setting names.

    Args:
        setting: `git`, `lfs`, `dvc` or `s3://bucket/prefix`.
        access: Gives access to the repository, for LFS.
        limits: How large files the repository's host takes.
        directory: A folder in the checkout, for DVC.
        environ: The environment of the programs that a store starts.
        clock: Waits between tries.
    """
    # Each imports libraries that the others do not need.
    if setting == "lfs":
        from cmlkit.stores.lfs import LfsStore

        return LfsStore(access, limits=limits, clock=clock)
    if setting == "dvc":
        from cmlkit.stores.dvc import DvcStore

        return DvcStore(directory, environ=environ)
    if setting.startswith("s3://"):
        from cmlkit.stores.s3 import S3Store

        return S3Store(setting)
    from cmlkit.stores.git import GitStore

    return GitStore(limits)
