"""Markdown as GitHub renders it in comments: tables, and harmless raw HTML."""

from __future__ import annotations

import re
from collections.abc import Callable

import nh3
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
TAGS = {*_TAGS.split(), "input"}
SILENT_TAGS = {"script", "style", "iframe", "object", "template", "title", "textarea", "svg", "math"}
_ATTRIBUTES = """
    align alt class colspan dir height href id lang media open rowspan src srcset start title width
"""
ATTRIBUTES = {"*": set(_ATTRIBUTES.split()), "input": {"checked"}}
# The boxes of task lists: an input that is written as HTML is no other and takes no text, either.
FIXED = {"input": {"type": "checkbox", "disabled": ""}}
URL_ATTRIBUTES = frozenset({"href", "src", "srcset"})
SAFE_URL = re.compile(r"(?:https?:|mailto:|data:image/(?:png|jpeg|gif|svg\+xml|webp);|[^:]*(?:$|[/?#]))", re.IGNORECASE)
ALIGNMENT = re.compile(r"text-align:(left|center|right)")


def render(text: str, *, image: ImageSource = lambda url: url) -> str:
    """Return the HTML of a markdown text, safe to embed in a page.

    Args:
        image: Maps an image's address in the text to the one to load.
    """
    options = {"html": True, "breaks": True, "linkify": False, "alerts": True}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).use(tasklists_plugin)
    tokens = parser.parse(text)
    for token in tokens:
        # GitHub aligns a table's cells by this attribute, and lets no style through.
        if aligned := ALIGNMENT.fullmatch(str(token.attrs.pop("style", ""))):
            token.attrs["align"] = aligned[1]
    return sanitised(parser.renderer.render(tokens, parser.options, {}), image=image)


def sanitised(html: str, *, image: ImageSource = lambda url: url) -> str:
    """Return the HTML with only the tags and attributes that GitHub allows, every tag closed, comments removed."""

    def kept(tag: str, name: str, value: str) -> str | None:
        if name in URL_ATTRIBUTES and not SAFE_URL.match(value.strip()):
            return None
        if tag == "img" and name == "src":
            return image(value)
        if name == "srcset":
            return ", ".join(_candidate(each, image) for each in re.split(r",\s+", value))
        return value

    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=SILENT_TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=kept,
        set_tag_attribute_values=FIXED,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
    )


def _candidate(text: str, image: ImageSource) -> str:
    """Return one image of a `srcset`, with its width or density."""
    url, blank, size = text.partition(" ")
    return f"{image(url)}{blank}{size}"
