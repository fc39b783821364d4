"""Pointers: the short files that a commit holds in place of a model, of the kinds that cmlkit writes and reads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

LIMIT_BYTES = 4096
LFS_VERSION = "https://git-lfs.github.com/spec/v1"
S3_VERSION = 1

_OID = re.compile(r"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_SIZE = re.compile(r"^size (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """What stands for a model, and where its bytes are.

    Attributes:
        sha256: Hash of the model's bytes, in hexadecimal; `size` is their number.
        url: Such as `s3://bucket/key`; empty for LFS, whose server is the repository's, and for DVC.
        version_id: Of the object, in a bucket that keeps versions.
        text: All of a file of DVC's, which means something to DVC only.
    """

    store: Literal["lfs", "s3", "dvc"]
    sha256: str
    size: int
    url: str = ""
    version_id: str = ""
    text: bytes = b""


def dvc_path(model: str) -> str:
    """Where DVC's file for a model is: beside it, with `.dvc` added."""
    return f"{model}.dvc"


def lfs_text(pointer: Pointer) -> bytes:
    """The file that git-lfs knows. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer"""
    return f"version {LFS_VERSION}\noid sha256:{pointer.sha256}\nsize {pointer.size}\n".encode()


def s3_text(pointer: Pointer) -> bytes:
    """The file for an object in S3."""
    record = {
        "cmlkit-pointer": S3_VERSION,
        "url": pointer.url,
        **({"version_id": pointer.version_id} if pointer.version_id else {}),
        "size": pointer.size,
        "sha256": pointer.sha256,
    }
    return json.dumps(record, indent=2).encode() + b"\n"


def read_pointer(content: bytes) -> Pointer | None:
    """The pointer that the file at a model's path is; None where it is none, such as a model itself."""
    if len(content) > LIMIT_BYTES:
        return None
    text = content.decode("utf-8", "replace")
    return _read_lfs(text) if text.startswith(f"version {LFS_VERSION}") else _read_s3(text)


def _read_lfs(text: str) -> Pointer | None:
    oid, size = _OID.search(text), _SIZE.search(text)
    return Pointer(store="lfs", sha256=oid[1], size=int(size[1])) if oid and size else None


def _read_s3(text: str) -> Pointer | None:
    if '"cmlkit-pointer"' not in text:
        return None
    try:
        record = json.loads(text)
        return Pointer(
            store="s3",
            sha256=str(record["sha256"]),
            size=int(record["size"]),
            url=str(record["url"]),
            version_id=str(record.get("version_id", "")),
        )
    except (ValueError, KeyError, TypeError):
        return None
