"""The local images and files of reports, stored in one commit and shown by their addresses there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.publishing.asset import Asset, asset_path
from cmlkit.publishing.local_files import LocalFile, LocalFiles
from cmlkit.records.markdown_text import MarkdownText
from cmlkit.report.targets import Target, replaced, targets

# Takes names and contents, and stores them in one commit.
Store = Callable[[Sequence[tuple[str, bytes]]], Sequence[Asset]]


@dataclass(frozen=True, kw_only=True)
class ShownFiles:
    """Markdown texts with their files stored.

    Attributes:
        texts: The texts, with new addresses.
        names: The names of the files, which are hashes of their content, also if they could not be stored.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...] = ()


def show_files(
    texts: Sequence[MarkdownText], *, files: LocalFiles, store: Store, warn: Callable[[str], None]
) -> ShownFiles:
    """Store the local files that the texts show or link, each once, and return the texts with their new addresses.

    An address whose file cannot be shown stays as it is, and `warn` gets a message with its line.
    """
    found = [_local(text, files, warn) for text in texts]
    contents = {asset_path(file.name, file.content): file for local in found for file in local.values()}
    if not contents:
        return ShownFiles(texts=tuple(text.text for text in texts))
    try:
        stored = store([(path, file.content) for path, file in contents.items()])
    except CmlkitError as error:
        warn(f"The images of the report are not shown, as they cannot be stored: {error}")
        return ShownFiles(texts=tuple(text.text for text in texts), names=tuple(contents))
    urls = {asset.path: asset.url for asset in stored}
    return ShownFiles(
        texts=tuple(_with_urls(text, local, urls) for text, local in zip(texts, found, strict=True)),
        names=tuple(contents),
    )


def shown_paths(text: MarkdownText, files: LocalFiles) -> list[Path]:
    """Return the paths of the files that a text shows or links, which need not exist."""
    return [path for target in targets(text.text) for path in files.paths(target, text.folder)]


def _local(text: MarkdownText, files: LocalFiles, warn: Callable[[str], None]) -> dict[Target, LocalFile]:
    found = {}
    for target in targets(text.text):
        try:
            if file := files.read(target, text.folder):
                found[target] = file
        except SettingsError as error:
            named = target.address if len(target.address) <= 200 else f"{target.address[:60]}…"
            shows = "show" if target.kind == "image" else "link"
            warn(f"{text.name}, line {target.line}: the report does not {shows} {named}: {error.message}.")
    return found


def _with_urls(text: MarkdownText, local: dict[Target, LocalFile], urls: dict[str, str]) -> str:
    return replaced(
        text.text,
        {target: f"{urls[asset_path(file.name, file.content)]}{file.fragment}" for target, file in local.items()},
    )
