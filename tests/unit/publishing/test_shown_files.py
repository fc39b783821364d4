"""The local files that a report shows: stored once, named by their content, and named the same if storing fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit.publishing.asset import Asset, asset_path
from cmlkit.publishing.local_files import LocalFiles
from cmlkit.publishing.shown_files import ShownFiles, show_files
from cmlkit.records.markdown_text import MarkdownText
from tests.toys.forge import FACTS

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f00050001ff"
    "89993d1d0000000049454e44ae426082"
)


def stored(files: Sequence[tuple[str, bytes]]) -> list[Asset]:
    return [Asset(name=name, path=name, commit="c", url=f"https://images/{name[:4]}") for name, _ in files]


def refused(files: Sequence[tuple[str, bytes]]) -> list[Asset]:
    raise ServiceError("GitHub failed: 503.", status=503)


@pytest.fixture
def shown(tmp_path: Path) -> dict[str, ShownFiles]:
    (tmp_path / "plot.png").write_bytes(PNG)
    text = MarkdownText(name="report.md", folder=tmp_path, text="![a](plot.png) and ![b](plot.png)")
    files = LocalFiles(root=tmp_path, directory=tmp_path, limits=FACTS.limits.files, is_ignored=lambda path: False)
    warnings: list[str] = []
    stores = {"stored": stored, "refused": refused}
    return {name: show_files([text], files=files, store=store, warn=warnings.append) for name, store in stores.items()}


def test_each_file_is_stored_once_and_shown_at_its_address(shown: dict[str, ShownFiles]) -> None:
    name = asset_path("plot.png", PNG)
    assert shown["stored"].names == (name,)
    assert shown["stored"].texts == (f"![a](https://images/{name[:4]}) and ![b](https://images/{name[:4]})",)


def test_files_that_cannot_be_stored_keep_their_names_so_that_a_repetition_finds_the_comment(
    shown: dict[str, ShownFiles],
) -> None:
    """Names are part of what tells comments apart; without them, the repetition would write a second comment."""
    assert shown["refused"].names == shown["stored"].names
    assert shown["refused"].texts == ("![a](plot.png) and ![b](plot.png)",)
