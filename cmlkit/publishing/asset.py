"""Assets: pictures in comments, stored under their content hash on an orphan branch of the repository itself.

A `blob` link with `raw=true` works for everyone who may read the repository, even a private one; no other host is used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import Conflict, SettingsError
from cmlkit.forges.base import Changes, NewFile, PublishForge
from cmlkit.publishing.commit import commit_files
from cmlkit.publishing.files import IMAGES, CommitFile, picture_fault

BRANCH = "cmlkit-assets"
README = b"Images that reports in pull requests and comments show. They come from `cmlkit asset publish`.\n"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A stored file.

    Attributes:
        name: The file's original name.
        commit: The commit that holds it under `path`.
    """

    name: str
    path: str
    commit: str
    url: str

    def markdown(self, title: str = "") -> str:
        """Return a markdown picture, or a link if browsers do not show the file as a picture."""
        from cmlkit.report import markdown

        shown = title or self.name
        if PurePosixPath(self.path).suffix in IMAGES:
            return markdown.image(shown, self.url)
        return markdown.link(markdown.text(shown), self.url)


def store_asset(name: str, content: bytes, *, forge: PublishForge, root: str, clock: Clock | None = None) -> Asset:
    """Store one file; see `store_assets`."""
    [asset] = store_assets([(name, content)], forge=forge, root=root, clock=clock)
    return asset


def store_assets(
    files: Sequence[tuple[str, bytes]], *, forge: PublishForge, root: str, clock: Clock | None = None
) -> list[Asset]:
    """Store files in one commit, except for those whose content is stored already; return them in their order.

    Args:
        files: Names and contents; a name's suffix names the format.
        root: Base of the repository's links, such as `https://github.com/octo/forest`.

    Raises:
        SettingsError: A content is not in the format of its suffix.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    if not files:
        return []
    for name, content in files:
        if why := picture_fault(name, content):
            raise SettingsError(f"{why}.", next_step="Write the file in that format, or correct its name.")
    stored = {asset_path(name, content): content for name, content in files}
    head = _branch_head(forge)
    commit = commit_files(
        [CommitFile(path=path, role="extra", content=content) for path, content in stored.items()],
        forge=forge,
        branch=BRANCH,
        base_head=head,
        head=head,
        message=_message([*stored]),
        clock=clock or SystemClock(),
    )
    return [_asset(name, asset_path(name, content), commit, forge, root) for name, content in files]


def asset_path(name: str, content: bytes) -> str:
    """Return the path of a content on the branch: its hash, with the suffix of the name."""
    suffix = PurePosixPath(name).suffix.lower()
    suffix = suffix if re.fullmatch(r"\.[a-z0-9]+", suffix) else ""
    return f"{hashlib.sha256(content).hexdigest()}{suffix}"


def _asset(name: str, path: str, commit: str, forge: PublishForge, root: str) -> Asset:
    address = forge.facts.addresses.image
    return Asset(name=name, path=path, commit=commit, url=address.format(repository=root, commit=commit, path=path))


def _message(paths: Sequence[str]) -> str:
    """Return the message of the commit; a line that names each file protects it from being pruned too early."""
    lines = [f"Store {path[:12]}{PurePosixPath(path).suffix}" for path in paths]
    return lines[0] if len(lines) == 1 else "\n".join([f"Store {len(lines)} files", "", *lines])


def _branch_head(forge: PublishForge) -> str:
    """Return the head of the branch; create the branch without history if it is missing."""
    if head := forge.branch_head(BRANCH):
        return head
    start = Changes(message="Start the branch of images", files=[NewFile(path="README.md", content=README)])
    try:
        return forge.commit(start, branch=BRANCH, parent="", is_new=True)
    except Conflict:
        # Another process has created it meanwhile.
        if head := forge.branch_head(BRANCH):
            return head
        raise
