"""A release has the notes of its own version, or does not happen."""

from __future__ import annotations

import pytest

from scripts.release_notes import notes

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-03-01

### Added

- A thing.

## [1.1.0] - 2026-02-01

- Another.
"""


def test_notes_are_the_section_of_the_version_and_no_other() -> None:
    assert notes("v1.2.0", version="1.2.0", changelog=CHANGELOG) == "### Added\n\n- A thing."
    assert notes("v1.1.0", version="1.1.0", changelog=CHANGELOG) == "- Another."


def test_a_tag_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"v1\.3\.0 is not the tag of 1\.2\.0"):
        notes("v1.3.0", version="1.2.0", changelog=CHANGELOG)


@pytest.mark.parametrize("version", ["1.3.0", "1.2", "Unreleased"])
def test_a_version_without_a_section_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="says nothing about"):
        notes(f"v{version}", version=version, changelog=CHANGELOG)
