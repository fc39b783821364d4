"""Assets: images that comments show, stored by content hash on an orphan branch of the repository itself.

A `blob` link with `raw=true` works for whoever may read the repository, also a private one; no other host is involved.
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
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.image_files import IMAGES, trouble

BRANCH = "cmlkit-assets"
README = b"Images that reports in pull requests and comments show. They come from `cmlkit asset publish`.\n"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file that is stored.

    Attributes:
        name: The file's own name.
        commit: That holds it under `path`.
    """

    name: str
    path: str
    commit: str
    url: str

    def markdown(self, title: str = "") -> str:
        """An image, or a link for what browsers do not show as one."""
        from cmlkit.report import markdown

        shown = title or self.name
        if PurePosixPath(self.path).suffix in IMAGES:
            return markdown.image(shown, self.url)
        return markdown.link(markdown.text(shown), self.url)


def store_asset(name: str, content: bytes, *, forge: PublishForge, root: str, clock: Clock | None = None) -> Asset:
    """Store a file; one with the same content is there already and stays.

    Args:
        name: File name, whose suffix tells what it is.
        root: Of the repository's links, such as `https://github.com/octo/forest`.

    Raises:
        SettingsError: It is not the image that its name promises.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    if why := trouble(name, content):
        raise SettingsError(f"{why}.", next_step="Let whatever draws it write that format, or correct the name.")
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
    """The branch's head, of a new branch without history where there is none."""
    if head := forge.branch_head(BRANCH):
        return head
    start = Changes(message="Start the branch of images", files=[NewFile(path="README.md", content=README)])
    try:
        return forge.commit(start, branch=BRANCH, parent="", is_new=True)
    except Conflict:
        # Another process has made it meanwhile.
        if head := forge.branch_head(BRANCH):
            return head
        raise
