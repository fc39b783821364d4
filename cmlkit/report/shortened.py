"""Shortening of users' markdown: short blocks stay whole, long ones keep their beginning, and nothing stays open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cmlkit.formats import plural
from cmlkit.report.leaves import Leaf, leaves, lines_of

# Blocks up to this size are not cut, so that a long list of paragraphs does not become a list of their beginnings.
WHOLE = 4_000
# Less than this of a line says nothing.
SHORTEST_PIECE = 80

_EMBEDDED = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=%]{200,}")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?(?P<void>/?)>")
_ONLY_ENDS = re.compile(r"(?:\s|</[A-Za-z][A-Za-z0-9]*\s*>)*+")
_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
_FENCE = re.compile(r"(?P<before>.*?)(?P<marks>`{3,}|~{3,})")
# A blank line inside of these does not end a block.
_CONTAINERS = frozenset({"details", "table", "ul", "ol", "div", "pre", "blockquote", "dl", "picture"})
# These stand on a line of their own.
_BLOCKS = _CONTAINERS | {"summary", "thead", "tbody", "tfoot", "tr", "td", "th", "li", "p", "dt", "dd"}
# https://html.spec.whatwg.org/multipage/syntax.html#void-elements
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
# An end tag that the next of its kind may replace.
_OPTIONAL = frozenset({"li", "p", "tr", "td", "th", "dt", "dd"})

Note = Callable[[str], str]
Size = Callable[[str], int]


def shortened(markdown: str, limit: int, note: Note, *, size: Size = len) -> str:
    """Return the markdown if it fits into `limit`, else as much of it as fits.

    A block is a paragraph, a table, code, a list without blank lines, or a whole `<details>`. A long one keeps its
    first lines; fences and HTML tags that are open there are closed.

    Args:
        note: What is left out, such as "12 more rows" -> markdown that stands in its place.
        size: Measures a text in the unit of the limit; code points if omitted.
    """
    if size(markdown) <= limit:
        return markdown
    page = _Page.of(_EMBEDDED.sub("#", markdown), note, size)
    return page.within(limit)


@dataclass(frozen=True, kw_only=True)
class _Open:
    """Everything that is open behind a line: fenced code, by its closing line, a comment, and HTML tags."""

    fence: str = ""
    comment: bool = False
    tags: tuple[str, ...] = ()

    @property
    def end(self) -> str:
        """The text that closes all of it."""
        closing = f"\n{self.fence}" if self.fence else ""
        closing += " -->" if self.comment else ""
        apart = "\n\n" if _BLOCKS & set(self.tags) else ""
        return closing + apart + "".join(f"</{tag}>" for tag in reversed(self.tags)) if self.tags else closing

    def after(self, text: str) -> _Open:
        """Return what is open behind further text outside of code."""
        text, opened = _CODE.sub("", text), self
        while text:
            if opened.comment:
                _, end, text = text.partition("-->")
                opened = replace(opened, comment=not end)
                continue
            before, begin, text = text.partition("<!--")
            opened = replace(opened, tags=_tags_after(before, opened.tags), comment=bool(begin))
        return opened


def _tags_after(text: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    stack = list(tags)
    for tag in _TAG.finditer(text):
        name = tag["name"].lower()
        if tag["end"]:
            if name in stack:
                del stack[len(stack) - 1 - stack[::-1].index(name) :]
        elif name not in _VOID and not tag["void"]:
            if stack and stack[-1] == name and name in _OPTIONAL:
                stack.pop()
            stack.append(name)
    return tuple(stack)


@dataclass(frozen=True, kw_only=True)
class _Page:
    """Markdown in lines without their ends, with its blocks.

    Attributes:
        leaves: The leaf of each line; None for a blank line between leaves.
        opened: What is open behind each line.
        blocks: First and last line of each block, the last one exclusive.
    """

    lines: Sequence[str]
    leaves: Sequence[Leaf | None]
    opened: Sequence[_Open]
    blocks: Sequence[tuple[int, int]]
    note: Note
    size: Size

    @classmethod
    def of(cls, markdown: str, note: Note, size: Size) -> _Page:
        lines = [line.rstrip("\r\n") for line in lines_of(markdown)]
        of_line: list[Leaf | None] = [None] * len(lines)
        for leaf in leaves(markdown):
            of_line[leaf.start : leaf.end] = [leaf] * (leaf.end - leaf.start)
        opened = list(_opened(lines, of_line))
        blocks = list(_blocks(lines, of_line, opened))
        return cls(lines=lines, leaves=of_line, opened=opened, blocks=blocks, note=note, size=size)

    def within(self, limit: int) -> str:
        sizes = [self.size(self._text(*block)) + 2 for block in self.blocks]
        room = limit - self.size(self.note(plural(len(sizes), "more block"))) - 2
        longest = max(WHOLE, _level(sizes, room))
        kept: dict[int, str] = {}
        # References are useless without their definitions, which are short and stand at the end.
        order = sorted(range(len(sizes)), key=lambda index: not self._defines(index))
        for index in order:
            block = self.blocks[index]
            text = (
                self._text(*block) if sizes[index] <= min(longest, room) else self._cut(block, min(longest, room) - 2)
            )
            if text:
                kept[index] = text
                room -= self.size(text) + 2
        missing = len(sizes) - len(kept)
        rest = [self.note(plural(missing, "more block"))] if missing else []
        return "\n\n".join([*(kept[index] for index in sorted(kept)), *rest])

    def _text(self, start: int, end: int) -> str:
        return "\n".join(self.lines[start:end])

    def _defines(self, index: int) -> bool:
        leaf = self.leaves[self.blocks[index][0]]
        return leaf is not None and leaf.kind == "definition"

    def _cut(self, block: tuple[int, int], room: int) -> str:
        """Return the first lines of a block, everything closed, and the note; empty if nothing of it fits."""
        start, end = block
        used, best, least = 0, start, self.size(self._note(start, end))
        for line in range(start, end):
            used += self.size(self.lines[line]) + 1
            if used + self.size(self.opened[line].end) + least <= room:
                best = line + 1
            elif used > room:
                break
        before = self.opened[best - 1] if best > start else _Open()
        kept = self._text(start, best)
        piece = self._piece(best, end, before, room - self.size(kept) - 1) if best < end else ""
        if piece:
            return f"{kept}\n{piece}" if kept else piece
        return f"{kept}{before.end}{self._note(best, end)}" if best > start else ""

    def _piece(self, line: int, end: int, before: _Open, room: int) -> str:
        """Return the beginning of a line that is too long, everything closed, and the note; empty for a short one."""
        leaf, text = self.leaves[line], self.lines[line]
        if leaf is None or leaf.kind in ("table", "definition") or len(text) < 5 * SHORTEST_PIECE:
            return ""
        is_code = leaf.kind in ("fence", "code")
        longest = room - self.size(self._note(line, end))
        while longest >= SHORTEST_PIECE:
            piece = _beginning(text, longest, self.size, is_code=is_code)
            opened = before if is_code else before.after(piece)
            whole = f"{piece}…{opened.end}{self._note(line, end, used=len(piece))}"
            if piece and self.size(whole) <= room:
                return whole
            longest -= max(self.size(whole) - room, SHORTEST_PIECE)
        return ""

    def _note(self, line: int, end: int, *, used: int = 0) -> str:
        """Return the note on the rest of a block, from a line on, of which `used` code points are shown."""
        rest = [index for index in range(line, end) if not self._only_closes(index)] or range(line, end)
        if all((leaf := self.leaves[index]) is not None and leaf.kind == "table" for index in rest):
            missing = plural(len(rest), "more row")
        elif rows := len(re.findall(r"<tr\b", self._text(line, end)[used:], re.IGNORECASE)):
            missing = plural(rows, "more row")
        elif used and len(rest) == 1:
            missing = plural(len(self.lines[line]) - used, "more character")
        else:
            missing = plural(len(rest), "more line")
        return f"\n\n{self.note(missing)}"

    def _only_closes(self, line: int) -> bool:
        """Return whether a line outside of code is blank, or has nothing but end tags."""
        leaf = self.leaves[line]
        is_code = leaf is not None and leaf.kind in ("fence", "code")
        return not is_code and _ONLY_ENDS.fullmatch(self.lines[line]) is not None


def _opened(lines: Sequence[str], of_line: Sequence[Leaf | None]) -> Iterator[_Open]:
    opened = _Open()
    for number, (line, leaf) in enumerate(zip(lines, of_line, strict=True)):
        if leaf is not None and leaf.kind == "fence":
            closing = _closing(lines[leaf.start])
            is_closed = number == leaf.end - 1 and number > leaf.start and line.strip(" \t>") == closing.strip(" \t>")
            yield replace(opened, fence="" if is_closed else closing)
            continue
        if leaf is not None and leaf.kind != "code":
            opened = opened.after(line)
        yield opened


def _closing(line: str) -> str:
    """Return the line that closes the fenced code that a line opens."""
    found = _FENCE.match(line)
    if found is None:
        return "```"
    # Quotation marks stay, and the text of a list's item is indented as its marker.
    return re.sub(r"[^\s>]", " ", found["before"]) + found["marks"]


def _blocks(lines: Sequence[str], of_line: Sequence[Leaf | None], opened: Sequence[_Open]) -> Iterator[tuple[int, int]]:
    """Return the ranges between blank lines at which nothing is open."""
    ends = [-1]
    for number, (line, leaf) in enumerate(zip(lines, of_line, strict=True)):
        is_inside = leaf is not None or opened[number].comment or _CONTAINERS & set(opened[number].tags)
        if not line.strip() and not is_inside:
            ends.append(number)
    return ((before + 1, end) for before, end in pairwise([*ends, len(lines)]) if end > before + 1)


def _level(sizes: Sequence[int], room: int) -> int:
    """Return the size to which to cut the longest blocks so that all fit."""
    for index, size in enumerate(ordered := sorted(sizes)):
        share = room // (len(ordered) - index)
        if size > share:
            return share
        room -= size
    return max(sizes, default=0)


def _beginning(text: str, longest: int, size: Size, *, is_code: bool) -> str:
    """Return the beginning of a line, up to a blank or a tag, without half a tag, link or character reference."""
    piece = text[:longest]
    while (excess := size(piece) - longest) > 0:
        # A code point takes up to four units.
        piece = piece[: -((excess + 3) // 4)]
    if is_code:
        return piece
    if (begin := piece.rfind("<")) > piece.rfind(">"):
        piece = piece[:begin]
    piece = re.sub(r"!?\[[^\[\]]*(?:\]\([^()\s]*)?\Z|&#?\w{0,12}\Z", "", piece)
    ends = max(piece.rfind(" "), piece.rfind(">") + 1)
    return piece[:ends].rstrip() if ends > len(piece) * 3 // 4 else piece
