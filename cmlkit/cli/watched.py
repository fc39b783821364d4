"""The files that `cmlkit comment --watch` follows: the markdown, the images that it shows, and the trigger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cmlkit.bounds.files import read_regular
from cmlkit.cli.markdown_file import LONGEST_FILE_BYTES, STANDARD_INPUT
from cmlkit.errors import SettingsError
from cmlkit.publishing.live_comment import Look
from cmlkit.publishing.local_files import LocalFiles
from cmlkit.publishing.shown_files import shown_paths
from cmlkit.records.markdown_text import MarkdownText, decoded


class Watched:
    """The files of a comment, which need not exist yet.

    Args:
        trigger: The file whose writing alone makes the comment be updated; None if any change does.

    Attributes:
        seen: The texts of the last look.

    Raises:
        SettingsError: A file cannot be watched.
    """

    def __init__(self, names: Sequence[str], *, trigger: Path | None, files: LocalFiles) -> None:
        if not names or set(names) & set(STANDARD_INPUT):
            raise SettingsError("Standard input cannot be watched.", next_step="Name a file.")
        self.seen: list[MarkdownText] = []
        self._paths = [Path(name) for name in names]
        self._files = files
        self._trigger = trigger
        self._pulled: tuple[int, int] | None = None
        # Finding the images takes too long for once a second.
        self._shown: tuple[str, list[Path]] = ("", [])

    def look(self) -> Look:
        """Read the texts."""
        self.seen = [found for path in self._paths if (found := _read(path)).text]
        text = "\n\n".join(seen.text for seen in self.seen)
        if self._trigger is not None:
            self._pulled = _version(self._trigger)
            return Look(text=text, stamp=self._pulled)
        if text != self._shown[0]:
            self._shown = (text, [path for seen in self.seen for path in shown_paths(seen, self._files)])
        return Look(text=text, stamp=(text, *(_version(path) for path in self._shown[1])))

    def settle(self) -> None:
        """Remove the trigger file, unless it was written again since the last look."""
        if self._trigger is not None and self._pulled is not None and _version(self._trigger) == self._pulled:
            self._trigger.unlink(missing_ok=True)


def _read(path: Path) -> MarkdownText:
    try:
        text, _ = decoded(read_regular(path, LONGEST_FILE_BYTES))
    except OSError:
        text = ""
    return MarkdownText(name=str(path), folder=path.parent, text=text)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        # It does not exist, or cannot: its name is too long, or has a null byte.
        return None
    return status.st_mtime_ns, status.st_size
