"""Markdown on the sandbox's pages: what GitHub shows, and nothing that does harm."""

from __future__ import annotations

import pytest

from cmlkit_sandbox.github.pages.markdown import render, sanitised


def test_tables_and_line_ends_are_those_of_github_comments() -> None:
    assert render("one\ntwo") == "<p>one<br>\ntwo</p>\n"
    assert '<th align="right">n</th>' in render("|n|\n|-:|\n|1|")
    assert render("~~old~~") == "<p><s>old</s></p>\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<script>alert(1)</script>after", "after"),
        ("<style>p {}</style>", ""),
        ('<img src="x" onerror="alert(1)">', '<img src="x">'),
        ('<a href="javascript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href=" JavaScript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href="data:text/html,x">x</a>', "<a>x</a>"),
        ('<a href="/a:b">x</a>', '<a href="/a:b">x</a>'),
        ('<a href="page?at=12:30">x</a>', '<a href="page?at=12:30">x</a>'),
        ("<!-- hidden -->", ""),
        ("<custom>text</custom>", "text"),
        ("<form><button>b</button></form>", "b"),
        ('<p style="position:fixed">x</p>', "<p>x</p>"),
        ("<svg onload=alert(1)><script>1</script></svg>y", "y"),
        ("a < b &amp; c", "a &lt; b &amp; c"),
    ],
)
def test_what_could_do_harm_is_left_out(written: str, shown: str) -> None:
    assert sanitised(written) == shown


@pytest.mark.parametrize("written", ["<input name=x onfocus=f()>", "<input type=text value=x>"])
def test_an_input_is_a_box_that_cannot_be_ticked(written: str) -> None:
    assert sanitised(written) in ('<input type="checkbox" disabled="">', '<input disabled="" type="checkbox">')


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("</div></div>text", "text"),
        ("<div><b>text", "<div><b>text</b></div>"),
        ("<b>one<i>two</b>three", "<b>one<i>two</i></b><i>three</i>"),
        ("<br/>x", "<br>x"),
    ],
)
def test_a_comment_cannot_leave_its_box(written: str, shown: str) -> None:
    assert sanitised(written) == shown


def test_pictures_come_from_where_the_caller_says() -> None:
    html = '<picture><source srcset="a.png 1x, b.png 2x"><img src="c.png"></picture>'
    assert sanitised(html, image=lambda url: f"data:{url}") == (
        '<picture><source srcset="data:a.png 1x, data:b.png 2x"><img src="data:c.png"></picture>'
    )
