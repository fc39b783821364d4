"""Hook of the documentation's site: links that leave docs/ lead to the file in the repository.

The pages are read at GitHub too, where such links are relative, and a site has only what is below docs/.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """The page's markdown, as mkdocs calls it, with those links made absolute."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")
    return LINK.sub(lambda match: outward(match[1], folder=folder, repository=config.repo_url.rstrip("/")), markdown)


def outward(link: str, *, folder: str, repository: str) -> str:
    """The link as it is where it stays below docs/, else the address of its file in the repository."""
    target = posixpath.normpath(posixpath.join(folder, link))
    return link if target.startswith("docs/") else f"{repository}/blob/main/{target}"
