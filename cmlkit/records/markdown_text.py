"""Markdown that a user wrote, as it was read from a file or from standard input."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

# A byte order mark names the encoding; Windows PowerShell's `>` writes UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Without one of these, a text shows no local file; most reports link only pages, as `cmlkit asset publish --md` does.
_ELSEWHERE = r"(?!\s*<?(?:https?://|mailto:|#))"
_MAY_SHOW = re.compile(rf"\]\({_ELSEWHERE}|\]:{_ELSEWHERE}|<(?:img|a|source)\s", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class MarkdownText:
    """A user's markdown.

    Attributes:
        name: The file's name, for messages.
        folder: The folder to which its paths are relative.
        text: The text, with line ends of one character, without blank lines around it.
    """

    name: str
    folder: Path
    text: str

    @property
    def may_show_files(self) -> bool:
        """Whether the text has a mark of an image or a link that may be local."""
        return bool(_MAY_SHOW.search(self.text))


def decoded(content: bytes) -> tuple[str, int]:
    """Return a text from its bytes, and the number of characters that are wrong in its encoding.

    It is UTF-8 unless a byte order mark names another encoding; wrong bytes become replacement characters.
    """
    mark, encoding = next((pair for pair in _MARKS if content.startswith(pair[0])), (b"", "utf-8"))
    content = content.removeprefix(mark)
    text = content.decode(encoding, "replace")
    faults = text.count("\ufffd") - content.decode(encoding, "ignore").count("\ufffd")
    # GitHub stores no null characters.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return re.sub(r"\A(?:[^\S\n]*\n)+", "", text).rstrip(), faults
