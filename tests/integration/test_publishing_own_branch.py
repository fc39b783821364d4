"""A branch that cmlkit did not make: nothing is committed to it, and its owner's work stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from tests.integration.project import Project, project

# Each of them publishes.
pytestmark = pytest.mark.slow


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def refused(there: Project, message: str, **options: object) -> None:
    before, heads = len(there.github.requests), there.git("for-each-ref")
    with pytest.raises(SettingsError, match=message) as caught:
        there.publish(there.trained(0.9), **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert "publish.branch" in caught.value.next_step
    assert [
        item for item in there.github.requests[before:] if item.method != "GET" and "graphql" not in item.path
    ] == []
    assert there.git("for-each-ref") == heads


@pytest.mark.parametrize("on_existing", ["supersede", "update", "keep"])
def test_a_branch_of_people_is_refused(there: Project, on_existing: str) -> None:
    there.git("branch", "release", "main")
    there.commit_to("release", {"app.py": "print('of people')"})
    says = "'release' exists, and cmlkit did not make it: nothing was written"
    refused(there, says, branch="release", on_existing=on_existing)


def test_a_branch_of_people_without_a_commit_of_its_own_is_refused(there: Project) -> None:
    there.git("branch", "staging", "main")
    refused(there, "'staging' exists, and cmlkit did not make it", branch="staging")


def test_a_branch_into_which_a_result_was_merged_is_not_cmlkits_own(there: Project) -> None:
    there.git("branch", "develop", "main")
    there.commit_to("develop", {"app.py": "print('of people')"})
    first = there.publish(there.trained(0.8), base="develop")
    there.merge(first.pull_request_number or 0)
    refused(there, "'develop' exists, and cmlkit did not make it", branch="develop", run_id="101")


def test_the_default_branch_is_refused_for_another_base(there: Project) -> None:
    there.git("branch", "develop", "main")
    there.commit_to("develop", {"app.py": "print('of people')"})
    refused(there, "'main' is the default branch", branch="main", base="develop")


def test_the_branch_of_images_is_refused(there: Project) -> None:
    refused(there, "is that of cmlkit's images", branch="cmlkit-assets")


@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
def test_a_branch_that_cmlkit_made_is_used_again(there: Project, token: str) -> None:
    for run_id, accuracy in (("100", 0.8), ("101", 0.9)):
        published = there.publish(
            there.trained(accuracy), run_id=run_id, branch="models", on_existing="keep", forge=there.client(token=token)
        )
        assert published.branch == "models"


def test_a_branch_that_cmlkit_made_stays_its_own_after_commits_of_people_and_a_closed_pull_request(
    there: Project,
) -> None:
    first = there.publish(there.trained(0.8), branch="models")
    there.commit_to("models", {"notes.md": "of a person"})
    there.client().update_pull_request(first.pull_request_number or 0, state="closed")
    assert there.publish(there.trained(0.9), run_id="101", branch="models").branch == "models"
    assert "notes.md" in there.files("models")
