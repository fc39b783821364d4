"""Assets: pictures in comments, stored under their content hash on an orphan branch of the repository itself.

A `blob` link with `raw=true` works for everyone who may read the repository, even a private one; no other host is used.
"""

from __future__ import annotations

import hashlib
import re
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
    """Store a file, unless one with the same content is stored already.

    Args:
        name: File name, whose suffix names the format.
        root: Base of the repository's links, such as `https://github.com/octo/forest`.

    Raises:
        SettingsError: The content is not in the format of the suffix.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    if why := picture_fault(name, content):
        raise SettingsError(f"{why}.", next_step="Write the file in that format, or correct its name.")
    suffix = PurePosixPath(name).suffix.lower()
    suffix = suffix if re.fullmatch(r"\.[a-z0-9]+", suffix) else ""
    path = f"{hashlib.sha256(content).hexdigest()}{suffix}"
    head = _branch_head(forge)
    commit = commit_files(
        [CommitFile(path=path, role="extra", content=content)],
        forge=forge,
        branch=BRANCH,
        base_head=head,
        head=head,
        message=f"Store {path[:12]}{suffix}",
        clock=clock or SystemClock(),
    )
    url = forge.facts.addresses.image.format(repository=root, commit=commit, path=path)
    return Asset(name=name, path=path, commit=commit, url=url)


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
