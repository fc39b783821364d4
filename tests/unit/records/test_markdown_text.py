"""Texts from bytes: the encodings and line ends that reports come in."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.records.markdown_text import MarkdownText, decoded


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


@pytest.mark.parametrize(
    ("text", "may_show"),
    [
        ("# Report\n\n| a |\n|---|\n| 1 |", False),
        ("[![plot](https://example.com/p.png)](https://example.com) [top](#top)", False),
        ("[page]: https://example.com", False),
        ("[a](https://example.com) ![](plot.png)", True),
        ("![](<plot.png>)", True),
        ("![](\nplot.png)", True),
        ("![](data:image/png;base64,AAAA)", True),
        ("[plot]:\nplot.png", True),
        ("<IMG\nsrc=plot.png>", True),
    ],
)
def test_only_texts_that_may_show_local_files_are_searched_for_them(text: str, may_show: bool) -> None:
    assert MarkdownText(name="report.md", folder=Path(), text=text).may_show_files is may_show
