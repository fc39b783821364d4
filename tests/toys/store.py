"""A store that keeps models in a folder, `toy://FOLDER`; the commit has cmlkit's own pointer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cmlkit.clock import Clock
from cmlkit.git.limits import FileLimits
from cmlkit.progress import Say
from cmlkit.stores.base import ModelFile, ReadTree, Stored, pieces
from cmlkit.stores.choice import Surroundings
from cmlkit.stores.pointer import Pointer, s3_text


def open_store(address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> ToyStore:
    return ToyStore(address)


def open_source(around: Surroundings) -> ToySource:
    return ToySource()


class ToyStore:
    """One folder."""

    def __init__(self, address: str) -> None:
        self._address = address

    def check(self, path: str, *, size: int) -> str:
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path,)

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        return False

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        url = f"{self._address}/{model.sha256}"
        shutil.copy(model.file, file_of(url))
        pointer = Pointer(store="toy", sha256=model.sha256, size=model.size, url=url)
        return Stored(files={model.path: s3_text(pointer)})


class ToySource:
    """Any of the folders."""

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        return pieces(file_of(pointer.url), offset)


def file_of(url: str) -> Path:
    return Path(urlsplit(url).path)
