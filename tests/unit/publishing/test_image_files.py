"""Whether a file is the image that its name promises."""

from __future__ import annotations

import pytest

from cmlkit.publishing.image_files import trouble


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n..."),
        ("a.JPG", b"\xff\xd8\xff\xe0..."),
        ("a.gif", b"GIF89a..."),
        ("a.webp", b"RIFF\x00\n\x00\x00WEBPVP8 "),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.svg", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC "x">\n<svg>'),
        ("a.pdf", b"%PDF-1.7"),
        ("notes.txt", b"anything"),
        ("README", b""),
    ],
)
def test_it_is(name: str, content: bytes) -> None:
    assert trouble(name, content) == ""


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.png", b"<html>Not found</html>", "a.png is not in PNG format: it begins with b'<html>No'"),
        ("a.png", b"", "a.png is empty"),
        ("a.svg", b"<html><svg>", "a.svg is not in SVG format: it begins with b'<html><s'"),
        ("a.pdf", b"\x89PNG", "a.pdf is not in PDF format: it begins with b'\\x89PNG'"),
    ],
)
def test_it_is_not_and_why(name: str, content: bytes, why: str) -> None:
    assert trouble(name, content) == why
