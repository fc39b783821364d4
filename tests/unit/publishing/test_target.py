"""Targets and revisions as people write them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cmlkit.errors import NotFound, ServiceError
from cmlkit.forges.base import Commit
from cmlkit.publishing.target import plain_target, resolved_target
from cmlkit.records.workflow_run import WorkflowRun

SHA, OTHER = "a" * 40, "b" * 40


@dataclass
class Known:
    """A forge that knows commits by name."""

    commits: dict[str, str] = field(default_factory=dict)
    refuses: ServiceError = field(default_factory=lambda: NotFound("Not Found", status=404))

    def find_commit(self, name: str) -> Commit:
        if name not in self.commits:
            raise self.refuses
        return Commit(id=self.commits[name], message="")


def resolved(target: str, forge: Known, checkout: dict[str, str] | None = None) -> str:
    run = WorkflowRun(repository="octo/forest", run_id="1", sha=SHA)
    return resolved_target(target, in_checkout=(checkout or {}).get, forge=forge, workflow_run=run)


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("PR", "pr"),
        ("Commit/HEAD", "commit/HEAD"),
        ("Issue/7", "issue/7"),
        ("pr/7", "pr/7"),
        (" auto ", "auto"),
        ("", "auto"),
        ("commit/Feature/A", "commit/Feature/A"),
        ("Wiki", "Wiki"),
    ],
)
def test_the_kind_is_read_in_any_case(written: str, target: str) -> None:
    assert plain_target(written) == target


@pytest.mark.parametrize("target", ["pr", "pr/7", "issue/7", "auto", "commit"])
def test_targets_without_a_revision_stay(target: str) -> None:
    assert resolved(target, Known()) == target


def test_a_branch_may_have_slashes_in_its_name() -> None:
    assert resolved("commit/feature/a", Known({"feature/a": OTHER})) == f"commit/{OTHER}"


def test_a_full_id_is_asked_nowhere() -> None:
    assert resolved(f"commit/{OTHER.upper()}", Known()) == f"commit/{OTHER}"


def test_the_checkout_comes_before_the_forge() -> None:
    assert resolved("commit/main", Known({"main": SHA}), {"main": OTHER}) == f"commit/{OTHER}"


def test_the_commit_of_the_run_is_the_target_commit() -> None:
    # Under pull_request that is the merge commit, on which nobody would see a comment.
    assert resolved(f"commit/{SHA}", Known()) == "commit"


@pytest.mark.parametrize("status", [404, 422])
def test_an_unknown_revision_is_an_error_with_a_way_out(status: int) -> None:
    with pytest.raises(NotFound, match="'HEAD~3'") as caught:
        resolved("commit/HEAD~3", Known(refuses=ServiceError("refused", status=status)))
    assert "fetch-depth" in caught.value.next_step


def test_without_a_checkout_the_forge_is_asked() -> None:
    assert resolved("commit/v1.0", Known({"v1.0": OTHER})) == f"commit/{OTHER}"


def test_an_outage_is_no_unknown_revision() -> None:
    with pytest.raises(ServiceError, match="away"):
        resolved("commit/v1.0", Known(refuses=ServiceError("away", status=502)))
