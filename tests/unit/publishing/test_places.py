"""The branch that a model gets, by what other runs have there; and one commit, even if others write meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.errors import Conflict
from cmlkit.forges.base import Changes, TreeFile
from cmlkit.publishing.commit import TRIES_AGAINST_OTHERS, commit_files, holds_result
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.precedence import Overtaken
from cmlkit.settings.schema import PublishSpec
from tests.fake_forge import FastClock
from tests.unit.publishing.in_memory import ToldForge, Workshop

ACCEPTED, REJECTED = ("accuracy >= 0.5",), ("accuracy >= 0.99",)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(directory=tmp_path)


@pytest.mark.parametrize(
    ("theirs", "ours", "branch", "reason"),
    [
        (("100", ACCEPTED), ("101", ACCEPTED), "daily", ""),
        (("100", REJECTED), ("101", REJECTED), "daily", ""),
        (("100", REJECTED), ("101", ACCEPTED), "daily", ""),
        (("100", ACCEPTED), ("101", REJECTED), "daily-101-1", "accepted"),
        (("101", ACCEPTED), ("100", ACCEPTED), "daily-100-1", "newer"),
        (("101", REJECTED), ("100", ACCEPTED), "daily-100-1", "newer"),
        (("100", ACCEPTED), ("100", REJECTED), "daily", ""),
    ],
    ids=[
        "a newer one",
        "both rejected",
        "the first accepted one",
        "a rejected one",
        "an older one",
        "an older one, though accepted",
        "the same run",
    ],
)
@pytest.mark.parametrize("on_existing", ["update", "keep"])
def test_a_model_gets_its_branch_unless_another_has_a_better_right_to_it(
    workshop: Workshop,
    theirs: tuple[str, tuple[str, ...]],
    ours: tuple[str, tuple[str, ...]],
    branch: str,
    reason: str,
    on_existing: str,
) -> None:
    workshop.publish(0.9, run_id=theirs[0], rules=theirs[1], branch="daily", on_existing=on_existing)
    spec = PublishSpec(branch="daily", on_existing=on_existing)
    place = workshop.plan(workshop.trained(0.91), spec, run_id=ours[0], rules=ours[1]).place
    assert (place.branch, place.reason) == (branch, reason)


def test_an_update_goes_on_with_the_branch_of_the_earlier_pull_request(workshop: Workshop) -> None:
    first = workshop.publish(0.9, run_id="100")
    second = workshop.publish(0.91, run_id="101", on_existing="update")
    assert (second.branch, second.pull_request_number) == (first.branch, first.pull_request_number)


def test_a_run_that_is_overtaken_after_the_plan_writes_nothing(workshop: Workshop) -> None:
    plan = workshop.plan(workshop.trained(0.9), PublishSpec(branch="daily"), run_id="100")
    newer = workshop.publish(0.95, run_id="101", branch="daily")
    with pytest.raises(Overtaken, match="Another run has written its model to the branch 'daily'"):
        plan.precedence.is_judged_alike("daily", newer.commit_sha)
    assert plan.precedence.is_overtaken()


def test_what_is_published_on_top_of_a_newer_champion_is_outdated(workshop: Workshop) -> None:
    workshop.merge(workshop.publish(0.9, run_id="101").pull_request_number or 0)
    older, newer = (workshop.plan(workshop.trained(0.95), PublishSpec(), run_id=run) for run in ("100", "102"))
    assert (older.is_outdated, newer.is_outdated) == (True, False)


def test_the_same_model_changes_nothing(workshop: Workshop) -> None:
    workshop.merge(workshop.publish(0.9, run_id="100").pull_request_number or 0)
    assert not workshop.plan(workshop.trained(0.9), PublishSpec(), run_id="101").changed
    assert workshop.plan(workshop.trained(0.91), PublishSpec(), run_id="101").changed


FILE = CommitFile(path="m.txt", role="extra", content=b"new")


class BusyForge(ToldForge):
    """A forge on whose branch somebody else writes before each of the first commits."""

    others: int

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        if self.others:
            self.others -= 1
            raise Conflict("The branch has moved.", status=422)
        return super().commit(changes, branch=branch, parent=parent, is_new=is_new)


def committed(forge: ToldForge, *, clock: FastClock, **options: object) -> str:
    settings: dict[str, object] = {"base_head": forge.branches["main"], "message": "M", "branch": "b", **options}
    return commit_files([FILE], forge=forge, clock=clock, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("others", [0, 1, TRIES_AGAINST_OTHERS - 1])
def test_a_commit_is_tried_again_on_top_of_what_others_wrote(others: int) -> None:
    forge, clock = BusyForge("octo/forest"), FastClock()
    forge.others = others
    forge.start({"a": b"a"})
    commit = committed(forge, clock=clock)
    assert forge.commits[commit].files == {"a": b"a", "m.txt": b"new"}
    assert len(clock.slept) == others
    assert all(0.1 <= pause <= 1.0 for pause in clock.slept)


def test_a_branch_that_others_write_to_at_every_try_is_given_up() -> None:
    forge = BusyForge("octo/forest")
    forge.others = TRIES_AGAINST_OTHERS
    forge.start({})
    with pytest.raises(Conflict, match="at each of 30 tries"):
        committed(forge, clock=FastClock())
    assert set(forge.branches) == {"main"}


def test_a_branch_that_holds_the_result_stays_as_it_is() -> None:
    forge = ToldForge("octo/forest")
    forge.start({})
    first = committed(forge, clock=FastClock())
    assert committed(forge, clock=FastClock()) == first
    assert committed(forge, clock=FastClock(), is_current=lambda head: False) != first


@pytest.mark.parametrize(
    ("there", "removes", "holds"),
    [
        ({"m.txt": FILE.blob}, (), True),
        ({"m.txt": "0" * 40}, (), False),
        ({}, (), False),
        ({"m.txt": FILE.blob, "old": "1" * 40}, ("old",), False),
        ({"m.txt": FILE.blob}, ("old",), True),
    ],
)
def test_a_result_is_held_if_all_of_it_is_there_and_nothing_that_goes(
    there: dict[str, str], removes: tuple[str, ...], holds: bool
) -> None:
    others = [CommitFile(path="m.json", role=role, content=b"other") for role in ("manifest", "report")]
    assert holds_result(there, [FILE, *others], removes=removes) is holds


def test_a_program_that_lost_its_mode_is_committed_again() -> None:
    program = CommitFile(path="m.txt", role="extra", content=b"new", mode="100755")
    forge = ToldForge("octo/forest")
    forge.start({})
    first = committed(forge, clock=FastClock())
    assert forge.tree_files(first, ["m.txt"])["m.txt"] == TreeFile(path="m.txt", blob=FILE.blob)
    assert (
        commit_files(
            [program], forge=forge, clock=FastClock(), branch="b", base_head=forge.branches["main"], message="M"
        )
        != first
    )
