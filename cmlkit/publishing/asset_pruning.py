"""Pruning of assets: images that nothing open shows any more leave the repository, and no shown one ever breaks.

Links name a commit. So the branch starts anew as one commit with the images that are shown; what shows them gets links
to that commit; and only then the branch moves, if it still is where it was read.
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

# An image is stored before the comment that shows it is written.
GRACE_SECONDS = 3600.0
TRIES_AGAINST_OTHERS = 5
README_PATH = "README.md"

_STORED = re.compile(r"^Store ([0-9a-f]{12})")


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What a pruning did, or would do.

    Attributes:
        removed: Names of the files, by the hash of their content.
        kept: How many images stay.
        rewritten: How many texts got new links.
        waiting: Images of the last hour that nothing shows yet; as long as there are any, nothing is removed.
        commit: The branch's commit afterwards; empty where there is no such branch.
    """

    removed: tuple[str, ...] = ()
    kept: int = 0
    rewritten: int = 0
    waiting: tuple[str, ...] = ()
    commit: str = ""


@dataclass(frozen=True, kw_only=True)
class _Text:
    """What people read: the body of an issue or pull request, or a comment on it."""

    number: int
    text: str
    comment: Comment | None = None


def prune_assets(*, forge: AssetForge, root: str, dry_run: bool = False, clock: Clock | None = None) -> Pruned:
    """Remove the images that no open issue or pull request shows, in its text or its comments.

    Args:
        root: Of the repository's links, such as `https://github.com/octo/forest`.
        dry_run: Look, and change nothing.

    Raises:
        Conflict: Others stored images at every try.
        PermissionDenied, ServiceError: The forge refused something; the branch is as it was.
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
    """Whether a text had links to change."""
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
    """How the names of the images of the last hour begin."""
    messages = forge.messages_since(BRANCH, clock.now() - GRACE_SECONDS)
    return tuple(match[1] for message in messages if (match := _STORED.match(message)))


def _links(root: str, addresses: Addresses) -> re.Pattern[str]:
    """Links to images of the branch, with or without what an image's address has behind that of its page."""
    page = re.escape(addresses.file.format(repository=root, commit="COMMIT", path="PATH"))
    commit, path = "[0-9a-f]{40}", r"(?P<path>[0-9a-f]{64}(?:\.[a-z0-9]+)?)"
    return re.compile(page.replace("COMMIT", commit).replace("PATH", path))
