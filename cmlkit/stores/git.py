"""The git store: the commit itself has the model's bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cmlkit.bounds.files import read_regular
from cmlkit.errors import ModelError
from cmlkit.git.limits import FileLimits
from cmlkit.progress import Say
from cmlkit.stores.attributes import ATTRIBUTES, without_entry
from cmlkit.stores.base import ModelFile, ReadTree, Stored, changed, pieces
from cmlkit.stores.pointer import dvc_path

if TYPE_CHECKING:
    from cmlkit.clock import Clock
    from cmlkit.stores.choice import Surroundings


class GitStore:
    """Bytes in git, up to what the host of the repository takes."""

    def __init__(self, limits: FileLimits) -> None:
        self._limits = limits

    def check(self, path: str, *, size: int) -> str:
        limits = self._limits
        if size > limits.git:
            raise ModelError(
                f"{path} has {size / 1024**2:.1f} MiB; {limits.host} takes no file over {limits.git // 1024**2} MiB"
                " in git.",
                next_step="Keep the model elsewhere: set publish.store to lfs, s3://bucket/prefix or dvc. Or make it"
                " smaller (joblib's compress=3 often halves a forest).",
            )
        if size > limits.git_advised:
            return (
                f"{path} has {size / 1024**2:.0f} MiB: every clone of the repository will keep it forever."
                f" {limits.host} advises against files over {limits.git_advised // 1024**2} MiB;"
                " publish.store names alternatives."
            )
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path, dvc_path(path), ATTRIBUTES)

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        if model.path not in there or dvc_path(model.path) in there:
            return False
        return there[model.path] == _blob_id(model)

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        content = read_regular(model.file)
        if hashlib.sha256(content).hexdigest() != model.sha256:
            raise changed(model)
        files = {model.path: content, **without_entry(model.path, there=there, read=read)}
        return Stored(files=files, removes=(dvc_path(model.path),))


def open_store(address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> GitStore:
    return GitStore(limits)


def _blob_id(model: ModelFile) -> str:
    digest = hashlib.sha1(b"blob %d\0" % model.size, usedforsecurity=False)
    for piece in pieces(model.file):
        digest.update(piece)
    return digest.hexdigest()
