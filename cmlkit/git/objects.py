"""Ids of git objects."""

from __future__ import annotations

import hashlib


def blob_id(content: bytes) -> str:
    """Return the id of the blob with these bytes. https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
