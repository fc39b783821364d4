"""Fitting: sections give way in order, and never in half."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmlkit.report.fit import Section, fitted


def test_everything_is_shown_in_full_where_it_fits() -> None:
    sections = [Section(forms=("first", "1")), Section(forms=("second", "2"))]
    assert fitted(sections, 14) == "first\n\nsecond\n"


def test_the_highest_rank_gives_way_first() -> None:
    sections = [Section(forms=("a" * 50, "A"), rank=2), Section(forms=("b" * 50, "B"), rank=1)]
    assert fitted(sections, 60) == "A\n\n" + "b" * 50 + "\n"


def test_of_one_rank_the_last_gives_way_first() -> None:
    sections = [Section(forms=("a" * 50, "A")), Section(forms=("b" * 50, "B"))]
    assert fitted(sections, 60) == "a" * 50 + "\n\nB\n"


def test_a_section_shortens_step_by_step() -> None:
    assert fitted([Section(forms=("x" * 90, "x" * 60, "x" * 30, ""))], 65) == "x" * 60 + "\n"


def test_an_empty_form_leaves_no_gap() -> None:
    assert fitted([Section(forms=("a",)), Section(forms=("",)), Section(forms=("c",))], 99) == "a\n\nc\n"


def test_the_shortest_forms_are_the_least() -> None:
    assert fitted([Section(forms=("long", "short"))], 1) == "short\n"


forms = st.lists(st.integers(0, 200), min_size=1, max_size=4).map(
    lambda lengths: tuple("x" * length for length in sorted(lengths, reverse=True))
)


@given(st.lists(st.builds(lambda forms, rank: Section(forms=forms, rank=rank), forms, st.integers(0, 3)), max_size=6))
def test_the_limit_holds_whenever_the_shortest_forms_fit(sections: list[Section]) -> None:
    least = sum(len(section.forms[-1]) + 2 for section in sections) + 1
    for limit in (least, least + 50, least + 500):
        assert len(fitted(sections, limit)) <= limit
