"""Images: what browsers show as one, told by the first bytes and not by the name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# https://www.iana.org/assignments/media-types; each begins so, whatever comes after.
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
    """Why a file does not show as the image that its name promises; empty where it does, or promises none."""
    suffix = PurePosixPath(name).suffix.lower()
    beginning = _BEGINNINGS.get(suffix)
    if beginning is None or re.match(beginning, content[:_LOOKED_AT_BYTES], re.DOTALL):
        return ""
    if not content:
        return f"{name} is empty"
    return f"{name} is no {suffix[1:].upper()} file: it begins with {content[:8]!r}"
