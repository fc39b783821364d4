"""The markdown file that a command is given."""

from __future__ import annotations

from typing import BinaryIO

from cmlkit.errors import SettingsError

# https://docs.github.com/en/rest/issues/comments: GitHub takes 65,536 code points; the hidden marker needs some.
LONGEST_TEXT = 65_000


def read_markdown(file: BinaryIO) -> str:
    """The file's text, without blank lines around it.

    Raises:
        SettingsError: It is empty, or longer than GitHub shows.
    """
    text = file.read().decode("utf-8", "replace").strip()
    if not text:
        raise SettingsError(f"{_name(file)} is empty.", next_step="Write the report first.")
    if len(text) > LONGEST_TEXT:
        raise SettingsError(
            f"{_name(file)} has {len(text):,} characters; GitHub takes {LONGEST_TEXT:,}.",
            next_step="Shorten it, or write it to the job's summary: cat FILE >> $GITHUB_STEP_SUMMARY.",
        )
    return text


def _name(file: BinaryIO) -> str:
    return str(getattr(file, "name", "The text"))
