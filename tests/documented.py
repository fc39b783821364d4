"""What the documentation tells people to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_YAML = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"^( *)```(?:sh|bash)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def commands(pages: Sequence[Path] = tuple(PAGES)) -> list[list[str]]:
    """Every line `cmlkit …` in a block of shell, as words, without where its output goes."""
    blocks = [block for page in pages for _, block in _SHELL.findall(page.read_text(encoding="utf-8"))]
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = [re.split(r" [>|&]|>>", line)[0] for line in lines if line.startswith("cmlkit ")]
    return [shlex.split(line, comments=True) for line in found]


def workflows() -> list[str]:
    """Every whole workflow in a block of YAML."""
    blocks = [block for page in PAGES for block in _YAML.findall(page.read_text(encoding="utf-8"))]
    return [block for block in blocks if block.startswith("name:") and "\njobs:" in block]
