"""Hook of the documentation's site: links that leave docs/ lead to the file in the repository.

On GitHub such links work as relative links, but the site has only the files below docs/.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the page's markdown with those links made absolute; mkdocs calls this."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")
    return LINK.sub(lambda match: outward(match[1], folder=folder, repository=config.repo_url.rstrip("/")), markdown)


def outward(link: str, *, folder: str, repository: str) -> str:
    """Return the link unchanged if it stays below docs/, else the URL of the file in the repository."""
    target = posixpath.normpath(posixpath.join(folder, link))
    return link if target.startswith("docs/") else f"{repository}/blob/main/{target}"
