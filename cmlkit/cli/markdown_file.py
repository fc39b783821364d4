"""The markdown files that a command takes, made into one text that the forge takes."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from cmlkit.bounds.files import open_regular
from cmlkit.cli import edges
from cmlkit.cli.options import Invocation
from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.forges.base import PublishForge
from cmlkit.records.markdown_text import MarkdownText, decoded
from cmlkit.records.workflow_run import WorkflowRun

DIGEST_LENGTH = 16
LONGEST_FILE_BYTES = 64 * 1024**2
EMPTY = "*The report is empty.*"
STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

files_argument = click.argument("files", metavar="[FILE]...", nargs=-1)
publish_option = click.option(
    "--publish/--no-publish", default=True, help="Store the local images and files of the report, and show them."
)


@dataclass(frozen=True, kw_only=True)
class Room:
    """The longest text that a place takes, in code points, or in bytes of UTF-8."""

    longest: int
    in_bytes: bool = False

    def takes(self, text: str) -> bool:
        return self.size(text) <= self.longest

    def size(self, text: str) -> int:
        return len(text.encode("utf-8", "replace")) if self.in_bytes else len(text)


@dataclass(frozen=True, kw_only=True)
class Post:
    """A text for the forge.

    Attributes:
        digest: Distinguishes it from other texts, and from the same one with other images.
    """

    text: str
    digest: str


def read_markdown(files: Sequence[str], invocation: Invocation) -> list[MarkdownText]:
    """Return the texts of the files, or of standard input; warn if all of them are empty, or one is not UTF-8.

    Raises:
        SettingsError: No file is named and nothing is piped in, or a file is missing or too large.
    """
    if not files and not is_piped():
        raise SettingsError(
            "No FILE is named, and nothing is piped in.",
            next_step="Name the report, such as report.md, or pipe it into the command.",
        )
    texts = [_read(file, invocation) for file in files or ("-",)]
    if not any(text.text for text in texts):
        invocation.progress.warn(f"{' and '.join(text.name for text in texts)}: the report is empty.")
    return texts


def post_of(
    texts: Sequence[MarkdownText],
    invocation: Invocation,
    workflow_run: WorkflowRun,
    *,
    forge: PublishForge,
    publish: bool,
    room: Room,
    is_last: bool = True,
) -> Post:
    """Return the texts as one, with their local images stored and shown, and shortened to the room for it.

    Args:
        publish: Whether to store images, and a text that is too long.
        is_last: Whether the text is final: one that is too long and will change is kept nowhere as a whole.
    """
    shown, names = [text.text for text in texts], tuple[str, ...]()
    if publish and any(text.may_show_files for text in texts):
        shown, names = _with_images(texts, invocation, workflow_run, forge)
    # A file's name is the hash of its content, and its address also has a commit's id.
    digest = hashlib.sha256("\0".join([*(text.text for text in texts), *names]).encode()).hexdigest()
    joined = "\n\n".join(filter(None, shown)) or EMPTY
    if room.takes(joined):
        return Post(text=joined, digest=digest[:DIGEST_LENGTH])
    whole = _kept(joined, invocation, workflow_run, forge, publish=publish) if is_last else ""
    if is_last:
        _tell(joined, whole, room, invocation)
    return Post(text=_shortened(joined, whole, room), digest=digest[:DIGEST_LENGTH])


def is_piped() -> bool:
    """Return whether standard input is a pipe or a file, not a terminal or nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        # Replaced by something that is no file of the system, or closed.
        return sys.stdin is not None and not sys.stdin.closed
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _read(name: str, invocation: Invocation) -> MarkdownText:
    is_input = name in STANDARD_INPUT
    try:
        content = _content(sys.stdin.buffer) if is_input else _content_of(Path(name))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{name} cannot be read: {why}.", next_step="Check the path.") from error
    shown = "standard input" if is_input else name
    if len(content) > LONGEST_FILE_BYTES:
        raise SettingsError(f"{shown} is larger than {LONGEST_FILE_BYTES // 1024**2} MiB.")
    text, faults = decoded(content)
    if faults:
        invocation.progress.warn(f"{shown} is not UTF-8: {faults:,} characters of it are shown as \ufffd.")
    # What `<(…)` names is a pipe, which lies in no folder of the user's.
    folder = Path.cwd() if is_input or not Path(name).is_file() else Path(name).parent
    return MarkdownText(name=shown, folder=folder, text=text)


def _content_of(path: Path) -> bytes:
    # What `<(…)` names is a pipe that has a writer; one in a folder may never have one.
    with (
        path.open("rb")
        if path.is_relative_to("/dev/fd") or path.is_relative_to("/proc")
        else open_regular(path) as file
    ):
        return _content(file)


def _content(file: BinaryIO) -> bytes:
    return file.read(LONGEST_FILE_BYTES + 1)


def _with_images(
    texts: Sequence[MarkdownText], invocation: Invocation, workflow_run: WorkflowRun, forge: PublishForge
) -> tuple[list[str], tuple[str, ...]]:
    from cmlkit.publishing.asset import store_assets
    from cmlkit.publishing.shown_files import show_files

    shown = show_files(
        texts,
        files=edges.local_files(invocation),
        store=lambda files: store_assets(files, forge=forge, root=workflow_run.repository_url),
        warn=invocation.progress.warn,
    )
    return list(shown.texts), shown.names


def _tell(text: str, whole: str, room: Room, invocation: Invocation) -> None:
    unit = "bytes" if room.in_bytes else "characters"
    where = f"all of it is at {whole}" if whole else "the rest is kept nowhere"
    invocation.progress.warn(
        f"The report has {room.size(text):,} {unit}, and {edges.facts(invocation).name} takes {room.longest:,} here:"
        f" it was shortened, and {where}."
    )


def _shortened(text: str, whole: str, room: Room) -> str:
    from cmlkit.report.shortened import shortened

    there = f": [the whole report]({whole})" if whole else " did not fit here"
    return shortened(text, room.longest, lambda missing: f"*{missing}{there}*", size=room.size)


def _kept(text: str, invocation: Invocation, workflow_run: WorkflowRun, forge: PublishForge, *, publish: bool) -> str:
    """Keep a text that is too long as a file in the repository, else in the job's summary; return its address."""
    if publish:
        from cmlkit.publishing.asset import store_asset

        root = workflow_run.repository_url
        try:
            stored = store_asset("report.md", text.encode("utf-8", "replace"), forge=forge, root=root)
            return forge.facts.addresses.file.format(repository=root, commit=stored.commit, path=stored.path)
        except CmlkitError as error:
            invocation.progress.warn(f"The whole report cannot be stored in the repository: {error}")
    return workflow_run.url if invocation.workplace.write_summary(text) else ""
