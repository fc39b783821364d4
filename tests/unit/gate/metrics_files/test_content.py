"""The text of a metrics file: encodings, line ends and the marks of terminals."""

from __future__ import annotations

import codecs

import pytest

from cmlkit.gate.metrics_files.content import text_of, without_wrappers


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("loss: 0,5 é".encode(), "loss: 0,5 é"),
        ("Précision: 1".encode("latin-1"), "Précision: 1"),
        ("“0.5” €".encode("cp1252"), "“0.5” €"),
        (b"a: 1 \x9d", "a: 1 \ufffd"),  # a byte that Windows' Latin-1 does not have
        (codecs.BOM_UTF8 + b"a: 1", "a: 1"),
        (codecs.BOM_UTF8 + b"a: 1 \xff", "a: 1 \ufffd"),
        (codecs.BOM_UTF16_LE + "a: é".encode("utf-16-le"), "a: é"),
        (codecs.BOM_UTF16_BE + "a: é".encode("utf-16-be"), "a: é"),
        (codecs.BOM_UTF32_LE + "a: é".encode("utf-32-le"), "a: é"),
        ("a: 1".encode("utf-16-le"), "a: 1"),
        ("a: 1".encode("utf-16-be"), "a: 1"),
        ("loss: 0.5 中".encode("utf-16-le"), "loss: 0.5 中"),
        ("loss: 0.5 中".encode("utf-16-be"), "loss: 0.5 中"),
        ("a: 1\x01".encode("utf-16-le"), "a: 1"),
        ("loss: 0.5\n".encode("utf-16-le") + b"x", "loss: 0.5\n\ufffd"),  # cut off in a character
    ],
)
def test_a_text_is_read_in_the_encoding_that_it_is_in(content: bytes, text: str) -> None:
    assert text_of(content) == text


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02\x80abc",
        b"a\x00b\x00cdefghij",
        "eins: 0.9中".encode("utf-16-le"),  # no more than nine of ten characters are Latin
        "a\0b: 1".encode("utf-16-le"),
    ],
)
def test_content_with_zeros_elsewhere_is_no_text(content: bytes) -> None:
    assert text_of(content) is None


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a: 1\r\nb: 2\rc: 3\n", "a: 1\nb: 2\nc: 3\n"),
        ("a: 1\u2028b: 2\x0cc: 3", "a: 1\nb: 2\nc: 3"),
        ("\ufeff\ufeffa: 1\ufeff", "a: 1\ufeff"),
        ("Xa: 1X", "Xa: 1X"),
        ("\x1b[1;32ma\x1b[0m: \x1b]8;;https://example.com\x071\x1b]8;;\x1b\\\x07", "a: 1"),
        ("a\x08: \x001", "a: 1"),
        ("准确率：０.9（％，＝）", "准确率:０.9(%,=)"),
    ],
)
def test_line_ends_are_one_character_and_the_marks_of_terminals_are_gone(written: str, text: str) -> None:
    assert text_of(b"\xef\xbb\xbf" + written.encode()) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("acc: tensor(0.97, device='cuda:0')", "acc: 0.97"),
        ("acc: <tf.Tensor: shape=(), dtype=float32, numpy=0.97>", "acc: 0.97"),
        ("acc: <tf.Variable 'a:0' shape=() dtype=float32, numpy=np.float32(0.97)>", "acc: 0.97"),
        ("acc: Decimal('0.97')", "acc: 0.97"),
        ("acc: 0.97", "acc: 0.97"),
    ],
)
def test_a_number_of_a_library_is_the_number(text: str, plain: str) -> None:
    assert without_wrappers(text) == plain
