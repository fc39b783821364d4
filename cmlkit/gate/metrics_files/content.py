"""The text of a metrics file: its encoding, and the marks of terminals and of wrapped numbers in it."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# https://ecma-international.org/publications-and-standards/standards/ecma-48/: control sequences, and commands such as
# titles and links that end with a bell or ESC \.
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_FLOAT = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)"
_TYPES = (
    r"tensor|Tensor|[Aa]rray|DeviceArray|ShapedArray|EagerTensor|Decimal|bfloat16|half|single|double|longdouble|bool_?"
    r"|u?int(?:8|16|32|64|c|p|_)?|float(?:16|32|64|128|_)?"
)
# tensor(0.97, device='cuda:0'), np.float64(0.97), array(0.97, dtype=float32), Decimal('0.97')
_WRAPPED = re.compile(
    rf"(?<![\w.])(?:[A-Za-z_]\w*\.)*(?:{_TYPES})\(\s*(?P<quote>['\"]?)(?P<number>{_FLOAT})(?P=quote)\s*"
    r"(?:,[^()\n]*(?:\([^()\n]*\)[^()\n]*)*)?\)"
)
# The wide forms that are written in Chinese and Japanese.
_WIDE = str.maketrans("：＝％，（）", ":=%,()")
# <tf.Tensor: shape=(), dtype=float32, numpy=0.97>
_TENSORFLOW = re.compile(rf"<tf\.(?:Tensor|Variable)[^<>\n]*?\bnumpy=(?P<number>{_FLOAT})>")


def text_of(content: bytes) -> str | None:
    """Return a file's text, with line ends of one character and without colours; None if it is not text.

    A byte order mark names the encoding; without one it is UTF-8, UTF-16 if every second byte is zero, else
    Windows' Latin-1.
    """
    text = _decoded(content)
    if text is None:
        return None
    text = _TERMINAL.sub("", text.translate(_WIDE).replace("\r\n", "\n").replace("\r", "\n"))
    return _CONTROL.sub("", text.replace("\u2028", "\n").replace("\x0c", "\n").lstrip("\ufeff"))


def without_wrappers(text: str) -> str:
    """Return the text with `tensor(0.97)`, `np.float64(0.97)` and their like replaced by the number."""
    return _TENSORFLOW.sub(r"\g<number>", _WRAPPED.sub(r"\g<number>", text)) if "(" in text or "<" in text else text


def _decoded(content: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.removeprefix(mark).decode(encoding, "replace")
    if b"\0" in content:
        return _utf16(content)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _utf16(content: bytes) -> str | None:
    """Return UTF-16 text without a byte order mark; None if the content has zeros elsewhere, as binary files have."""
    for encoding, zeros, others in (
        ("utf-16-le", content[1::2], content[::2]),
        ("utf-16-be", content[::2], content[1::2]),
    ):
        if zeros.count(0) * 10 > len(zeros) * 9 and 0 not in others:
            return content.decode(encoding, "replace")
    return None
