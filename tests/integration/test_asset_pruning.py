"""Pruning of images: what is open keeps showing what it showed, and nothing that others store meanwhile is lost."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.errors import PermissionDenied
from cmlkit.publishing.asset import BRANCH, Asset, store_asset
from cmlkit.publishing.asset_pruning import GRACE_SECONDS, Pruned, prune_assets
from tests.integration.project import REPOSITORY, TOKEN, Project, project

pytestmark = pytest.mark.slow

HOUR = GRACE_SECONDS


@dataclass
class LaterClock:
    """The time of the server, and at each look some seconds more."""

    later: Callable[[], float]

    def now(self) -> float:
        return time.time() + self.later()

    def sleep(self, seconds: float) -> None: ...


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def stored(there: Project, content: bytes) -> Asset:
    return store_asset("plot.svg", content, forge=there.client(), root=f"{there.github.url}/{REPOSITORY}")


def prune(there: Project, *, dry_run: bool = False, later: float = 2 * HOUR, token: str = TOKEN) -> Pruned:
    root = f"{there.github.url}/{REPOSITORY}"
    return prune_assets(forge=there.client(token=token), root=root, dry_run=dry_run, clock=LaterClock(lambda: later))


def images(there: Project) -> set[str]:
    return {name for name in there.files(BRANCH) if name != "README.md"}


def shows(there: Project, text: str) -> set[str]:
    """What the links in a text lead to: the content of each file at its commit, if the branch has that commit."""
    head = there.git("rev-parse", BRANCH).strip()
    links = re.findall(r"/blob/([0-9a-f]{40})/([0-9a-f]{64}\.svg)", text)
    assert {commit for commit, _ in links} <= {head}
    return {there.git("show", f"{commit}:{path}") for commit, path in links}


def test_what_open_texts_show_stays_and_is_linked_anew(there: Project) -> None:
    in_comment, in_body, in_closed, nowhere = (
        stored(there, name) for name in (b"<svg>a</svg>", b"<svg>b</svg>", b"<svg>c</svg>", b"<svg>d</svg>")
    )
    first, second = (
        there.publish(there.trained(0.9 + run / 100), run_id=str(run), on_existing="keep").pull_request_number or 0
        for run in (1, 2)
    )
    client = there.client()
    client.create_comment(first, f"See {in_comment.markdown()} and {in_comment.url}")
    client.update_pull_request(first, body=f"{in_body.markdown()} beside it")
    client.create_comment(second, in_closed.markdown())
    client.update_pull_request(second, state="closed")
    pruned = prune(there)
    assert set(pruned.removed) == {in_closed.path, nowhere.path}
    assert (pruned.kept, pruned.rewritten) == (2, 2)
    assert images(there) == {in_comment.path, in_body.path}
    assert there.git("rev-list", "--count", BRANCH).strip() == "1"
    assert shows(there, there.comments(first)[-1]) == {"<svg>a</svg>"}
    assert shows(there, there.repository.pulls[0].body) == {"<svg>b</svg>"}
    assert prune(there).removed == ()


def test_a_dry_run_says_what_would_go_and_changes_nothing(there: Project) -> None:
    asset = stored(there, b"<svg>a</svg>")
    head = there.head(BRANCH)
    assert prune(there, dry_run=True).removed == (asset.path,)
    assert there.head(BRANCH) == head


def test_an_image_that_was_just_stored_lets_everything_wait(there: Project) -> None:
    asset = stored(there, b"<svg>a</svg>")
    pruned = prune(there, later=0)
    assert (pruned.removed, pruned.waiting) == ((), (asset.path,))
    assert images(there) == {asset.path}


def test_an_image_that_is_stored_meanwhile_is_not_lost(there: Project) -> None:
    """The one is hours old at the first look; at the second, with the clock of today, both are new."""
    old, new, times = stored(there, b"<svg>a</svg>"), list[Asset](), iter([2 * HOUR])
    there.github.faults.add("POST", "/graphql", before=lambda: new.append(stored(there, b"<svg>b</svg>")), acted=True)
    root = f"{there.github.url}/{REPOSITORY}"
    pruned = prune_assets(forge=there.client(), root=root, clock=LaterClock(lambda: next(times, 0)))
    assert set(pruned.waiting) == {old.path, new[0].path} == images(there)


def test_a_token_that_may_not_edit_leaves_the_branch_as_it_is(there: Project) -> None:
    asset, other = stored(there, b"<svg>a</svg>"), stored(there, b"<svg>b</svg>")
    number = there.publish(there.trained(0.9)).pull_request_number or 0
    there.client().create_comment(number, asset.markdown())
    head = there.head(BRANCH)
    there.github.add_token(
        "ghs_contents", "ann", permissions={"contents": "write", "issues": "read", "pull_requests": "read"}
    )
    with pytest.raises(PermissionDenied):
        prune(there, token="ghs_contents")
    assert there.head(BRANCH) == head
    assert images(there) == {asset.path, other.path}


def test_without_a_branch_there_is_nothing_to_do(there: Project) -> None:
    assert prune(there) == Pruned()


def test_the_command_says_what_it_did(there: Project, capsys: pytest.CaptureFixture[str]) -> None:
    stored(there, b"<svg>a</svg>")
    environ = {
        "PATH": os.environ["PATH"],
        "GITHUB_API_URL": there.github.api_url,
        "GITHUB_SERVER_URL": there.github.url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": there.head("main"),
        "CMLKIT_TOKEN": TOKEN,
    }
    assert run(["asset", "prune", "--json"], environ=environ) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"removed": [], "kept": 1, "rewritten": 0}
    assert "Not shown anywhere yet: 1 image from the last hour" in err
