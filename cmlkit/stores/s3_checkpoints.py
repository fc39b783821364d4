"""Checkpoints and caches in S3, each below a prefix of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

from cmlkit.bounds.answers import bounded_pages
from cmlkit.bounds.files import RECORD_BYTES
from cmlkit.errors import NotFound, PermissionDenied, ServiceError
from cmlkit.formats import size as shown_size
from cmlkit.stores.base import CHUNK_BYTES
from cmlkit.stores.checkpoints import FILES_NAME, LIST_NAME, Still
from cmlkit.stores.s3_client import OBJECT, PART_BYTES, PARTS_AT_A_TIME, S3Client, bucket_and_key, explained, fields_of

# S3 deletes at most 1,000 objects per request.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETED_AT_A_TIME = 1000
# Shorter than for models: a spot instance has two minutes left, and one stalled request must not take them all.
READ_TIMEOUT_SECONDS = 20
CONNECT_TIMEOUT_SECONDS = 5
TRIES = 3


class S3Checkpoints:
    """One prefix in a bucket.

    Args:
        address: `s3://bucket/prefix`, of this job or cache only.
        setting: The setting that names the bucket.
    """

    def __init__(self, address: str, *, setting: str = "train.checkpoint-store") -> None:
        self.address = address
        self._setting = setting
        self._bucket, self._prefix = bucket_and_key(address)
        self._client = S3Client(
            connect_timeout=CONNECT_TIMEOUT_SECONDS, read_timeout=READ_TIMEOUT_SECONDS, tries=TRIES, bounds=OBJECT
        )

    def read_list(self) -> bytes | None:
        # To a role that may list only some prefixes, S3 answers 403 when asked for an object that is missing.
        if self._key(LIST_NAME) not in self._keys(LIST_NAME):
            return None
        try:
            return _bounded(self._read(LIST_NAME, needs="s3:GetObject"), f"{self.address}/{LIST_NAME}")
        except NotFound:
            return None  # removed meanwhile

    def write_list(self, content: bytes) -> None:
        with explained(f"take {self.address}/{LIST_NAME}", needs="s3:PutObject", setting=self._setting):
            self._client().put_object(Bucket=self._bucket, Key=self._key(LIST_NAME), Body=content)

    def put(self, file: BinaryIO, sha256: str, *, size: int, still: Still) -> None:
        name = f"{FILES_NAME}/{sha256}"
        needs = "s3:PutObject and s3:AbortMultipartUpload"
        file.seek(0)
        with explained(f"take {self.address}/{name}", needs=needs, setting=self._setting):
            if size <= PART_BYTES:
                still()
                self._client().put_object(
                    Bucket=self._bucket, Key=self._key(name), Body=file.read(PART_BYTES), ChecksumAlgorithm="SHA256"
                )
            else:
                self._put_parts(file, self._key(name), still)

    def get(self, sha256: str) -> Iterator[bytes]:
        return self._read(f"{FILES_NAME}/{sha256}", needs="s3:GetObject")

    def drop(self, hashes: Collection[str]) -> None:
        self._delete([self._key(f"{FILES_NAME}/{sha256}") for sha256 in sorted(hashes)])

    def clear(self) -> None:
        self._delete([self._key(LIST_NAME)])
        self._delete(self._keys(""))

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def _keys(self, name: str) -> list[str]:
        """Return the keys that begin with a name."""
        with explained(f"list {self.address}", needs="s3:ListBucket", setting=self._setting):
            pages = self._client().get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=self._bucket, Prefix=self._key(name))
            return [
                item.text("Key")
                for page in bounded_pages(found, what=f"S3's list of {self.address}")
                for item in fields_of(page, f"list {self.address}").any_listed("Contents")
            ]

    def _read(self, name: str, *, needs: str) -> Iterator[bytes]:
        with explained(f"give {self.address}/{name}", needs=needs, setting=self._setting):
            answer = self._client().get_object(Bucket=self._bucket, Key=self._key(name))
            yield from answer["Body"].iter_chunks(CHUNK_BYTES)

    def _put_parts(self, file: BinaryIO, key: str, still: Still) -> None:
        """Upload in parts; boto3's own transfer would repeat a part whose reading `still` ends."""
        client, place = self._client(), {"Bucket": self._bucket, "Key": key}
        upload = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")
        place["UploadId"] = upload["UploadId"]
        try:
            client.complete_multipart_upload(**place, MultipartUpload={"Parts": _sent(client, place, file, still)})
        except BaseException:
            client.abort_multipart_upload(**place)
            raise

    def _delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), DELETED_AT_A_TIME):
            batch = [{"Key": key} for key in keys[start : start + DELETED_AT_A_TIME]]
            with explained(f"remove objects of {self.address}", needs="s3:DeleteObject", setting=self._setting):
                answer = self._client().delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})
            # Refusals of single objects come in an answer with status 200.
            for refused in fields_of(answer, f"remove objects of {self.address}").any_listed("Errors"):
                raise PermissionDenied(
                    f"S3 refused to remove {refused.text('Key', '')}: {refused.text('Code', '')}"
                    f" {refused.text('Message', '')}",
                    next_step="The role or user needs s3:DeleteObject there.",
                )


def _bounded(pieces: Iterator[bytes], name: str) -> bytes:
    """Return a list's bytes; raise ServiceError if it has more than any that was saved."""
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > RECORD_BYTES:
            raise ServiceError(f"{name} has more than the {shown_size(RECORD_BYTES)} that are read of such a list.")
    return bytes(content)


def _sent(client: Any, place: dict[str, str], file: BinaryIO, still: Still) -> list[dict[str, Any]]:
    """Send the parts of a file, several at a time; return what S3 answered, in order."""

    def send(number: int, body: bytes) -> dict[str, Any]:
        answer = client.upload_part(**place, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        # A server without checksums answers with the ETag alone.
        known = {name: answer[name] for name in ("ETag", "ChecksumSHA256") if name in answer}
        return {"PartNumber": number, **known}

    parts: list[Future[dict[str, Any]]] = []
    with ThreadPoolExecutor(max_workers=PARTS_AT_A_TIME) as pool:
        while body := file.read(PART_BYTES):
            still()
            if len(parts) >= PARTS_AT_A_TIME:
                # No more parts in memory than are on their way.
                parts[-PARTS_AT_A_TIME].result()
            parts.append(pool.submit(send, len(parts) + 1, body))
        return [part.result() for part in parts]
