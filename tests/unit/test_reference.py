"""The generated reference is what the code says, and the site's links stay whole."""

from __future__ import annotations

import pytest

import cmlkit
from scripts import render_reference, site_links


@pytest.mark.parametrize("name", render_reference.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    written = (render_reference.REFERENCE / name).read_text(encoding="utf-8")
    assert written == render_reference.PAGES[name](), "Run: python -m scripts.render_reference --write"


def test_the_python_page_has_every_public_name() -> None:
    page = render_reference.python()
    assert [name for name in cmlkit.__all__ if f"\n## {name}\n" not in page] == []


def test_a_link_below_the_documentation_stays_relative() -> None:
    assert site_links.outward("../tutorial.md", folder="docs/how-to", repository="https://forge") == "../tutorial.md"


def test_a_link_out_of_the_documentation_leads_to_the_repository() -> None:
    found = site_links.outward("../../workflows/reap.yml", folder="docs/how-to", repository="https://forge")
    assert found == "https://forge/blob/main/workflows/reap.yml"
