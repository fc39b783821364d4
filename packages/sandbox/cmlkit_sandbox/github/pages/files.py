"""Files of a repository at a ref, for pages and their images."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.refusals import Refusal, not_found
from cmlkit_sandbox.github.repository import Repository

TEXT_LIMIT_BYTES = 512 * 1024


@dataclass(frozen=True, kw_only=True)
class FileAt:
    """A file at a commit. `ref` is the address's branch, tag or commit."""

    ref: str
    commit: str
    path: str
    content: bytes

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.path)[0] or "application/octet-stream"

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")

    @property
    def text(self) -> str | None:
        """The content as text; None if it is binary or too long to show."""
        if b"\0" in self.content or len(self.content) > TEXT_LIMIT_BYTES:
            return None
        return self.content.decode("utf-8", "replace")

    def data_uri(self) -> str:
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode('ascii')}"


def split_ref(repository: Repository, address: str) -> tuple[str, str, str]:
    """Return ref, commit and path of an address such as `feature/one/model/plot.png`.

    Raises:
        Refusal: The address does not begin with a branch, a tag or a commit.
    """
    parts = address.strip("/").split("/")
    for length in range(1, len(parts) + 1):
        ref = "/".join(parts[:length])
        commit = repository.git.resolve(ref)
        if commit is not None:
            return ref, commit, "/".join(parts[length:])
    raise not_found()


def file_at(repository: Repository, address: str) -> FileAt:
    """Return the file at REF/PATH.

    Raises:
        Refusal: It does not exist.
    """
    ref, commit, path = split_ref(repository, address)
    entry = repository.git.entry(commit, path) if path else None
    found = repository.git.read(entry.sha) if entry is not None and entry.kind == "blob" else None
    if found is None:
        raise not_found()
    return FileAt(ref=ref, commit=commit, path=path, content=found.content)


def inlined(hub: Hub) -> Callable[[str], str]:
    """Return a function that turns addresses of files on this server into `data:` URIs and leaves others alone."""

    def source(url: str) -> str:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != hub.url:
            return url
        segments = unquote(parts.path).strip("/").split("/", 3)
        if len(segments) < 4 or segments[2] not in ("blob", "raw"):
            return url
        try:
            return file_at(hub.repository("/".join(segments[:2])), segments[3]).data_uri()
        except Refusal:
            return url

    return source
