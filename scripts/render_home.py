"""The home page of the site, `docs/README.md`: it begins as the README does, up to the steps of the quick start."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "docs" / "README.md"
REGION = re.compile(r"(?<=<!-- as in README.md -->\n).*(?=<!-- end of README.md -->)", re.DOTALL)
END = "### What to train"
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s]+)")


def page() -> str:
    """Return the page with its beginning rendered anew."""
    return REGION.sub(lambda _: f"\n{beginning((ROOT / 'README.md').read_text(encoding='utf-8'))}\n\n", _home())


def beginning(readme: str) -> str:
    """Return what stands before the heading `END`, with links as from docs/; without badges, which other hosts have."""
    text = readme.partition("\n\n")[2].partition(f"\n{END}\n")[0]
    blocks = [block.strip("\n") for block in text.split("\n\n") if block.strip() and not block.startswith("[![")]
    return _LINK.sub(lambda link: _from_docs(link[1]), "\n\n".join(blocks))


def _home() -> str:
    return HOME.read_text(encoding="utf-8")


def _from_docs(link: str) -> str:
    return link.removeprefix("docs/") if link.startswith("docs/") else f"../{link}"
