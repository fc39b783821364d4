"""Markdown from parts: text from users stays text."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cmlkit.report import markdown
from cmlkit.sinks.unseen import NO_WIDTH, one_line

HOSTILE = [
    "a|b",
    "a\\|b",
    "`code`",
    "``",
    "<script>alert(1)</script>",
    "<!-- marker -->",
    "</details>",
    "@octocat",
    "x@octo/team",
    "#1",
    "octo/repo#12",
    "GH-3",
    "https://example.com/octo/repo/issues/1",
    "www.example.com",
    "[link](javascript:alert(1))",
    "![image](https://example.com/x.png)",
    "**bold** _it_ __x__ ~~gone~~",
    "line\nbreak\r\n| a | b |\n|---|---|",
    "\u202eevil\u202c",
    "שלום עולם",
    "👩‍🔬🎉",
    "# heading",
    "- [ ] task",
    "&lt;b&gt; &amp;",
    "$x^2$",
    "long " * 60,
    "\x00\x1b[31m",
    "\ud800",
    "",
    " ",
    "'\"\"'",
    "\\",
    "test_accuracy",
]
hostile = st.sampled_from(HOSTILE) | st.text(max_size=400) | st.text("|`<>@#\\&*_[]()~ \n$'\"a1", max_size=40)


def parsed(source: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)


def shown(tokens: list[Token]) -> str:
    """What a reader sees of inline tokens."""
    return "".join(
        (child.content if child.type in ("text", "code_inline") else "")
        for token in tokens
        for child in token.children or []
    )


def cleaned(value: str) -> str:
    """What of a text is to be seen: one line, no control characters, no overrides of direction."""
    return one_line(value)


@given(hostile)
def test_text_is_shown_as_it_is_without_any_markup(value: str) -> None:
    tokens = parsed("x" + markdown.text(value, length=1000) + "x")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or []} <= {"text"}
    assert shown(tokens).replace(NO_WIDTH, "") == f"x{cleaned(value)}x".replace(NO_WIDTH, "")


@given(hostile)
def test_nobody_is_pinged_and_nothing_is_linked(value: str) -> None:
    seen = shown(parsed("x " + markdown.text(value, length=1000)))
    assert not re.search(r"@\w|#\d|\bgh-\d|://|\bwww\.", seen, re.IGNORECASE)


@given(hostile)
def test_code_is_one_piece_of_code(value: str) -> None:
    source = markdown.code(value, length=1000)
    if not cleaned(value):
        assert source == "(empty)"
        return
    tokens = parsed("x " + source)
    seen = shown(tokens).removeprefix("x ").replace(NO_WIDTH, "")
    assert seen == cleaned(value).replace(NO_WIDTH, "")
    assert "|" not in source


@given(st.lists(st.tuples(hostile, hostile, hostile), max_size=5))
def test_a_table_keeps_its_shape(rows: list[tuple[str, str, str]]) -> None:
    source = markdown.table(
        ["A", "B", "C"], [[markdown.text(a), markdown.code(b), markdown.link(markdown.text(c), c)] for a, b, c in rows]
    )
    tokens = parsed(source)
    assert sum(token.type == "tr_open" for token in tokens) == len(rows) + 1
    assert sum(token.type == "td_open" for token in tokens) == 3 * len(rows)
    assert sum(token.type == "table_open" for token in tokens) == 1


def test_long_text_is_cut_and_its_title_has_more() -> None:
    source = markdown.text('say "hi" ' * 50, length=20)
    found = re.fullmatch(r'<abbr title="([^"]*)">([^<]*)</abbr>', source)
    assert found
    assert html.unescape(found[1]) == ('say "hi" ' * 50)[:300]
    assert html.unescape(found[2]) == 'say "hi" say "hi" s…'


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://github.com/o/r/blob/main/a b.png?raw=true", "https://github.com/o/r/blob/main/a%20b.png?raw=true"),
        ("https://x/(a)|`<b>", "https://x/%28a%29%7C%60%3Cb%3E"),
        ("https://x/a%20b", "https://x/a%20b"),
        ("model/plot.png", "model/plot.png"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
    ],
)
def test_an_address_cannot_end_its_link(url: str, target: str) -> None:
    assert markdown.address(url) == target


def test_an_image_links_to_itself_and_survives_a_hostile_name() -> None:
    source = markdown.image("a](x) ![b", "https://x/y.png")
    children = parsed(source)[1].children or []
    assert [child.type for child in children] == ["link_open", "image", "link_close"]
    assert children[0].attrs["href"] == "https://x/y.png"
    assert shown([children[1]]) == "a](x) ![b"


def test_a_plot_without_an_address_is_still_named() -> None:
    assert markdown.image("roc", "") == "roc"


@given(hostile)
def test_a_fence_holds_whatever_it_contains(value: str) -> None:
    tokens = parsed(markdown.fence(value, "sh") + "\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


def test_a_fence_keeps_lines_and_backticks() -> None:
    assert markdown.fence("a\n```\nb") == "````\na\n```\nb\n````"
