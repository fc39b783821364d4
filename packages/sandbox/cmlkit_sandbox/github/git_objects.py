"""git's objects as values, and their serialisation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class RefValue(NamedTuple):
    """A ref: its full name, and the object that it points at."""

    name: str
    sha: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class GitObject:
    sha: str
    kind: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class TreeEntry:
    """One line of a tree; `size` in bytes for blobs only. An empty `sha` asks for the path's removal."""

    mode: str
    kind: str
    sha: str
    path: str
    size: int | None = None

    @classmethod
    def parse(cls, record: str) -> TreeEntry:
        """Parse a record of `git ls-tree --long -z`."""
        words, _, path = record.partition("\t")
        mode, kind, sha, size = words.split()
        return cls(mode=mode, kind=kind, sha=sha, path=path, size=int(size) if size.isdecimal() else None)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who made a commit or tag, and when; `offset` is the time zone's distance from UTC in minutes."""

    name: str
    email: str
    seconds: int
    offset: int = 0

    def line(self) -> str:
        """Return git's line for it, without characters that git's format cannot hold."""
        sign = "-" if self.offset < 0 else "+"
        hours, minutes = divmod(abs(self.offset), 60)
        return f"{_plain(self.name)} <{_plain(self.email)}> {self.seconds} {sign}{hours:02}{minutes:02}"

    @property
    def iso(self) -> str:
        """The moment in UTC, as GitHub writes it."""
        return datetime.fromtimestamp(self.seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @classmethod
    def parse(cls, text: str) -> Signature:
        match = re.fullmatch(r"(.*?) ?<(.*)> (\d+) ([+-])(\d\d)(\d\d)", text)
        if match is None:
            return cls(name=text, email="", seconds=0)
        name, email, seconds, sign, hours, minutes = match.groups()
        offset = int(hours) * 60 + int(minutes)
        return cls(name=name, email=email, seconds=int(seconds), offset=-offset if sign == "-" else offset)

    @classmethod
    def at(cls, name: str, email: str, moment: datetime) -> Signature:
        offset = moment.utcoffset() or timedelta()
        return cls(name=name, email=email, seconds=int(moment.timestamp()), offset=int(offset.total_seconds() // 60))


@dataclass(frozen=True, kw_only=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str
    signature: str = ""

    @property
    def title(self) -> str:
        return self.message.partition("\n")[0]


@dataclass(frozen=True, kw_only=True)
class Tag:
    sha: str
    object: str
    kind: str
    name: str
    tagger: Signature
    message: str


def commit_content(
    *, tree: str, parents: tuple[str, ...], author: Signature, committer: Signature, message: str, signature: str = ""
) -> bytes:
    """Return the bytes of a commit object."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author.line()}", f"committer {committer.line()}"]
    if signature:
        lines.append("gpgsig " + signature.strip().replace("\n", "\n "))
    return ("\n".join(lines) + f"\n\n{message}").encode("utf-8", "surrogateescape")


def tag_content(*, target: str, kind: str, name: str, tagger: Signature, message: str) -> bytes:
    """Return the bytes of an annotated tag object."""
    return f"object {target}\ntype {kind}\ntag {name}\ntagger {tagger.line()}\n\n{message}".encode()


def parse_commit(found: GitObject) -> Commit:
    fields, message = _fields(found.content)
    return Commit(
        sha=found.sha,
        tree=fields["tree"][0],
        parents=tuple(fields.get("parent", ())),
        author=Signature.parse(fields["author"][0]),
        committer=Signature.parse(fields["committer"][0]),
        message=message,
        signature=fields.get("gpgsig", [""])[0],
    )


def parse_tag(found: GitObject) -> Tag:
    fields, message = _fields(found.content)
    return Tag(
        sha=found.sha,
        object=fields["object"][0],
        kind=fields["type"][0],
        name=fields["tag"][0],
        tagger=Signature.parse(fields.get("tagger", [""])[0]),
        message=message,
    )


def _fields(content: bytes) -> tuple[dict[str, list[str]], str]:
    """Return the header's fields, each with its values in order, and the message; continuations start with a blank."""
    head, _, message = content.decode("utf-8", "surrogateescape").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.replace("\n ", "\0").split("\n"):
        name, _, value = line.partition(" ")
        fields.setdefault(name, []).append(value.replace("\0", "\n"))
    return fields, message


def _plain(text: str) -> str:
    return re.sub(r"[<>\n\0]", "", text).strip()
