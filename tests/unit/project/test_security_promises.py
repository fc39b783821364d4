"""SECURITY.md and the security model promise what tests hold; `security_promises.toml` says which, for each sentence.

A sentence that is new or was changed fails until the file has it; so does a test that was renamed or removed.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "SECURITY.md", ROOT / "docs" / "explanation" / "security-model.md")
KNOWN = Path(__file__).with_name("security_promises.toml")
# Reasons for which a sentence needs no test.
REASONS = {
    "advice": "tells the reader what to do",
    "explanation": "says why, or what another sentence of the page promises",
    "limit": "says what is not protected",
    "of others": "is GitHub's, AWS's or the reader's to keep",
    "practice": "is what the maintainers do",
}


def sentences(page: Path) -> Iterator[str]:
    """Every sentence of a page's paragraphs, list items and table rows, as `ROW: sentence` in a table."""
    text = re.sub(r"^```.*?^```\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for part in re.split(r"\n\s*\n|\n(?=- |\|)", text):
        if part.startswith("|"):
            yield from _of_row(part)
        elif not part.lstrip().startswith("#"):
            yield from _split(" ".join(part.removeprefix("- ").split()))


def _of_row(row: str) -> Iterator[str]:
    name, *cells = [" ".join(cell.split()) for cell in row.strip().strip("|").split("|")]
    if re.fullmatch(r":?-+:?", name) or name in ("", "Secret", "Threat", "Place", "Token"):
        return
    for cell in cells:
        yield from (f"{name}: {sentence}" for sentence in _split(cell))


def _split(text: str) -> Iterator[str]:
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    yield from (sentence for sentence in re.split(r"(?<=[.:!?]) (?=[A-Z`*[])", plain) if sentence)


@functools.cache
def known() -> dict[str, Any]:
    return tomllib.loads(KNOWN.read_text(encoding="utf-8"))


def test_every_sentence_of_the_pages_names_its_tests_or_why_it_needs_none() -> None:
    said = [sentence for page in PAGES for sentence in sentences(page)]
    assert [sentence for sentence in said if sentence not in known()] == [], f"say in {KNOWN.name} which test holds it"
    assert [sentence for sentence in known() if sentence not in said] == [], "no page says this any more"


@pytest.mark.parametrize("sentence", known())
def test_the_tests_that_hold_a_promise_exist(sentence: str) -> None:
    held_by = known()[sentence]
    if isinstance(held_by, str):
        assert held_by in REASONS
        return
    assert held_by
    assert [test for test in held_by if not exists(test)] == []


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    return path.exists() and re.search(rf"^def {re.escape(name)}\(", path.read_text(encoding="utf-8"), re.M) is not None
