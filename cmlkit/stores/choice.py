"""The store that the setting `publish.store` names, and the one that a pointer leads to."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from cmlkit.clock import Clock
from cmlkit.git.access import GitAccess, access_of
from cmlkit.git.limits import FileLimits
from cmlkit.settings.stores import STORES, store_name
from cmlkit.stores.base import Source, Store
from cmlkit.stores.pointer import Pointer


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The surroundings in which a source of models is used; each source takes the parts that it needs.

    Attributes:
        directory: A folder in the checkout, whose git remote has the LFS server and whose DVC project has a remote.
        environ: The environment of the programs that it starts.
        access: Gives access to the repository.
    """

    directory: Path
    environ: Mapping[str, str]
    access: Callable[[], GitAccess]


class StoreModule(Protocol):
    """A module of `cmlkit.settings.stores.STORES`; one whose models are in the commit itself has no `open_source`."""

    def open_store(self, address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> Store:
        """Return the store at an address, which is the whole setting `publish.store`."""

    def open_source(self, around: Surroundings) -> Source:
        """Return the source of the bytes that the store's pointers stand for."""


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
    around = Surroundings(directory=directory, environ=environ, access=access)
    return _module(store_name(setting)).open_store(setting, around, limits=limits, clock=clock)


def source_for(
    pointer: Pointer, *, directory: Path, environ: Mapping[str, str], access: GitAccess | None = None
) -> Source:
    """Return the source of the pointer's bytes.

    Args:
        directory: A folder in the checkout, whose git remote has the LFS server and whose DVC project has a remote.
        environ: The environment of the programs that a source starts.
        access: Access to the repository, for LFS; the checkout's own if None.
    """
    around = Surroundings(directory=directory, environ=environ, access=lambda: access or access_of(directory))
    return _module(pointer.store).open_source(around)


def _module(name: str) -> StoreModule:
    # Each imports libraries that the others do not need.
    return cast("StoreModule", importlib.import_module(STORES[name].module))
