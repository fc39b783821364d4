"""Markdown as GitHub renders it in comments: tables, and harmless raw HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from mdit_py_plugins.tasklists import tasklists_plugin

ImageSource = Callable[[str], str]

# What GitHub lets through, as far as reports have a use for it:
# https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/sanitization_filter.rb
_TAGS = """
    a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p
    picture pre q s samp source span strike strong sub summary sup table tbody td tfoot th thead tr tt
    ul var
"""
TAGS = frozenset(_TAGS.split())
VOID_TAGS = frozenset({"br", "hr", "img", "source"})
SILENT_TAGS = frozenset({"script", "style", "iframe", "object", "template", "title", "textarea", "svg", "math"})
_ATTRIBUTES = """
    align alt class colspan dir height href id lang media open rowspan src srcset start title width
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
URL_ATTRIBUTES = frozenset({"href", "src", "srcset"})
SAFE_URL = re.compile(r"(?:https?:|mailto:|data:image/(?:png|jpeg|gif|svg\+xml|webp);|[^:]*(?:$|[/?#]))", re.IGNORECASE)


def render(text: str, *, image: ImageSource = lambda url: url) -> str:
    """Return the HTML of a markdown text, safe to embed in a page.

    Args:
        image: Maps an image's address in the text to the one to load.
    """
    options = {"html": True, "breaks": True, "linkify": False, "alerts": True}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).use(tasklists_plugin)
    return sanitised(parser.render(text), image=image)


def sanitised(html: str, *, image: ImageSource = lambda url: url) -> str:
    """Return the HTML with only the tags and attributes that GitHub allows, every tag closed, comments removed."""
    sanitizer = _Sanitizer(image)
    sanitizer.feed(html)
    sanitizer.close()
    return sanitizer.result()


class _Sanitizer(HTMLParser):
    def __init__(self, image: ImageSource) -> None:
        super().__init__(convert_charrefs=True)
        self._image = image
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent = 0

    def result(self) -> str:
        return "".join(self._parts) + "".join(f"</{tag}>" for tag in reversed(self._open))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in SILENT_TAGS:
            self._silent += 1
        if self._silent:
            return
        if tag == "input":
            self._checkbox(dict(attributes))
        elif tag in TAGS:
            shown = "".join(self._attribute(tag, name, value or "") for name, value in attributes)
            self._parts.append(f"<{tag}{shown}>")
            if tag not in VOID_TAGS:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag in SILENT_TAGS:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT_TAGS:
            self._silent = max(self._silent - 1, 0)
        if self._silent or tag not in self._open:
            return
        while self._open:
            closed = self._open.pop()
            self._parts.append(f"</{closed}>")
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(escape(data, quote=False))

    def _checkbox(self, attributes: dict[str, str | None]) -> None:
        if attributes.get("type") == "checkbox":
            checked = " checked" if "checked" in attributes else ""
            self._parts.append(f'<input type="checkbox" disabled{checked}>')

    def _attribute(self, tag: str, name: str, value: str) -> str:
        value = value.strip()
        alignment = re.fullmatch(r"text-align:\s*(left|center|right)", value) if name == "style" else None
        if alignment:
            return f' align="{alignment[1]}"'
        if name not in ATTRIBUTES or (name in URL_ATTRIBUTES and not SAFE_URL.match(value)):
            return ""
        if tag == "img" and name == "src":
            value = self._image(value)
        if name == "srcset":
            value = ", ".join(self._candidate(each) for each in re.split(r",\s+", value))
        return f' {name}="{escape(value)}"'

    def _candidate(self, text: str) -> str:
        """Return one image of a `srcset`, with its width or density."""
        url, blank, size = text.partition(" ")
        return f"{self._image(url)}{blank}{size}"
