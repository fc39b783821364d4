"""Long markdown keeps the beginning of each long block, and no fence, tag or table stays open."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cmlkit.report.shortened import shortened

ROWS = [f"| {number} | {'x' * 20} |" for number in range(3_000)]
TABLE = "\n".join(["| a | b |", "|---|---|", *ROWS])
CODE = "\n".join(["```python", *(f"value = {number}" for number in range(6_000)), "```"])
LIST = "\n".join(f"- item {number}" for number in range(8_000))
HTML = "\n".join(["<table>", *(f"<tr><td>{number}</td><td>cell</td></tr>" for number in range(3_000)), "</table>"])
PARAGRAPH = "Some words, and more of them. " * 3_000
LIMIT = 65_000


def note(missing: str) -> str:
    return f"*{missing}: [the whole report](https://example.com/report)*"


def size_in_bytes(text: str) -> int:
    return len(text.encode())


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert shortened("a\n\n\n\nb", 10, note) == "a\n\n\n\nb"


def test_a_table_keeps_its_header_and_first_rows() -> None:
    page = shortened(f"# Report\n\n{TABLE}\n\nThe end.", LIMIT, note)
    kept = page.count("xxxxx |")
    assert kept > 2_000
    assert page.startswith(f"# Report\n\n| a | b |\n|---|---|\n{ROWS[0]}\n")
    assert page.endswith(f"{ROWS[kept - 1]}\n\n{note(f'{3_000 - kept:,} more rows')}\n\nThe end.")


def test_code_keeps_its_first_lines_and_its_fence_is_closed() -> None:
    page = shortened(CODE, LIMIT, note)
    assert re.search(r"value = \d+\n```\n\n\*[\d,]+ more lines: ", page)


def test_code_in_a_list_and_in_a_quotation_is_closed_there() -> None:
    lines = [f"line {number}" for number in range(9_000)]
    in_list = shortened("\n".join(["- first", "", "  ~~~", *(f"  {line}" for line in lines), "  ~~~"]), LIMIT, note)
    quoted = shortened("\n".join(["> ```", *(f"> {line}" for line in lines), "> ```"]), LIMIT, note)
    assert re.search(r"  line \d+\n  ~~~\n\n\*", in_list)
    assert re.search(r"> line \d+\n> ```\n\n\*", quoted)


def test_a_list_keeps_its_first_items() -> None:
    assert re.match(r"- item 0\n- item 1\n(?s:.*)- item \d+\n\n\*[\d,]+ more lines: ", shortened(LIST, LIMIT, note))


def test_rows_are_counted_without_the_end_of_the_details_around_them() -> None:
    page = shortened(f"<details><summary>All</summary>\n\n{TABLE}\n\n</details>", LIMIT, note)
    kept = page.count("xxxxx |")
    assert page.endswith(f"{ROWS[kept - 1]}\n\n</details>\n\n{note(f'{3_000 - kept:,} more rows')}")


def test_an_html_table_is_closed_and_its_rows_are_counted() -> None:
    page = shortened(HTML, LIMIT, note)
    kept = page.count("<tr>")
    assert page.endswith(f"</tr>\n\n</table>\n\n{note(f'{3_000 - kept:,} more rows')}")


def test_an_html_table_on_one_line_is_cut_between_its_tags() -> None:
    page = shortened(HTML.replace("\n", ""), LIMIT, note)
    assert re.search(r"</table>\n\n\*[\d,]+ more rows: ", page)
    assert page.count("<td>") == page.count("</td>")


def test_a_fold_is_closed_whatever_is_in_it() -> None:
    page = shortened(f"<details><summary>All</summary>\n\n{CODE}\n\n</details>\n\nafter", LIMIT, note)
    assert re.search(r"\n```\n\n</details>\n\n\*[\d,]+ more lines: .*\*\n\nafter\Z", page)


def test_a_paragraph_is_cut_between_words_and_not_in_a_link() -> None:
    assert re.search(r"[a-z.,]…\n\n\*[\d,]+ more characters: ", shortened(PARAGRAPH, LIMIT, note))
    links = "[name](https://example.com/a/long/address) " * 2_000
    assert shortened(links, LIMIT, note).partition("…")[0].count("(") * 43 >= LIMIT - 500
    assert re.search(r"\)…\n", shortened(links, LIMIT, note))


def test_a_comment_that_nobody_sees_does_not_hide_the_rest() -> None:
    page = shortened("<!-- " + "hidden\n" * 10_000 + "-->\n\nshown", LIMIT, note)
    assert page.index("-->") < page.index("more lines") < page.index("shown")


def test_embedded_images_give_way_first() -> None:
    image = f"![plot](data:image/png;base64,{'A' * 70_000})"
    assert shortened(f"{image}\n\nwords", LIMIT, note) == "![plot](#)\n\nwords"


def test_long_blocks_share_the_room_and_short_ones_stay_whole() -> None:
    page = shortened(f"before\n\n{TABLE}\n\nbetween\n\n{CODE}\n\nafter", LIMIT, note)
    for whole in ("before\n", "\nbetween\n", "\nafter"):
        assert whole in page
    assert page.count("x |") > 500
    assert page.count("value = ") > 1_000


def test_definitions_of_references_stay() -> None:
    page = shortened(f"![plot][p]\n\n{TABLE}\n\n{PARAGRAPH}\n\n[p]: https://example.com/p.png", LIMIT, note)
    assert page.endswith("[p]: https://example.com/p.png")


def test_many_short_blocks_are_left_out_whole() -> None:
    parts = [f"Paragraph {number} with some words." for number in range(4_000)]
    *kept, last = shortened("\n\n".join(parts), LIMIT, note).split("\n\n")
    assert kept == parts[: len(kept)]
    assert last == note(f"{4_000 - len(kept):,} more blocks")


def test_the_limit_may_be_in_bytes() -> None:
    page = shortened("Grüße über Größe. " * 5_000, 65_535, note, size=size_in_bytes)
    assert 64_000 < size_in_bytes(page) <= 65_535


def assert_closed(page: str) -> None:
    """Everything after the last block that was cut is still outside of code and of HTML."""
    tokens = MarkdownIt("commonmark").enable("table").parse(f"{page}\n\nsentinel")
    assert any(token.type == "inline" and token.content == "sentinel" and token.level == 1 for token in tokens)
    for tag in ("details", "table", "tr", "td", "div"):
        html = "".join(token.content for token in tokens if token.type == "html_block")
        assert len(re.findall(rf"<{tag}\b", html)) == len(re.findall(rf"</{tag}>", html)), tag


def beginnings(text: str, *end: str) -> st.SearchStrategy[str]:
    lines = text.splitlines()
    return st.integers(3, 60).map(lambda count: "\n".join([*lines[:count], *end]))


BLOCKS = st.one_of(
    beginnings(TABLE),
    beginnings(CODE, "```"),
    beginnings(LIST),
    beginnings(HTML, "</table>"),
    st.integers(1, 60).map(lambda count: ("Wörter und mehr. " * count).strip()),
    st.just("> quoted\n>\n> ~~~\n> code\n> ~~~"),
)
FOLDS = st.lists(BLOCKS, max_size=3).map(
    lambda inner: "\n\n".join(["<details><summary>More</summary>", *inner, "</details>"])
)


@settings(deadline=None)
@given(
    st.lists(BLOCKS | FOLDS, min_size=1, max_size=12), st.integers(100, 3_000), st.sampled_from([len, size_in_bytes])
)
def test_a_page_never_exceeds_its_limit_and_leaves_nothing_open(
    parts: list[str], limit: int, size: Callable[[str], int]
) -> None:
    page = shortened("\n\n".join(parts), limit, note, size=size)
    assert size(page) <= limit
    assert_closed(page)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab `~<>/-![]()|\n\"'\\détails"), max_size=400), st.integers(100, 300))
def test_whatever_the_text_is_the_limit_holds(text: str, limit: int) -> None:
    assert len(shortened(text, limit, note)) <= limit


@pytest.mark.parametrize("text", ["", "\n", "```", "<details>", "<!--", "|", "[p]:"])
def test_fragments_are_no_trouble(text: str) -> None:
    assert len(shortened(f"{text}\n" * 200, 100, note)) <= 100
