"""A YAML file as text with positions, and edits that leave the rest of it as the user wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from cmlkit.bounds.yaml_text import yaml_node

Outcome = Literal["changed", "removed", "added", "kept", "stops", "by hand"]
Entries = dict[str, tuple[ScalarNode, Node]]


class NotYaml(ValueError):
    """The text is no YAML file with one document."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A replacement of a part of the text.

    Attributes:
        start: Offset of its first character; the same as `end` for an insertion.
        line: Line of the file, from 1, to report it for.
        why: The reason, if it is not evident.
        added: Whether it inserts lines of its own.
    """

    start: int
    end: int
    text: str
    line: int
    why: str = ""
    added: bool = False


@dataclass(frozen=True, kw_only=True)
class Remark:
    """A line that stays as it is, and what there is to say about it."""

    line: int
    outcome: Outcome
    why: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the old file, and what becomes of it.

    Attributes:
        line: Its number, from 1; that of the line before, for lines that are new.
        old: The line without its indentation.
        new: What stands in its place; empty if nothing does.
    """

    line: int
    old: str
    outcome: Outcome
    new: str
    why: str


class Document:
    """The text of a YAML file with the nodes in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.root = yaml_node(text)
        except yaml.YAMLError as error:
            raise NotYaml(_one_line(error)) from error
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def line(self, offset: int) -> int:
        """Return the number of the line, from 1, of an offset."""
        return self.text.count("\n", 0, offset) + 1

    def line_start(self, line: int) -> int:
        """Return the offset at which a line starts."""
        return self._starts[line - 1]

    def line_end(self, line: int) -> int:
        """Return the offset of a line's end, before its line break."""
        end = self.text.find("\n", self.line_start(line))
        end = len(self.text) if end < 0 else end
        return end - self.text.endswith("\r", 0, end)

    def without_line(self, line: int, *, why: str = "") -> Edit:
        """Return the edit that takes out a line, which is not the first."""
        return Edit(start=self.line_end(line - 1), end=self.line_end(line), text="", line=line, why=why)

    def scalar_start(self, node: Node) -> int:
        """Return the offset of a scalar's first character, behind its anchor and tag."""
        found = re.compile(r"(?:[&!]\S*\s+)*").match(self.text, node.start_mark.index)
        return found.end() if found else int(node.start_mark.index)

    def content_end(self, node: Node) -> int:
        """Return the offset behind a node's last character, without the blank lines and comments that follow."""
        if isinstance(node, ScalarNode):
            text = self.text[: node.end_mark.index]
            return len(text.rstrip()) if node.style in ("|", ">") else len(text)
        if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        if isinstance(last, tuple):
            return max(self.content_end(last[0]), self.content_end(last[1]))
        return self.content_end(last)

    def without_entry(self, parent: MappingNode, key: str, *, why: str = "") -> list[Edit]:
        """Return the edits, one a line, that take a key with its value out of a mapping of several lines."""
        keys = [node for node, _ in parent.value]
        place = next(place for place, node in enumerate(keys) if node.value == key)
        start = int(keys[place].start_mark.index)
        first = self.line(start)
        if place == 0:
            return [Edit(start=start, end=keys[1].start_mark.index, text="", line=first, why=why)]
        last = self.line(self.content_end(parent.value[place][1]))
        return [self.without_line(line, why=why) for line in range(first, max(first, last) + 1)]

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the text with the edits, and with its own line breaks; insertions at one place keep their order."""
        line_break = "\r\n" if "\r\n" in self.text else "\n"
        parts = [(edit.start, edit.end, edit.text.replace("\r\n", "\n")) for edit in edits]
        return replaced(self.text, [(start, end, new.replace("\n", line_break)) for start, end, new in parts])

    def rows(self, edits: Sequence[Edit], remarks: Sequence[Remark]) -> list[Row]:
        """Return what becomes of each line that an edit or a remark is about, in the file's order."""
        lines = {line for edit in edits if not edit.added for line in (edit.line, *self._swallowed(edit))}
        rows = [self._changed(line, edits, remarks) for line in lines]
        rows = [row for row in rows if row.new != row.old or row.why]
        rows += [self._kept(line, remarks) for line in {remark.line for remark in remarks} - lines]
        rows += [
            Row(line=edit.line, old="", outcome="added", new=edit.text.lstrip(" \\\n").rstrip(), why=edit.why)
            for edit in edits
            if edit.added
        ]
        return sorted(rows, key=lambda row: (row.line, row.outcome == "added"))

    def _kept(self, line: int, remarks: Sequence[Remark]) -> Row:
        said = [remark for remark in remarks if remark.line == line]
        old, why = self._shown(line), " ".join(dict.fromkeys(remark.why for remark in said))
        return Row(line=line, old=old, outcome=_worst([remark.outcome for remark in said]), new=old, why=why)

    def _swallowed(self, edit: Edit) -> range:
        """Return the lines behind the edit's own that it takes out."""
        return range(edit.line + 1, self.line(edit.end) + 1)

    def _changed(self, line: int, edits: Sequence[Edit], remarks: Sequence[Remark]) -> Row:
        here = [edit for edit in edits if not edit.added and (edit.line == line or line in self._swallowed(edit))]
        said = [remark for remark in remarks if remark.line == line]
        start, end = self.line_start(line), self.line_end(line)
        new = self.text[start:end]
        for edit in sorted(here, key=lambda edit: edit.start, reverse=True):
            before, behind = max(edit.start, start), min(edit.end, end)
            text = edit.text if edit.line == line else ""
            new = f"{new[: before - start]}{text}{new[behind - start :]}"
        new = new.strip()
        why = " ".join(dict.fromkeys(filter(None, [*(edit.why for edit in here), *(remark.why for remark in said)])))
        outcome: Outcome = "removed" if new in ("", "-", "\\") else "changed"
        worst = _worst([outcome, *(remark.outcome for remark in said)])
        return Row(line=line, old=self._shown(line), outcome=worst, new="" if outcome == "removed" else new, why=why)

    def _shown(self, line: int) -> str:
        return self.text[self.line_start(line) : self.line_end(line)].strip()


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome that asks most of the user."""
    order: list[Outcome] = ["stops", "by hand", *outcomes]
    return next(outcome for outcome in order if outcome in outcomes)


def replaced(text: str, parts: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with other words between pairs of offsets.

    Raises:
        NotYaml: Two of the parts overlap.
    """
    pieces, at = [], 0
    for start, end, new in sorted(parts, key=lambda part: part[:2]):
        if start < at:
            raise NotYaml("two changes are about the same place")
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


def entries(node: Node | None) -> Entries:
    """Return a mapping's keys with their nodes; empty if the node is no mapping."""
    if not isinstance(node, MappingNode):
        return {}
    return {key.value: (key, value) for key, value in node.value if isinstance(key, ScalarNode)}


def value(node: Node | None, *keys: str) -> Node | None:
    """Return the node below keys; None if one of them is missing."""
    for key in keys:
        _, node = entries(node).get(key, (None, None))
    return node


def text(node: Node | None, *keys: str) -> str:
    """Return the scalar below keys; empty if it is missing or no scalar."""
    found = value(node, *keys)
    return str(found.value) if isinstance(found, ScalarNode) else ""


def items(node: Node | None) -> list[Node]:
    """Return the items of a sequence; a scalar is the only item of its own."""
    if isinstance(node, SequenceNode):
        return list(node.value)
    return [node] if isinstance(node, ScalarNode) else []


def scalars(node: Node | None) -> Iterator[ScalarNode]:
    """Return every scalar below a node, keys included."""
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from scalars(item)
    elif isinstance(node, MappingNode):
        for key, item in node.value:
            yield from scalars(key)
            yield from scalars(item)


def column(node: Node) -> str:
    """Return the blanks that stand before a node on a line of its own."""
    return " " * int(node.start_mark.column)


class Places:
    """The place in the file of each character of a scalar's value."""

    def __init__(self, document: Document, node: ScalarNode) -> None:
        self._text, self._style = document.text, node.style or ""
        self._start = document.scalar_start(node)
        self._places = list(self._aligned(node))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the file for offsets in the value; neither may stand beside a blank inside."""
        first = self._places[start][0] if start < len(self._places) else self._places[-1][1]
        return (first, self._places[end - 1][1]) if end > start else (first, first)

    def end(self, offset: int) -> int:
        """Return the offset in the file behind the character before an offset of the value."""
        return self._places[offset - 1][1]

    def can_hold(self, text: str) -> bool:
        """Return whether a text means itself in a scalar of this style."""
        return bool(self._style) or not re.search(r":\s|\s#|[\[\]{},]", text)

    def written(self, text: str) -> str:
        """Return a text as it is written in a scalar of this style."""
        if self._style == "'":
            return text.replace("'", "''")
        return re.sub(r'(["\\])', r"\\\1", text) if self._style == '"' else text

    def _aligned(self, node: ScalarNode) -> Iterator[tuple[int, int]]:
        at = self._start
        if self._style in ("|", ">"):
            at = self._text.index("\n", at) + 1
        elif self._style:
            at += 1
        for character in node.value:
            if not character.isspace():
                at = self._without_blanks(at)
            written = self._written_at(at, character)
            yield at, at + written
            at += written

    def _without_blanks(self, at: int) -> int:
        while self._text[at].isspace() or (self._style == '"' and self._text.startswith("\\\n", at)):
            at += 1
        return at

    def _written_at(self, at: int, character: str) -> int:
        """Return how many characters of the file stand for one of the value; a folded line break takes none."""
        if (
            self._style == '"'
            and self._text[at] == "\\"
            and self._text[at + 1] in {character, *_ESCAPED.get(character, "")}
        ):
            return 2
        if self._style == "'" and character == "'" and self._text.startswith("''", at):
            return 2
        if self._text[at] == character:
            return 1
        if character.isspace():
            return 0
        raise NotYaml(f"the text on line {self._text.count(chr(10), 0, at) + 1} has escapes that are not supported")


_ESCAPED = {"\n": "n", "\t": "t"}


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
