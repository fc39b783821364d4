"""Texts from bytes: the encodings and line ends that reports come in."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.records.markdown_text import decoded


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Größe\n".encode(), "Größe"),
        (codecs.BOM_UTF8 + b"text", "text"),
        ("Größe".encode("utf-16"), "Größe"),
        (codecs.BOM_UTF16_BE + "Größe".encode("utf-16-be"), "Größe"),
        ("Größe".encode("utf-32"), "Größe"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"\n \n    code\n\n", "    code"),
        (b"a\0b", "ab"),
        (b" \n\t\n", ""),
        ("a \ufffd b".encode(), "a \ufffd b"),
    ],
)
def test_a_text_is_read_in_its_encoding(content: bytes, text: str) -> None:
    assert decoded(content) == (text, 0)


def test_wrong_bytes_are_counted() -> None:
    assert decoded(b"Gr\xf6\xdfe \xef\xbf\xbd") == ("Gr\ufffd\ufffde \ufffd", 2)


@given(st.binary(max_size=60))
def test_any_bytes_make_a_text(content: bytes) -> None:
    text, faults = decoded(content)
    assert faults >= 0
    assert not {"\r", "\0"} & set(text)
    text.encode()
