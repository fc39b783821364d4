"""Uploads by git of content that the API does not carry: large blobs, many blobs, and commits of a checkout.

Each upload is held by a ref of its own until a commit on a branch holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cmlkit.errors import Conflict, PermissionDenied, ServiceError
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.permissions import Needs, advice, workflows_advice
from cmlkit.git.access import GitAccess
from cmlkit.git.objects import blob_id

T = TypeVar("T")

# Larger ones GitHub refuses ("your input was too large to process"): base64 makes 47 MiB of it.
API_BLOB_BYTES = 35 * 1024**2
# GitHub allows 80 content-creating requests a minute and 500 an hour, and tree, commit, pull request and comments
# need some of them. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
API_BLOBS = 32
# Neither a branch nor a tag: nobody sees it, and no workflow starts.
UPLOADS = "cmlkit/uploads"
AUTHOR = "cmlkit <cmlkit@users.noreply.github.com>"


class GitUploads:
    """Uploads through git over HTTP.

    Args:
        environ: Environment of git, such as PATH and proxies.
    """

    def __init__(self, client: Client, environ: Mapping[str, str]) -> None:
        self._client = client
        self._environ = environ
        # Name of an upload's ref -> the ids of the blobs that it holds.
        self._held: dict[str, frozenset[str]] = {}

    def push(self, content: bytes, *, access: GitAccess) -> str:
        """Upload one blob; return its id."""
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

        stored = self._pushed(send)
        self._held[blob] = frozenset([blob])
        return stored

    def push_all(self, contents: Collection[bytes], *, access: GitAccess) -> set[str]:
        """Upload many blobs at once; return their ids."""
        from cmlkit.git.push import push_blobs

        blobs = frozenset(blob_id(content) for content in contents)
        name = blob_id("\n".join(sorted(blobs)).encode())

        def send() -> set[str]:
            return push_blobs(
                contents, access=access, ref=f"refs/{UPLOADS}/{name}", author=AUTHOR, environ=self._environ
            )

        stored = self._pushed(send)
        self._held[name] = blobs
        return stored

    def push_commit(self, commit: str, *, directory: Path, access: GitAccess) -> None:
        """Upload a commit of the checkout at `directory`, with all that it builds on."""
        from cmlkit.git.push import push_commit

        def send() -> str:
            push_commit(commit, directory=directory, access=access, ref=f"refs/{UPLOADS}/{commit}",
                        environ=self._environ)  # fmt: skip
            return commit

        self._pushed(send)

    def let_go_commit(self, commit: str) -> None:
        """Remove the ref of an uploaded commit; an earlier try may have left it, which nobody else would remove."""
        self._remove(commit)

    def _pushed(self, send: Callable[[], T]) -> T:
        try:
            # What was pushed already is not sent again, so there is nothing to look for.
            return self._client.once(send, lambda: None)
        except PermissionDenied as error:
            error.next_step = advice(self._client.http.kind, Needs.parse("contents=write"))
            raise
        except ServiceError as error:
            if "refusing to allow" not in error.message:
                raise
            raise PermissionDenied(error.message, next_step=workflows_advice(self._client.http.kind)) from error

    def let_go(self, held: Iterable[str]) -> None:
        """Remove the refs of uploads whose blobs are all among these ids; tell which stay."""
        ids = frozenset(held)
        for name in [name for name, needed in self._held.items() if needed <= ids]:
            del self._held[name]
            self._remove(name)

    def _remove(self, name: str) -> None:
        try:
            self._client.http.request("DELETE", self._client.path("git", "refs", UPLOADS, name))
        except Conflict:
            return  # it is gone where another publish of the same file was faster
        except (PermissionDenied, ServiceError) as error:
            # A commit has the content by now: an upload's ref that stays is no reason to fail.
            self._client.http.notify(
                f"{self._client.full_name} keeps the ref refs/{UPLOADS}/{name}, which nothing needs any more:"
                f" {error.message} To remove it: git push origin --delete refs/{UPLOADS}/{name}"
            )
