"""Addresses in markdown, as people and tools write them, and everything around them, which stays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmlkit.report.targets import replaced, targets


def addresses(markdown: str) -> list[str]:
    return [target.address for target in targets(markdown)]


@pytest.mark.parametrize(
    ("markdown", "address"),
    [
        ("![](./plot.png)", "./plot.png"),
        ('![](./vega.png "Vega Lite")', "./vega.png"),
        ("![confusion matrix](<plots/my plot.png> 'Title')", "plots/my plot.png"),
        ("![](plots/my%20plot.png)", "plots/my%20plot.png"),
        ("![](plots/my plot.png)", "plots/my plot.png"),
        (r"![](confusion\_matrix.png)", "confusion_matrix.png"),
        ("![](plot(1).png)", "plot(1).png"),
        ("![](a&amp;b.png)", "a&b.png"),
        ("![\n](plot.png\n'over lines')", "plot.png"),
        ("[data](out/metrics.csv)", "out/metrics.csv"),
        ("**bold ![](plot.png)**", "plot.png"),
        ("| plot |\n|---|\n| ![](plot.png) |", "plot.png"),
        ("- first\n\n  ![](plot.png)", "plot.png"),
        ("> ![](plot.png)", "plot.png"),
        ("# Plot ![](plot.png)", "plot.png"),
        ("<details><summary>Plot</summary>\n\n![](plot.png)\n\n</details>", "plot.png"),
        ("[p]: plot.png 'Title'", "plot.png"),
        ("![plot][p]\n\n[p]: <my plot.png>", "my plot.png"),
        ('<img src="plot.png" width="300">', "plot.png"),
        ("text <IMG width=300 SRC='my plot.png'/> text", "my plot.png"),
        ("<img src=plot.png width=300>", "plot.png"),
        ("<p align=center>\n<img\n  alt='a > b'\n  src=plot.png/>\n</p>", "plot.png"),
        ("<a href='data.csv'>data</a>", "data.csv"),
        ('<picture>\n<source srcset="dark.png">\n</picture>', "dark.png"),
        ("![](data:image/png;base64,iVBORw0KGgo=)", "data:image/png;base64,iVBORw0KGgo="),
        ("``code with ` `` ![](plot.png)", "plot.png"),
        ("a lone ` and ![](plot.png)", "plot.png"),
        ("![\\]](plot.png)", "plot.png"),
    ],
)
def test_the_ways_to_name_a_file(markdown: str, address: str) -> None:
    assert addresses(markdown) == [address]


@pytest.mark.parametrize(
    "markdown",
    [
        "`![](plot.png)`",
        "``a ` ![](plot.png)``",
        "```\n![](plot.png)\n```",
        "~~~markdown\n![](plot.png)\n~~~",
        "- item\n\n  ```\n  ![](plot.png)\n  ```",
        "    ![](plot.png)",
        "\t![](plot.png)",
        "<!-- ![](plot.png) <img src='plot.png'> -->",
        "text <!-- ![](plot.png) --> text",
        r"\[not a link](plot.png)",
        "[^1]: plot.png",
        "![reference][plot]",
        "![]()",
        "<img alt='no source'>",
        "<video src='film.mp4'></video>",
        "f[0](x",
    ],
)
def test_code_comments_and_text_name_no_file(markdown: str) -> None:
    assert addresses(markdown) == []


def test_a_picture_in_a_link_is_found_before_the_link() -> None:
    found = targets("[![alt](small.png)](large.png)")
    assert [(target.kind, target.address) for target in found] == [("image", "small.png"), ("link", "large.png")]


def test_a_target_has_its_line() -> None:
    assert [target.line for target in targets("a\r\n\r\n![](1.png)\rb\n![](2.png)\n\n[p]: 3.png")] == [3, 5, 7]


def test_only_the_addresses_are_replaced() -> None:
    markdown = '![a](<my plot.png> "T") `![](x.png)` <img src=p.png width=3>\r\n\r\n[p]: p.png  \n'
    urls = {target: f"https://x/{index}" for index, target in enumerate(targets(markdown))}
    assert replaced(markdown, urls) == (
        '![a](https://x/0 "T") `![](x.png)` <img src="https://x/1" width=3>\r\n\r\n[p]: https://x/2  \n'
    )


PIECES = st.sampled_from(
    ["![", "[", "](", "]", ")", "(", "`", "```", "\n", "\r\n", "\n\n", "    ", "> ", "- ", "| ", "|---|",
     "<img src=", "<a ",
     ">", "<", "<!--", "-->", '"', "'", "\\", "a.png", "text", " ", "é", "\u2028", "\x0b", "[p]: ",
     "data:image/png,", "\t"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=60))
def test_outside_of_addresses_every_character_stays(pieces: list[str]) -> None:
    markdown = "".join(pieces)
    found = targets(markdown)
    places = [place for target in found for place in (target.start, target.end)]
    assert places == sorted(places)
    parts = [markdown[start:end] for start, end in pairwise([0, *places, len(markdown)])]
    parts[1::2] = [f"{target.quotes}https://x/{target.quotes}" for target in found]
    assert replaced(markdown, dict.fromkeys(found, "https://x/")) == "".join(parts)


@pytest.mark.parametrize("piece", ["![](x", "`a``b", "<a ", "[](", "![", "<!--", "](", "<img src='", "\\", "[a]: "])
def test_long_texts_take_no_long_time(piece: str) -> None:
    assert len(targets(piece * 20_000 + "\n\n![](plot.png)")) >= 0


def test_an_embedded_image_of_megabytes_is_found() -> None:
    assert len(addresses(f"![](data:image/png;base64,{'A' * 4_000_000})")[0]) > 4_000_000
