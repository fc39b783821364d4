"""The writing of files into a project: all of them or none, over no other content, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cmlkit.bounds.files import SETTINGS_BYTES, read_regular
from cmlkit.errors import SettingsError, step_after
from cmlkit.files import write_whole


def write_files(files: Mapping[Path, str], *, force: bool, root: Path = Path()) -> list[Path]:
    """Write the files that are missing; write none if one of them would overwrite another content.

    Args:
        files: Path relative to the working directory -> text.
        root: The project's folder, also relative to it.

    Returns:
        The files that were written.

    Raises:
        SettingsError: Files exist with other content and `force` is False, a link leads out of the project,
            or a file cannot be written.
    """
    changed = {path: text for path, text in files.items() if _content(path) != text}
    for path in changed:
        _refuse_outside(path, root.resolve())
    there = [str(path) for path in changed if path.exists()]
    if there and not force:
        raise SettingsError(
            f"{', '.join(there)} {'exists' if len(there) == 1 else 'exist'} already with other content;"
            " nothing was written.",
            next_step="Move the existing files away, or overwrite them with --force.",
        )
    for path, text in changed.items():
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}.", next_step=step_after(error)) from error
    return list(changed)


def _refuse_outside(path: Path, root: Path) -> None:
    # A link in place of the file itself is replaced, and nothing is written where it leads.
    if not (folder := path.parent.resolve()).is_relative_to(root):
        raise SettingsError(
            f"A link leads {path} out of the project, to {folder}; nothing was written.",
            next_step="Replace the link by a folder: git takes no file behind a link.",
        )


def _content(path: Path) -> str | None:
    try:
        return read_regular(path, SETTINGS_BYTES).decode("utf-8")  # with its line breaks
    except (OSError, UnicodeDecodeError):
        return None
