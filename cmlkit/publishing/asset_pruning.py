"""Pruning of assets: remove pictures that no open issue or pull request shows, without ever breaking a shown one.

Links contain a commit. So a new commit without history gets the pictures in use, the texts that show them get links to
that commit, and only then the branch moves there, if its head is still the one that was read.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import Conflict
from cmlkit.forges.base import AssetForge, Comment, TreeFile
from cmlkit.forges.facts import Addresses
from cmlkit.publishing.asset import BRANCH

# A picture is stored before the comment that shows it is written.
GRACE_SECONDS = 3600.0
TRIES_AGAINST_OTHERS = 5
README_PATH = "README.md"

_STORED = re.compile(r"^Store ([0-9a-f]{12})", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The result of a pruning, or its forecast in a dry run.

    Attributes:
        removed: Names of the removed files, which are hashes of their content.
        kept: Number of pictures that stay.
        rewritten: Number of texts with new links.
        waiting: Pictures from the last hour that nothing shows yet; if there are any, nothing is removed.
        commit: Head of the branch afterwards; empty if there is no such branch.
    """

    removed: tuple[str, ...] = ()
    kept: int = 0
    rewritten: int = 0
    waiting: tuple[str, ...] = ()
    commit: str = ""


@dataclass(frozen=True, kw_only=True)
class _Text:
    """The body of an issue or pull request, or a comment on it."""

    number: int
    text: str
    comment: Comment | None = None


def prune_assets(*, forge: AssetForge, root: str, dry_run: bool = False, clock: Clock | None = None) -> Pruned:
    """Remove the pictures that no open issue or pull request shows, in its body or its comments.

    Args:
        root: Base of the repository's links, such as `https://github.com/octo/forest`.
        dry_run: Change nothing.

    Raises:
        Conflict: Others stored pictures at every try.
        PermissionDenied, ServiceError: The forge refused something; the branch is unchanged.
    """
    clock = clock or SystemClock()
    for _ in range(TRIES_AGAINST_OTHERS):
        head = forge.branch_head(BRANCH)
        if head is None:
            return Pruned()
        there, texts = forge.root_files(head), tuple(_texts(forge))
        planned = _planned(there, texts, _links(root, forge.facts.addresses), head=head, fresh=_fresh(forge, clock))
        if dry_run or planned.waiting or not planned.removed:
            return planned
        try:
            return _carried_out(planned, there, texts, root, forge=forge)
        except Conflict:
            continue
    raise Conflict(f"Others stored images at each of {TRIES_AGAINST_OTHERS} tries.", next_step="Run it again later.")


def _planned(
    there: Mapping[str, str], texts: Iterable[_Text], links: re.Pattern[str], *, head: str, fresh: tuple[str, ...]
) -> Pruned:
    shown = {match["path"] for item in texts for match in links.finditer(item.text)}
    images = [path for path in sorted(there) if path != README_PATH]
    unshown = tuple(path for path in images if path not in shown)
    waiting = tuple(path for path in unshown if path.startswith(fresh)) if fresh else ()
    removed = () if waiting else unshown
    return Pruned(removed=removed, kept=len(images) - len(removed), waiting=waiting, commit=head)


def _carried_out(
    planned: Pruned, there: Mapping[str, str], texts: Iterable[_Text], root: str, *, forge: AssetForge
) -> Pruned:
    kept = [TreeFile(path=path, blob=blob) for path, blob in there.items() if path not in planned.removed]
    commit = forge.create_commit(parent="", files=kept, message=f"Keep {planned.kept} images that are shown")
    rewritten = sum(_relinked(item, commit, root, forge) for item in texts)
    forge.replace_branch(BRANCH, commit, expected=planned.commit)
    return dataclasses.replace(planned, rewritten=rewritten, commit=commit)


def _relinked(item: _Text, commit: str, root: str, forge: AssetForge) -> bool:
    """Replace the links in a text; return whether it had any."""
    addresses = forge.facts.addresses

    def relinked(match: re.Match[str]) -> str:
        return addresses.file.format(repository=root, commit=commit, path=match["path"])

    text = _links(root, addresses).sub(relinked, item.text)
    if text == item.text:
        return False
    if item.comment is None:
        forge.update_body(item.number, text)
    else:
        forge.update_comment(item.comment, text)
    return True


def _texts(forge: AssetForge) -> Iterator[_Text]:
    for number, body in forge.open_discussions().items():
        yield _Text(number=number, text=body)
        for comment in forge.comments(number):
            yield _Text(number=number, text=comment.body, comment=comment)


def _fresh(forge: AssetForge, clock: Clock) -> tuple[str, ...]:
    """Return the beginnings of the names of pictures from the last hour."""
    messages = forge.messages_since(BRANCH, clock.now() - GRACE_SECONDS)
    return tuple(name for message in messages for name in _STORED.findall(message))


def _links(root: str, addresses: Addresses) -> re.Pattern[str]:
    """Return the pattern of links to files on the branch, with or without `?raw=true` or the like at the end."""
    address = re.escape(addresses.file.format(repository=root, commit="COMMIT", path="PATH"))
    commit, path = "[0-9a-f]{40}", r"(?P<path>[0-9a-f]{64}(?:\.[a-z0-9]+)?)"
    return re.compile(address.replace("COMMIT", commit).replace("PATH", path))
