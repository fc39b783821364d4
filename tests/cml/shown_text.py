"""Compares texts that readers see: what they say, and whether their images and links lead anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

from tests.cml.case import pattern

LONGEST_COMMENT = 65536
_IMAGE = re.compile(r'!\[[^\]]*\]\(<?([^)\s>]+)|<img[^>]*?\ssrc=["\']?([^"\'\s>]+)', re.IGNORECASE)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]: *<?([^\s>]+)", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(<?(http[^)\s>]+)")
_HIDDEN = re.compile(r"\A<!--.*?-->\n?", re.DOTALL)


def same(where: str, have: Any, wanted: Any) -> Iterator[str]:
    """Yield a line about a value that is not the expected one."""
    if have != wanted:
        yield f"{where}: {have!r}, not {wanted!r}"


def texts(where: str, text: str, has: Sequence[str], lacks: Sequence[str] = ()) -> Iterator[str]:
    """Yield a line about each pattern that a text should have but lacks, or the other way round."""
    for each in has:
        if not pattern(each).search(text):
            yield f"{where} has no {each!r}: {text[:500]!r}"
    for each in lacks:
        if found := pattern(each).search(text):
            yield f"{where} has {found[0]!r}"


def several(value: Any) -> list[str]:
    """Return a list for what a case writes as one text or a list of them."""
    return value if isinstance(value, list) else [value]


def compared(where: str, bodies: Sequence[str], expected: Sequence[Any]) -> Iterator[str]:
    """Compare comments with what a case expects of each, in their order."""
    if len(bodies) != len(expected):
        yield f"{where} are {len(bodies)}, not {len(expected)}: {[body[:200] for body in bodies]}"
    for whole, wanted in zip(bodies, expected, strict=False):
        body = _HIDDEN.sub("", whole)
        parts = {"has": wanted} if not isinstance(wanted, Mapping) else wanted
        has, lacks = several(parts.get("has", [])), several(parts.get("lacks", []))
        yield from texts(where, body, has, lacks)
        yield from images(where, body, parts)
        yield from _links(where, body, several(parts.get("leads to", [])))
        if len(whole) > LONGEST_COMMENT:
            yield f"{where}: one has {len(whole)} characters"


def images(where: str, body: str, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Compare how many images of the repository readers see in a text, and how many are broken."""
    text = _CODE.sub("", body)
    every = [first or second for first, second in _IMAGE.findall(text)] + _DEFINITION.findall(text)
    addresses = [address for address in every if not address.startswith("https://")]
    broken = [address for address in addresses if not _is_shown(address)]
    yield from same(f"{where}: broken images in {addresses}", len(broken), wanted.get("broken", 0))
    yield from same(f"{where}: images", len(addresses) - len(broken), wanted.get("images", 0))


def _links(where: str, body: str, texts: Sequence[str]) -> Iterator[str]:
    """Compare what the links of a comment lead to."""
    pages = [requests.get(address, timeout=10).text for address in _LINK.findall(body)] if texts else []
    for text in texts:
        if not any(pattern(text).search(page) for page in pages):
            yield f"{where}: no link leads to {text!r}: {_LINK.findall(body)}"


def _is_shown(address: str) -> bool:
    if not address.startswith("http"):
        return False
    answer = requests.get(address, timeout=10)
    return answer.ok and answer.content.startswith(b"\x89PNG")
