"""Files of a training that git's own settings give to somebody else: to Git LFS, or, if they are ignored, to nobody."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.bounds.files import read_project_file
from cmlkit.errors import GitError
from cmlkit.git import checkout
from cmlkit.git.changes import ignored, with_lfs, without_rule
from cmlkit.publishing.files import CommitFile
from cmlkit.stores.attributes import ATTRIBUTES, has_entry
from cmlkit.stores.base import ModelFile, hashed
from cmlkit.stores.pointer import Pointer, lfs_text

NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class GitOwners:
    """The rules of the checkout's .gitattributes and .gitignore; nothing outside of a repository.

    Attributes:
        root: The repository's top folder; None outside of one.
    """

    root: Path | None

    @classmethod
    def of(cls, directory: Path) -> GitOwners:
        try:
            return cls(root=checkout.root(directory))
        except GitError:
            return cls(root=None)

    def in_lfs(self, paths: Iterable[str]) -> set[str]:
        """Return the repository paths that the project's patterns give to Git LFS; cmlkit's own entry is none."""
        listed = list(paths)
        if self.root is None or not listed:
            return set()
        content = read_project_file(self.root / ATTRIBUTES) or b""
        return {path for path in with_lfs(self.root, listed) if not has_entry(path, content)}

    def without_rule(self, attribute: str, paths: Iterable[str]) -> set[str]:
        """Return the repository paths for which no rule in the checkout sets or unsets the attribute."""
        listed = set(paths)
        return listed if self.root is None else without_rule(self.root, attribute, listed)

    def ignored(self, paths: Iterable[str]) -> list[str]:
        """Return the repository paths that git ignores, and does not track in spite of that."""
        listed = list(paths)
        return [] if self.root is None or not listed else ignored(self.root, listed)


def as_pointers(
    files: Sequence[CommitFile], owners: GitOwners, *, warn: Callable[[str], None]
) -> tuple[tuple[CommitFile, ...], tuple[ModelFile, ...]]:
    """Return metrics and plots of Git LFS as pointers, with the files to upload for them; others stay as they are.

    Args:
        warn: Called with a message about a manifest that Git LFS would get, and about ignored files.
    """
    taken = owners.in_lfs(file.path for file in files)
    if taken.intersection(file.path for file in files if file.role == "manifest"):
        [manifest] = [file.path for file in files if file.role == "manifest"]
        warn(
            f"{ATTRIBUTES} gives {manifest} to Git LFS, but the manifest is read in git itself, and committed so."
            f" Add the line `/{manifest} !filter !diff !merge text` to the end of {ATTRIBUTES}."
        )
    stored = tuple(
        _stored(owners.root / file.path, file.path)
        for file in files
        if owners.root is not None and file.path in taken and file.role in ("metrics", "plot") and file.content
    )
    pointers = {item.path: lfs_text(Pointer(store="lfs", sha256=item.sha256, size=item.size)) for item in stored}
    return tuple(
        dataclasses.replace(file, content=pointers[file.path]) if file.path in pointers else file for file in files
    ), stored


def warn_of_ignored(paths: Iterable[str], owners: GitOwners, *, warn: Callable[[str], None]) -> None:
    """Tell that ignored files are committed, as they are the training's results."""
    if found := owners.ignored(paths):
        more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
        warn(
            f"git ignores {', '.join(found[:NAMES_SHOWN])}{more}; the commit has them in spite of that, as they are the"
            " training's results. Correct .gitignore, or the settings train.model, train.metrics and train.plots."
        )


def _stored(file: Path, path: str) -> ModelFile:
    sha256, size = hashed(file)
    return ModelFile(path=path, file=file, sha256=sha256, size=size)
