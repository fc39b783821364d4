"""Blobs that are too large for GitHub's API: pushed with git, under a ref that only holds them until a commit does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from cmlkit.errors import Conflict, NotFound
from cmlkit.forges.github.client import Client
from cmlkit.git.access import GitAccess
from cmlkit.git.objects import blob_id

# Larger ones GitHub refuses ("your input was too large to process"): base64 makes 47 MiB of it.
API_BLOB_BYTES = 35 * 1024**2
# Neither a branch nor a tag: nobody sees it, and no workflow starts.
UPLOADS = "cmlkit/uploads"
AUTHOR = "cmlkit <cmlkit@users.noreply.github.com>"


class LargeBlobs:
    """Uploads through git over HTTP.

    Args:
        environ: Environment of git, such as PATH and proxies.
    """

    def __init__(self, client: Client, environ: Mapping[str, str]) -> None:
        self._client = client
        self._environ = environ
        # Ids of the blobs that a ref of their own still holds.
        self._pushed: set[str] = set()

    def push(self, content: bytes, *, access: GitAccess) -> str:
        from cmlkit.git.push import push_blob

        blob = blob_id(content)

        def send() -> str:
            return push_blob(
                content,
                access=access,
                ref=f"refs/{UPLOADS}/{blob}",
                author=AUTHOR,
                environ=self._environ,
            )

        # What was pushed already is not sent again, so there is nothing to look for.
        stored = self._client.once(send, lambda: None)
        self._pushed.add(blob)
        return stored

    def let_go(self, blobs: Iterable[str]) -> None:
        """Remove the refs of blobs that a commit now holds."""
        for blob in self._pushed.intersection(blobs):
            # It is gone where another publish of the same file was faster.
            with contextlib.suppress(Conflict, NotFound):
                self._client.http.request("DELETE", self._client.path("git", "refs", UPLOADS, blob))
            self._pushed.discard(blob)
