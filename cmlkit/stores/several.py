"""Several files of one model in a store: each is stored by itself, and all go into one commit.

Empty files, such as a `_SUCCESS` of Spark, are committed as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cmlkit.progress import Say
from cmlkit.stores.base import ModelFile, ReadTree, Store, Stored
from cmlkit.stores.pointer import dvc_path


class Divided:
    """Two stores, one for the files that another tool owns.

    Args:
        owned: The store for those; `store` is the one for all others.
        is_owned: Returns whether the file at a repository path is one of them.
    """

    def __init__(self, owned: Store, store: Store, is_owned: Callable[[str], bool]) -> None:
        self._owned, self._store, self._is_owned = owned, store, is_owned

    def check(self, path: str, *, size: int) -> str:
        return self._of(path).check(path, size=size)

    def paths(self, path: str) -> tuple[str, ...]:
        return self._of(path).paths(path)

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        return self._of(model.path).holds(model, there=there, read=read)

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        return self._of(model.path).put(model, there=there, read=read, say=say)

    def _of(self, path: str) -> Store:
        return self._owned if self._is_owned(path) else self._store


def holds_all(store: Store, models: Sequence[ModelFile], *, there: Mapping[str, str], read: ReadTree) -> bool:
    """Return whether a commit has all of the files in this store already; the arguments are those of `Store.holds`."""
    return all(
        store.holds(model, there=there, read=read) if model.size else _holds_empty(model, there=there, read=read)
        for model in models
    )


def _holds_empty(model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
    return dvc_path(model.path) not in there and model.path in there and read(model.path) == b""


def put_all(store: Store, models: Sequence[ModelFile], *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
    """Store the files, and return the files of the commit for all of them; arguments and errors are `Store.put`'s."""
    files: dict[str, bytes] = {}
    removes: dict[str, None] = {}

    def read_new(path: str) -> bytes | None:
        # Each file may add a line to the same .gitattributes or .gitignore.
        return files[path] if path in files else read(path)

    for number, model in enumerate(models, start=1):
        if len(models) > 1:
            say(f"{number} of {len(models)}: {model.name}")
        # An empty file has no bytes to keep elsewhere: Git LFS and S3's parts have no form for it.
        empty = Stored(files={model.path: b""}, removes=(dvc_path(model.path),))
        stored = store.put(model, there=there, read=read_new, say=say) if model.size else empty
        files |= stored.files
        removes |= dict.fromkeys(stored.removes)
    return Stored(files=files, removes=tuple(path for path in removes if path not in files))
