"""Publishing: one training run becomes one commit, a pull request, a report comment and a check.

The stage is imported when it is first used: comments and images, which live here too, need little of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmlkit.publishing.publication import Publication as Publication
    from cmlkit.publishing.stage import publish as publish
    from cmlkit.publishing.wording import render as render

_HOMES = {"Publication": "publication", "publish": "stage", "render": "page"}

__all__ = ["Publication", "publish", "render"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
