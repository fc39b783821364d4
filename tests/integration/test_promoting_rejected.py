"""Promoting what the gate rejected: refused by the verdict in the manifest, in the sandbox's GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import GateRejected
from cmlkit.registry.promotion import Promotion, promote
from tests.integration.project import MODEL, Project, project

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def promoted(there: Project, **options: Any) -> Promotion:
    return promote(forge=there.client(token="ghp_person"), model=MODEL, **options)


def tags(there: Project) -> list[str]:
    return there.git("tag", "--list").split()


def rejected(there: Project) -> int:
    """The pull request of a rejected model, which a person marked as ready for review."""
    published = there.publish(there.trained(0.5), rules=["accuracy >= 0.8"])
    number = published.pull_request_number or 0
    person = there.client(token="ghp_person")
    person.set_draft(person.pull_request(number), False)
    return number


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_rejected_models_pull_request_is_neither_merged_nor_promoted(there: Project, dry_run: bool) -> None:
    number = rejected(there)
    with pytest.raises(GateRejected, match=r"It failed: accuracy >= 0\.8\.") as caught:
        promoted(there, pull_request=number, dry_run=dry_run)
    assert caught.value.exit_code == 6
    assert "--force" in caught.value.next_step
    assert there.open_pulls() == [number]
    assert tags(there) == []


def test_a_rejected_model_that_a_person_merged_goes_into_production_only_by_force(there: Project) -> None:
    there.merge(rejected(there))
    for version in ({}, {"to": "cmlkit/main/100"}):
        with pytest.raises(GateRejected, match=f"rejected {MODEL}"):
            promoted(there, **version)
    assert tags(there) == []
    forced = promoted(there, force=True)
    assert (forced.created, tags(there)) == (True, ["model/m/production/1"])
    # It is in production now, so that a workflow that promotes after each push has nothing to refuse.
    assert not promoted(there).created


def test_force_merges_a_rejected_models_pull_request(there: Project) -> None:
    number = rejected(there)
    assert promoted(there, pull_request=number, force=True).created
    assert there.open_pulls() == []


def test_an_accepted_model_needs_no_force(there: Project) -> None:
    there.merge(there.publish(there.trained(0.9), rules=["accuracy >= 0.8"]).pull_request_number or 0)
    assert promoted(there).created
