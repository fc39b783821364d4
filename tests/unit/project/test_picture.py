"""The README's picture is the one that its text was recorded with; tests/e2e/test_demo.py compares text and demo."""

from __future__ import annotations

from scripts import render_picture


def test_the_picture_is_the_one_that_its_text_was_recorded_with() -> None:
    assert render_picture.recorded()[0] == render_picture.digest(), "Run: make picture"


def test_the_text_is_that_of_a_pull_request() -> None:
    text = render_picture.recorded()[1]
    assert "octo/random-forest" in "".join(text.split())


def test_a_page_shows_its_blocks_as_lines_pictures_by_their_text_and_no_styles() -> None:
    html = (
        "<html><head><title>Page</title><style>p {color: red}</style></head><body>"
        "<h1>A <code>model</code>\n better</h1>"
        '<img src="data:image/png;base64,AAAA" alt="confusion matrix"><table><tr><td>0.9</td><td>met</td></tr></table>'
        "<script>alert(1)</script></body></html>"
    )
    assert render_picture.shown(html) == "A model better\n[confusion matrix]\n0.9\nmet\n"
