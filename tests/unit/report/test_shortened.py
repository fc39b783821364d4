"""Long markdown is shortened by whole blocks: neither a table nor code nor a fold is ever cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmlkit.report.shortened import blocks, shortened

CODE = "```python\na = 1\n\n~~~\n\nb = 2\n```"
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"
FOLD = "<details><summary>More</summary>\n\n<details>\n\ninner\n\n</details>\n\ntext\n</details>"
PARAGRAPH = "Some words\nand more."


def rest(count: int) -> str:
    return f"*{count} more*"


def test_what_fits_stays_as_it_is() -> None:
    assert shortened("a\n\n\n\nb", 10, rest) == "a\n\n\n\nb"


def test_code_folds_and_tables_are_blocks_whatever_blank_lines_they_have() -> None:
    assert blocks("\n\n".join([PARAGRAPH, CODE, TABLE, FOLD, PARAGRAPH])) == [PARAGRAPH, CODE, TABLE, FOLD, PARAGRAPH]


def test_a_fold_in_code_folds_nothing_and_open_code_reaches_to_the_end() -> None:
    assert blocks("```\n<details>\n```\n\nafter") == ["```\n<details>\n```", "after"]
    assert blocks("````\n```\n\nstill code") == ["````\n```\n\nstill code"]


def test_a_block_that_alone_is_too_long_is_left_out_and_those_after_it_stay() -> None:
    page = shortened(f"before\n\n{'x' * 100}\n\n{TABLE}", 60, rest)
    assert page == f"before\n\n{TABLE}\n\n*1 more*"


@given(st.lists(st.sampled_from([CODE, TABLE, FOLD, PARAGRAPH]), min_size=1, max_size=30), st.integers(20, 600))
def test_the_page_fits_and_has_only_whole_blocks_in_their_order(parts: list[str], limit: int) -> None:
    markdown = "\n\n".join(parts)
    page = shortened(markdown, limit, rest)
    assert len(page) <= max(limit, len(rest(len(parts))))
    if page != markdown:
        *kept, last = blocks(page)
        remaining = iter(parts)
        assert all(block in remaining for block in kept)
        assert last == rest(len(parts) - len(kept))
