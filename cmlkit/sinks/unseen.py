"""Characters that nobody sees, although they change what is seen around them.

They are control characters, lone surrogates, line separators, and marks that override the direction of writing:
https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters.
"""

from __future__ import annotations

import re

NO_WIDTH = "\u200b"

_SET = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
# Tabs and ends of lines, which have a place in texts of several lines, are not among them.
_UNSEEN = re.compile(f"[{_SET}]")


def visible(text: str) -> str:
    r"""Return the text with escapes such as `\x1b` in place of unseen characters."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def removed(text: str) -> str:
    """Return the text without unseen characters."""
    return _UNSEEN.sub("", text)


def one_line(text: str) -> str:
    """Return the text without unseen characters, on one line, with single spaces between its words."""
    return " ".join(removed(" ".join(text.split())).split())
