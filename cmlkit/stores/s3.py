"""The S3 store: a bucket has the bytes under a key made of their hash, and the commit has a pointer to it.

Uploads go in parts, and S3 checks each part's SHA-256. The checksum that S3 has for the whole object is computed here
too, from the same parts, so that an object at the key counts as the model only if S3's own checksum matches.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cmlkit.bounds.answers import bounded_pages
from cmlkit.errors import ModelError, NotFound
from cmlkit.progress import Say
from cmlkit.records.fields import Fields
from cmlkit.stores.attributes import ATTRIBUTES, without_entry
from cmlkit.stores.base import CHUNK_BYTES, ModelFile, ReadTree, Stored, changed, pieces, share
from cmlkit.stores.pointer import Pointer, dvc_path, read_pointer, s3_text
from cmlkit.stores.s3_client import OBJECT, PART_BYTES, PARTS_AT_A_TIME, S3Client, bucket_and_key, explained, fields_of

if TYPE_CHECKING:
    from cmlkit.clock import Clock
    from cmlkit.git.limits import FileLimits
    from cmlkit.stores.choice import Surroundings

# An object has at most 10,000 parts. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
LIMIT_BYTES = 10_000 * PART_BYTES
PIECES_IN_A_PART = PART_BYTES // CHUNK_BYTES


class S3Store:
    """One bucket and prefix.

    Args:
        address: `s3://bucket/prefix`.
    """

    def __init__(self, address: str) -> None:
        self._bucket, self._prefix = bucket_and_key(address)
        self._client = S3Client()

    def check(self, path: str, *, size: int) -> str:
        if size > LIMIT_BYTES:
            raise ModelError(
                f"{path} has {size / 1024**3:.0f} GiB; this store takes at most {LIMIT_BYTES // 1024**3} GiB."
            )
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path, dvc_path(path), ATTRIBUTES)

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        if model.path not in there or dvc_path(model.path) in there:
            return False
        pointer = read_pointer(read(model.path) or b"")
        return pointer is not None and (pointer.sha256, pointer.url) == (model.sha256, self._url(model))

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        checksum = _checksum(model)
        found = self._found(model, checksum)
        if found is None:
            self._upload(model, say)
            found = self._found(model, checksum)
        if found is None:
            raise changed(model)
        pointer = Pointer(
            store="s3",
            sha256=model.sha256,
            size=model.size,
            url=self._url(model),
            version_id=found.text("VersionId", ""),
        )
        files = {model.path: s3_text(pointer), **without_entry(model.path, there=there, read=read)}
        return Stored(files=files, removes=(dvc_path(model.path),))

    def _key(self, model: ModelFile) -> str:
        return "/".join(filter(None, [self._prefix, model.sha256, model.name]))

    def _url(self, model: ModelFile) -> str:
        return f"s3://{self._bucket}/{self._key(model)}"

    def _found(self, model: ModelFile, checksum: str) -> Fields | None:
        """Return S3's description of the model's object; None if it is missing, or is not the model."""
        try:
            # Without s3:ListBucket, S3 answers 403 instead of 404 for a missing object.
            action = f"look for {self._url(model)}"
            with explained(action, needs="s3:GetObject and s3:ListBucket"):
                answer = self._client().head_object(Bucket=self._bucket, Key=self._key(model), ChecksumMode="ENABLED")
        except NotFound:
            return None
        # A server without checksums still has the hash that the upload wrote into the object's metadata.
        head = fields_of(answer, action)
        shown = head.text("ChecksumSHA256", checksum).partition("-")[0]
        is_model = shown == checksum and head.within("Metadata").text("sha256", "") == model.sha256
        return head if is_model and head.whole("ContentLength") == model.size else None

    def _upload(self, model: ModelFile, say: Say) -> None:
        from boto3.s3.transfer import TransferConfig

        with explained(f"take {self._url(model)}", needs="s3:PutObject and s3:AbortMultipartUpload"):
            self._client().upload_file(
                str(model.file),
                self._bucket,
                self._key(model),
                ExtraArgs={"ChecksumAlgorithm": "SHA256", "Metadata": {"sha256": model.sha256}},
                Callback=_Said(model.size, say),
                Config=TransferConfig(
                    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARTS_AT_A_TIME
                ),
            )


class S3Source:
    """Any object in S3 that a pointer names."""

    def __init__(self) -> None:
        self._client = S3Client(bounds=OBJECT)

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        """Yield the object's bytes, of the exact version if the pointer names one."""
        bucket, key = bucket_and_key(pointer.url)
        version = {"VersionId": pointer.version_id} if pointer.version_id else {}
        needs = "s3:GetObject and s3:GetObjectVersion" if version else "s3:GetObject"
        with explained(f"give {pointer.url}", needs=needs):
            answer = self._client().get_object(Bucket=bucket, Key=key, Range=f"bytes={offset}-", **version)
            yield from answer["Body"].iter_chunks(CHUNK_BYTES)


class _Said:
    """A callback that reports the progress of an upload; s3transfer calls it from its threads."""

    def __init__(self, size: int, say: Say) -> None:
        self._size, self._say, self._done, self._lock = size, say, 0, threading.Lock()

    def __call__(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._say(share(self._done, self._size))


def listed(url: str) -> tuple[str, int]:
    """Return a hash of the keys, ETags and sizes of the objects below a URL, and the sum of their sizes in bytes.

    Raises:
        SettingsError: The bucket does not exist.
        PermissionDenied, ServiceError: S3 does not list them.
    """
    bucket, prefix = bucket_and_key(url)
    digest, total = hashlib.sha256(), 0
    with explained(f"list {url}", needs="s3:ListBucket"):
        pages = S3Client()().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for item in (
            item
            for page in bounded_pages(pages, what=f"S3's list of {url}")
            for item in fields_of(page, f"list {url}").any_listed("Contents")
        ):
            key, size = item.text("Key"), item.whole("Size")
            if key in (prefix, f"{prefix}/") or key.startswith(f"{prefix}/" if prefix else ""):
                digest.update(f"{key}\0{item.text('ETag')}\0{size}\n".encode())
                total += size
    return digest.hexdigest(), total


def open_store(address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> S3Store:
    return S3Store(address)


def open_source(around: Surroundings) -> S3Source:
    return S3Source()


def _checksum(model: ModelFile) -> str:
    """Return the checksum that S3 will have: of the bytes, or of the parts' checksums if there are parts.

    S3 appends the number of parts, which is left out here.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html

    Raises:
        ModelError: The file has changed since it was hashed.
    """
    whole, parts = hashlib.sha256(), [hashlib.sha256()]
    for number, piece in enumerate(pieces(model.file), start=1):
        whole.update(piece)
        parts[-1].update(piece)
        if number % PIECES_IN_A_PART == 0:
            parts.append(hashlib.sha256())
    if whole.hexdigest() != model.sha256:
        raise changed(model)
    if model.size < PART_BYTES:
        return _in_base64(whole.digest())
    digests = [part.digest() for part in parts[: -(-model.size // PART_BYTES)]]
    return _in_base64(hashlib.sha256(b"".join(digests)).digest())


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
