"""A metrics file with some content, and all that is found in it."""

from __future__ import annotations

from pathlib import Path

from cmlkit.gate.metrics_files import Findings, find


def found(folder: Path, name: str, content: str | bytes) -> Findings:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return find([name], folder)


def told(folder: Path, name: str, content: str | bytes) -> dict[str, float | str]:
    """Return each name with its number, or with the reason why it has none."""
    findings = found(folder, name, content)
    return {**findings.values, **findings.left_out}
