"""Objects: the ids that git gives to bytes."""

from __future__ import annotations

import hashlib


def blob_id(content: bytes) -> str:
    """The id that git gives these bytes. https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
