"""The addresses of images and links in markdown, with their places, so that only they are replaced."""

from __future__ import annotations

import bisect
import html
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cmlkit.report.leaves import leaves, lines_of

_TITLE = r"""(?:\s+(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\((?:\\.|[^()\\])*\)))?"""
_ANGLED = r"<(?P<angled>(?:\\.|[^<>\\\n])*+)>"
# Atomic, since an embedded image is megabytes long.
_BARE = r"(?P<bare>(?>\\[^\w\s]|[^\s()\\]|\\|\((?>\\[^\w\s]|[^\s()\\]|\\)*+\))++)"
_INLINE = re.compile(rf"\(\s*(?:{_ANGLED}|{_BARE}){_TITLE}\s*\)", re.DOTALL)
# CommonMark takes no blanks here, but people write them; the file tells whether it is meant.
_LOOSE = re.compile(rf"\([ \t]*(?P<loose>[^\n()<>]*?){_TITLE}[ \t]*\)")
_DEFINITION = re.compile(rf"\[(?P<label>(?:\\.|[^\[\]\\])+)\]:\s*(?:{_ANGLED}|(?P<bare>\S+))", re.DOTALL)

_COMMENT = r"(?P<comment><!--.*?(?:-->|\Z))"
_TAG = r"""(?P<tag><[A-Za-z][A-Za-z0-9-]*+(?>[^<>"']++|"[^"]*+"|'[^']*+')*+>)"""
_IN_HTML = re.compile(rf"{_COMMENT}|{_TAG}", re.DOTALL)
_IN_TEXT = re.compile(
    rf"(?P<escaped>\\[^\w\s])|(?P<ticks>`+)|{_COMMENT}|{_TAG}|(?P<opening>!?\[)|(?P<closing>\])", re.DOTALL
)
_ATTRIBUTE = re.compile(
    r"""\s(?P<name>[A-Za-z_:][\w.:-]*)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s"'=<>`]+?)(?=\s|/?>))"""
)
_ADDRESSES: Mapping[tuple[str, str], Literal["image", "link"]] = {
    ("img", "src"): "image",
    ("source", "srcset"): "image",
    ("a", "href"): "link",
}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address in markdown.

    Attributes:
        address: The address as it is meant, without escapes and character references.
        start: Its place in the text, with the marks around it that its replacement does not need; `end` is behind it.
        line: Its line in the text, counted from 1.
        quotes: The quotation mark that a replacement needs around it.
        is_loose: Whether it counts only if there is such a file, as markdown takes it for text.
    """

    kind: Literal["image", "link"]
    address: str
    start: int
    end: int
    line: int = 0
    quotes: str = ""
    is_loose: bool = False


def targets(markdown: str) -> list[Target]:
    """Return the addresses of images, links and definitions outside of code and comments, in their order."""
    starts = [0, *itertools.accumulate(len(line) for line in lines_of(markdown))]
    found: list[Target] = []
    for leaf in leaves(markdown):
        start, end = starts[leaf.start], starts[leaf.end]
        if leaf.kind == "text":
            found += _in_text(markdown, start, end)
        elif leaf.kind == "table":
            # No link and no code goes from one row to the next.
            for row in range(leaf.start, leaf.end):
                found += _in_text(markdown, starts[row], starts[row + 1])
        elif leaf.kind == "html":
            found += _in_html(markdown, start, end)
        elif leaf.kind == "definition":
            found += _in_definition(markdown, start, end)
    return [_with_line(target, bisect.bisect(starts, target.start)) for target in found]


def replaced(markdown: str, addresses: Mapping[Target, str]) -> str:
    """Return the markdown with new addresses; every other character stays."""
    parts, end = [], 0
    for target in sorted(addresses, key=lambda item: item.start):
        parts += [markdown[end : target.start], f"{target.quotes}{addresses[target]}{target.quotes}"]
        end = target.end
    return "".join([*parts, markdown[end:]])


def _with_line(target: Target, line: int) -> Target:
    return Target(**{**target.__dict__, "line": line})


def _in_text(markdown: str, start: int, end: int) -> Iterator[Target]:
    position, openings = start, list[str]()
    while found := _IN_TEXT.search(markdown, position, end):
        position = found.end()
        if found["ticks"]:
            position = _after_code(markdown, found["ticks"], position, end)
        elif found["tag"]:
            yield from _in_tag(markdown, found.start(), found.end())
        elif found["opening"]:
            openings.append(found["opening"])
        elif found["closing"] and openings:
            kind: Literal["image", "link"] = "image" if openings.pop() == "![" else "link"
            if match := _INLINE.match(markdown, position, end) or _LOOSE.match(markdown, position, end):
                yield from _of_match(match, kind)
                position = match.end()


def _after_code(markdown: str, ticks: str, position: int, end: int) -> int:
    """Return the place after the code that `ticks` before `position` open; the same place if nothing closes it."""
    closing = re.compile(rf"(?<!`){ticks}(?!`)").search(markdown, position, end)
    return closing.end() if closing else position


def _in_html(markdown: str, start: int, end: int) -> Iterator[Target]:
    for found in _IN_HTML.finditer(markdown, start, end):
        if found["tag"]:
            yield from _in_tag(markdown, found.start(), found.end())


def _in_tag(markdown: str, start: int, end: int) -> Iterator[Target]:
    name = re.match(r"[A-Za-z0-9-]+", markdown[start + 1 : end])
    assert name is not None, "the pattern of tags wants a name"
    for attribute in _ATTRIBUTE.finditer(markdown, start, end):
        kind = _ADDRESSES.get((name[0].lower(), attribute["name"].lower()))
        form = next(form for form in ("double", "single", "plain") if attribute[form] is not None)
        if kind is not None and attribute[form]:
            quotes = '"' if form == "plain" else ""
            address = html.unescape(attribute[form])
            yield Target(
                kind=kind, address=address, start=attribute.start(form), end=attribute.end(form), quotes=quotes
            )


def _in_definition(markdown: str, start: int, end: int) -> Iterator[Target]:
    match = _DEFINITION.search(markdown, start, end)
    # `[^1]: text` is a footnote.
    if match and not match["label"].startswith("^"):
        yield from _of_match(match, "link")


def _of_match(match: re.Match[str], kind: Literal["image", "link"]) -> Iterable[Target]:
    groups = match.groupdict()
    form = next(form for form in ("angled", "bare", "loose") if groups.get(form) is not None)
    if not match[form]:
        return []
    marks = 1 if form == "angled" else 0
    address = html.unescape(_ESCAPED.sub(r"\1", match[form]))
    start, end = match.start(form) - marks, match.end(form) + marks
    return [Target(kind=kind, address=address, start=start, end=end, is_loose=form == "loose")]
