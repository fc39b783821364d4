"""Pointers: the short files that a commit has in place of a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from cmlkit.records.json_text import json_text, read_json
from cmlkit.settings.stores import STORES

LIMIT_BYTES = 4096
LFS_VERSION = "https://git-lfs.github.com/spec/v1"
S3_VERSION = 1

_OID = re.compile(r"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_SIZE = re.compile(r"^size (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """A pointer to a model: its hash, and where its bytes are.

    Attributes:
        sha256: Hash of the model's bytes, in hexadecimal; `size` is their number.
        store: Name of the store, such as `lfs`.
        url: URL such as `s3://bucket/key`; empty for DVC, and for LFS, which uses the repository's server.
        version_id: Version of the object, in a bucket with versioning.
        text: Content of a `.dvc` file, for DVC only.
    """

    store: str
    sha256: str
    size: int
    url: str = ""
    version_id: str = ""
    text: bytes = b""


def dvc_path(model: str) -> str:
    """Return the path of DVC's file for a model: beside it, with `.dvc` added."""
    return f"{model}.dvc"


def lfs_text(pointer: Pointer) -> bytes:
    """Return the pointer file of git-lfs. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer"""
    return f"version {LFS_VERSION}\noid sha256:{pointer.sha256}\nsize {pointer.size}\n".encode()


def s3_text(pointer: Pointer) -> bytes:
    """Return the pointer file for an object in S3."""
    record = {
        "cmlkit-pointer": S3_VERSION,
        "url": pointer.url,
        **({"version_id": pointer.version_id} if pointer.version_id else {}),
        "size": pointer.size,
        "sha256": pointer.sha256,
    }
    return json_text(record, indent=2).encode() + b"\n"


def read_pointer(content: bytes) -> Pointer | None:
    """Read the file at a model's path as a pointer; return None if it is not one, such as a model itself."""
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
        record = read_json(text)
        return Pointer(
            store=_known(urlsplit(str(record["url"])).scheme),
            sha256=str(record["sha256"]),
            size=int(record["size"]),
            url=str(record["url"]),
            version_id=str(record.get("version_id", "")),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _known(name: str) -> str:
    """Return the name of a store. Raise ValueError if it is of a later version."""
    if name not in STORES:
        raise ValueError(name)
    return name
