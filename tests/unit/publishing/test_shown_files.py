"""The local files that a report shows: stored once, named by their content, and named the same if storing fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit.publishing.asset import Asset, asset_path
from cmlkit.publishing.local_files import LocalFiles
from cmlkit.publishing.shown_files import ShownFiles, show_files, shown_paths
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


@pytest.fixture
def reports(tmp_path: Path) -> LocalFiles:
    for path in ("plot.png", "sub/plot.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(PNG)
    (tmp_path / "table.csv").write_bytes(b"a,b\n")
    return LocalFiles(root=tmp_path, directory=tmp_path, limits=FACTS.limits.files, is_ignored=lambda path: False)


def written(reports: LocalFiles, *texts: str, folder: str = "") -> list[MarkdownText]:
    return [
        MarkdownText(name=f"{number}.md", folder=reports.root / folder, text=text) for number, text in enumerate(texts)
    ]


def test_each_text_gets_the_addresses_of_its_own_files_with_their_fragments(reports: LocalFiles) -> None:
    kept: list[Sequence[tuple[str, bytes]]] = []
    warnings: list[str] = []

    def store(files: Sequence[tuple[str, bytes]]) -> list[Asset]:
        kept.append(files)
        return stored(files)[::-1]

    texts = written(reports, "![a](plot.png)", "no file", "[t](table.csv#row) ![b](https://x/y.png) ![c](sub/plot.png)")
    found = show_files(texts, files=reports, store=store, warn=warnings.append)
    png, csv = asset_path("plot.png", PNG), asset_path("table.csv", b"a,b\n")
    assert kept == [[(png, PNG), (csv, b"a,b\n")]]
    assert found.names == (png, csv)
    assert found.texts == (
        f"![a](https://images/{png[:4]})",
        "no file",
        f"[t](https://images/{csv[:4]}#row) ![b](https://x/y.png) ![c](https://images/{png[:4]})",
    )
    assert warnings == []


def test_files_are_looked_for_beside_the_report(reports: LocalFiles) -> None:
    (reports.root / "sub/own.csv").write_bytes(b"own")
    [text] = written(reports, "[a](own.csv)", folder="sub")
    found = show_files([text], files=reports, store=stored, warn=lambda told: None)
    assert found.names == (asset_path("own.csv", b"own"),)
    assert shown_paths(text, reports)[0] == reports.root / "sub/own.csv"


def test_the_paths_of_all_that_is_shown_are_known_whether_it_exists_or_not(reports: LocalFiles) -> None:
    [text] = written(reports, "![a](plot.png) [b](later.csv) ![c](https://x/y.png)")
    names = {path.name for path in shown_paths(text, reports)}
    assert names == {"plot.png", "later.csv"}


def test_without_local_files_nothing_is_stored(reports: LocalFiles) -> None:
    texts = written(reports, "text", "![b](https://x/y.png)")
    found = show_files(texts, files=reports, store=refused, warn=lambda told: pytest.fail(told))
    assert found == ShownFiles(texts=("text", "![b](https://x/y.png)"))


def test_files_that_cannot_be_stored_are_told_with_the_cause(reports: LocalFiles) -> None:
    warnings: list[str] = []
    show_files(written(reports, "![a](plot.png)"), files=reports, store=refused, warn=warnings.append)
    assert warnings == ["The images of the report are not shown, as they cannot be stored: GitHub failed: 503."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n\n![a](.git/x.png)", "1.md, line 3: the report does not show .git/x.png: it lies in .git."),
        ("[a](.git/x.csv)", "1.md, line 1: the report does not link .git/x.csv: it lies in .git."),
        (f"[a](.git/{'x' * 195})", f"1.md, line 1: the report does not link .git/{'x' * 195}: it lies in .git."),
        (f"[a](.git/{'x' * 196})", f"1.md, line 1: the report does not link .git/{'x' * 55}…: it lies in .git."),
    ],
)
def test_a_file_that_is_not_to_be_shown_is_told_with_its_line_and_the_next_is_shown(
    reports: LocalFiles, text: str, told: str
) -> None:
    (reports.root / ".git").mkdir()
    for name in ("x.png", "x.csv", "x" * 195, "x" * 196):
        (reports.root / ".git" / name).write_bytes(PNG)
    warnings: list[str] = []
    texts = written(reports, "", f"{text}\n\n![b](plot.png)")
    found = show_files(texts, files=reports, store=stored, warn=warnings.append)
    png = asset_path("plot.png", PNG)
    assert found.texts == ("", f"{text}\n\n![b](https://images/{png[:4]})")
    assert warnings == [told]
