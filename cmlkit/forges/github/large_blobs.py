"""Blobs that are too large for GitHub's API: pushed with git, under a ref that only holds them until a commit does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from cmlkit.errors import Conflict, NotFound
from cmlkit.forges.github.operations import Operations
from cmlkit.git.objects import blob_id

# Larger ones GitHub refuses ("your input was too large to process"): base64 makes 47 MiB of it.
API_BLOB_BYTES = 35 * 1024**2
# Neither a branch nor a tag: nobody sees it, and no workflow starts.
UPLOADS = "cmlkit/uploads"


class LargeBlobs(Operations):
    """Uploads through git over HTTP.

    Attributes:
        environ: Variables for git, such as PATH and proxies.
        pushed: Ids of the blobs that a ref of their own still holds.
    """

    environ: Mapping[str, str]
    pushed: set[str]

    def push_large_blob(self, content: bytes, *, url: str) -> str:
        from cmlkit.git.push import push_blob

        blob = blob_id(content)

        def send() -> str:
            return push_blob(
                content,
                url=url,
                ref=f"refs/{UPLOADS}/{blob}",
                token=self.http.token,
                environ=self.environ,
            )

        # What was pushed already is not sent again, so there is nothing to look for.
        stored = self.once(send, lambda: None)
        self.pushed.add(blob)
        return stored

    def let_go(self, blobs: Iterable[str]) -> None:
        """Remove the refs of blobs that a commit now holds."""
        for blob in self.pushed.intersection(blobs):
            # It is gone where another publish of the same file was faster.
            with contextlib.suppress(Conflict, NotFound):
                self.http.request("DELETE", self.path("git", "refs", UPLOADS, blob))
            self.pushed.discard(blob)
