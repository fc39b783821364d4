"""The LFS store: bytes go to the repository's Git LFS server, and the commit has a git-lfs pointer.

It uses the batch API with basic transfers: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md. git-lfs
itself is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from cmlkit.bounds.answers import Bounds
from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import ModelError, NotFound, ServiceError
from cmlkit.git.access import GitAccess
from cmlkit.git.limits import FileLimits
from cmlkit.git.objects import blob_id
from cmlkit.progress import Say
from cmlkit.records.fields import Fields
from cmlkit.stores.attributes import with_entry
from cmlkit.stores.base import ModelFile, ReadTree, Stored, changed, hashed
from cmlkit.stores.http import TRANSFER, Place, patiently, post_json, put_file, read_from
from cmlkit.stores.pointer import Pointer, dvc_path, lfs_text

if TYPE_CHECKING:
    from cmlkit.stores.choice import Surroundings

MEDIA_TYPE = "application/vnd.git-lfs+json"

Operation = Literal["upload", "download"]


class LfsStore:
    """Git LFS of one repository.

    Args:
        access: Called before each request.
        limits: Limits of the server for what is stored; unknown if None.
        clock: Waits between tries.
        bounds: Of each answer.
    """

    def __init__(
        self,
        access: Callable[[], GitAccess],
        *,
        limits: FileLimits | None = None,
        clock: Clock | None = None,
        bounds: Bounds = TRANSFER,
    ) -> None:
        self._access = access
        self._limits = limits
        self._clock = clock or SystemClock()
        self._bounds = bounds

    def check(self, path: str, *, size: int) -> str:
        limits = self._limits
        if limits is not None and size > limits.lfs:
            raise ModelError(
                f"{path} has {size / 1024**3:.1f} GiB; {limits.host}'s LFS takes no file over"
                f" {limits.lfs // 1024**3} GiB.",
                next_step="Set publish.store to s3://bucket/prefix or dvc.",
            )
        if limits is not None and size > limits.lfs_everybody:
            taken = f"{limits.host}'s LFS takes it on the plans {limits.lfs_plans} only"
            return f"{path} has {size / 10**9:.1f} GB: {taken}."
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path, dvc_path(path))

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        return there.get(model.path) == blob_id(lfs_text(_pointer(model))) and dvc_path(model.path) not in there

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        self.upload(model, say=say)
        files = {model.path: lfs_text(_pointer(model)), **with_entry(model.path, read)}
        return Stored(files=files, removes=(dvc_path(model.path),))

    def upload(self, model: ModelFile, *, say: Say) -> None:
        """Store a file's bytes, unless the server has them; raise as `put`."""
        pointer, access = _pointer(model), self._access()
        actions = self._actions(access, "upload", pointer)
        if "upload" in actions:
            self._upload(model, actions, say)
        if "verify" in actions:
            self._verify(access, actions["verify"], pointer)

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        actions = self._actions(self._access(), "download", pointer)
        if "download" not in actions:
            raise ServiceError(f"The LFS server names no address for {pointer.sha256[:12]}….")
        what = "Downloading the model from Git LFS"
        yield from read_from(_place(actions["download"]), offset, what=what, bounds=self._bounds)

    def _upload(self, model: ModelFile, actions: Mapping[str, Fields], say: Say) -> None:
        place = _place(actions["upload"])

        def send() -> None:
            what = f"Uploading {model.path} to Git LFS"
            put_file(place, model.file, size=model.size, what=what, say=say, bounds=self._bounds)

        try:
            patiently(send, clock=self._clock)
        except ServiceError as error:
            # The server rejects bytes that differ from the announced hash; only the file shows whether it has changed.
            if hashed(model.file) != (model.sha256, model.size):
                raise changed(model) from error
            raise

    def _verify(self, access: GitAccess, action: Fields, pointer: Pointer) -> None:
        place = _place(action)
        if place.host == Place(url=access.url).host and "Authorization" not in place.headers:
            place = Place(url=place.url, headers={**place.headers, **_authorization(access)})
        what = "Verifying the upload to Git LFS"
        self._post(place, _named(pointer), what)

    def _actions(self, access: GitAccess, operation: Operation, pointer: Pointer) -> Mapping[str, Fields]:
        body = {"operation": operation, "transfers": ["basic"], "hash_algo": "sha256", "objects": [_named(pointer)]}
        place = Place(url=f"{access.url}/info/lfs/objects/batch", headers=_authorization(access))
        what = "Asking Git LFS for an upload" if operation == "upload" else "Asking Git LFS for a download"
        answer = self._post(place, body, what)

        def unfit(problem: str) -> ServiceError:
            return ServiceError(f"{what}: {place.host} sent an answer that does not follow the LFS API: {problem}.")

        named = Fields(answer, unfit=unfit)
        objects = [item for item in named.listed("objects") if item.text("oid") == pointer.sha256]
        if len(objects) != 1:
            raise named.problem("objects", "has not the one that was asked for")
        if objects[0].has("error"):
            raise _object_error(objects[0].inside("error"), what, pointer)
        actions = objects[0].within("actions")
        return {name: actions.inside(name) for name in actions.names()}

    def _post(self, place: Place, body: Mapping[str, object], what: str) -> Any:
        return patiently(
            lambda: post_json(place, body, what=what, media_type=MEDIA_TYPE, bounds=self._bounds), clock=self._clock
        )


def open_store(address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> LfsStore:
    return LfsStore(around.access, limits=limits, clock=clock)


def open_source(around: Surroundings) -> LfsStore:
    return LfsStore(around.access)


def _pointer(model: ModelFile) -> Pointer:
    return Pointer(store="lfs", sha256=model.sha256, size=model.size)


def _named(pointer: Pointer) -> dict[str, object]:
    return {"oid": pointer.sha256, "size": pointer.size}


def _authorization(access: GitAccess) -> dict[str, str]:
    return {"Authorization": access.authorization} if access.authorization else {}


def _place(action: Fields) -> Place:
    headers = action.within("header")
    return Place(url=action.filled("href"), headers={name: headers.text(name) for name in headers.names()})


def _object_error(failure: Fields, what: str, pointer: Pointer) -> ServiceError:
    code, message = failure.whole("code", 0), failure.text("message", "")
    text = f"{what} of {pointer.sha256[:12]}…: {code} {message}"
    if code == 404:
        return NotFound(
            text, status=404, next_step="The object was never uploaded, or was removed: train and publish again."
        )
    return ServiceError(text, status=code or None)
