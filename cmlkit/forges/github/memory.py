"""Answers about one repository that are known before they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cmlkit.forges.base import PullRequest, Repository


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of a folder: `blob`, `tree` or `commit`, its id, and its mode such as `100644`."""

    kind: str
    sha: str
    mode: str


@dataclass(kw_only=True)
class Memory:
    """Answers of GitHub, and those that follow from what it was just told.

    Facts about a commit never change, so they are kept. Heads of branches and open pull requests can change, so they
    serve the next question only: whoever asks again wants to know their present state.

    Attributes:
        repository: The repository, and `node_id`, its GraphQL id; empty if unknown.
        heads: Branch -> its head, None if there was no such branch.
        open_pulls: Base branch -> all open pull requests to it, newest first.
        trees: Commit -> id of its tree.
        folders: Commit and path of a folder -> its entries by name.
        contents: Commit and path -> a file's bytes.
        histories: Commit and path -> the latest commits that changed the file, newest first.
        discussions: Number of a pull request -> its GraphQL id.
        without_checks: Commits that were just made, so that no check is there yet.
        without_comments: Numbers of pull requests that were just opened.
    """

    repository: Repository | None = None
    node_id: str = ""
    heads: dict[str, str | None] = field(default_factory=dict)
    open_pulls: dict[str, list[PullRequest]] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)
    folders: dict[tuple[str, str], Mapping[str, Entry]] = field(default_factory=dict)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    histories: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    discussions: dict[int, str] = field(default_factory=dict)
    without_checks: set[str] = field(default_factory=set)
    without_comments: set[int] = field(default_factory=set)


def taken(places: set[Any], place: object) -> bool:
    """Return whether the place is among these, for the last time."""
    if place not in places:
        return False
    places.discard(place)
    return True
