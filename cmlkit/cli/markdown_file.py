"""The markdown file that a command takes."""

from __future__ import annotations

from typing import BinaryIO

from cmlkit.cli import edges
from cmlkit.cli.options import Invocation
from cmlkit.errors import SettingsError
from cmlkit.formats import plural
from cmlkit.records.workflow_run import WorkflowRun

MARKER_ROOM = 536  # code points, for the hidden marker
LONGEST_FILE_BYTES = 16 * 1024**2


def read_markdown(file: BinaryIO) -> str:
    """Return the file's text, without blank lines around it.

    Raises:
        SettingsError: It is empty, or too large for a report.
    """
    content = file.read(LONGEST_FILE_BYTES + 1)
    if len(content) > LONGEST_FILE_BYTES:
        raise SettingsError(f"{_name(file)} is larger than {LONGEST_FILE_BYTES // 1024**2} MiB.")
    text = content.decode("utf-8", "replace").strip()
    if not text:
        raise SettingsError(f"{_name(file)} is empty.", next_step="Write the report first.")
    return text


def fitting(text: str, invocation: Invocation, workflow_run: WorkflowRun, *, summarise: bool = True) -> str:
    """Return the text within the forge's limit: if it is too long, whole blocks are left out, and the summary has all.

    Args:
        summarise: Whether to write a text that is too long to the job summary.
    """
    facts = edges.facts(invocation)
    longest = facts.limits.text - MARKER_ROOM
    if len(text) <= longest:
        return text
    from cmlkit.report.shortened import shortened

    in_summary = summarise and invocation.workplace.write_summary(text)
    invocation.progress.warn(
        f"The text has {len(text):,} characters, and {facts.name} takes {longest:,}: it was shortened"
        f"{', and all of it is in the job summary' if in_summary else ''}."
    )
    there = f": [the summary of the run]({workflow_run.url}) has everything." if in_summary else "."
    return shortened(text, longest, lambda count: f"*{plural(count, 'more block')} did not fit here{there}*")


def _name(file: BinaryIO) -> str:
    return str(getattr(file, "name", "The text"))
