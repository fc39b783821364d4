"""Picture files that browsers show, recognised by their first bytes and not by their name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# First bytes according to https://www.iana.org/assignments/media-types
_BEGINNINGS = {
    ".png": rb"\x89PNG\r\n\x1a\n",
    ".jpg": rb"\xff\xd8\xff",
    ".jpeg": rb"\xff\xd8\xff",
    ".gif": rb"GIF8[79]a",
    ".webp": rb"RIFF....WEBP",
    # After a byte order mark, a declaration, comments and a document type.
    ".svg": rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE.*?>\s*)*<svg[\s>]",
    ".pdf": rb"%PDF-",
}
IMAGES = frozenset(_BEGINNINGS) - {".pdf"}
_LOOKED_AT_BYTES = 64 * 1024


def trouble(name: str, content: bytes) -> str:
    """Return why a file is not in the format of its suffix; empty if it is, or if no format is known for the suffix."""
    suffix = PurePosixPath(name).suffix.lower()
    beginning = _BEGINNINGS.get(suffix)
    if beginning is None or re.match(beginning, content[:_LOOKED_AT_BYTES], re.DOTALL):
        return ""
    if not content:
        return f"{name} is empty"
    return f"{name} is not in {suffix[1:].upper()} format: it begins with {content[:8]!r}"
