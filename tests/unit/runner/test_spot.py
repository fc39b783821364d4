"""Spot interruptions: who is asked about them, which instances they are, and the one repetition on demand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest

from cmlkit.clouds.launching import Instance
from cmlkit.errors import PermissionDenied
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.spot import INTERRUPTION, Interruptions, Resumption, after_interruption, rerun
from cmlkit.settings.schema import RunnerSpec
from tests.fake_cloud import FakeCloud
from tests.fake_forge import FastClock

RUN = WorkflowRun(repository="octo/random-forest", run_id="77", attempt=2)
TAGS = {"cmlkit:run": "77", "cmlkit:repository": "octo/random-forest", "cmlkit:attempt": "2"}
FAILED = "Process completed with exit code 1."


@dataclass
class Reports:
    """A forge with the reports of the jobs of one attempt of run 77."""

    attempt: int = 1
    titles: Collection[str] = ()
    error: PermissionDenied | None = None
    asked: int = 0
    reran: list[str] = field(default_factory=list)

    def run_attempt(self, run_id: str) -> int:
        return {"77": self.attempt}[run_id]

    def annotation_titles(self, run_id: str, *, attempt: int) -> Collection[str]:
        self.asked += 1
        if self.error:
            raise self.error
        return {("77", self.attempt): self.titles}[run_id, attempt]

    def rerun(self, run_id: str) -> None:
        self.reran.append(run_id)


def test_a_run_is_repeated_whatever_became_of_it_if_somebody_asks_for_it() -> None:
    forge = Reports(attempt=3)
    assert rerun(forge, "77") == Resumption(run_id="77", rerun=True, reason="it was asked for")
    assert (forge.reran, forge.asked) == (["77"], 0)


@pytest.mark.parametrize(
    ("attempt", "titles", "is_rerun", "reason"),
    [
        (1, [FAILED, INTERRUPTION], True, "AWS took its spot instance back"),
        (1, [FAILED], False, "AWS has not taken its instance back"),
        (1, [], False, "AWS has not taken its instance back"),
        (2, [INTERRUPTION], False, "it was tried 2 times already"),
        (3, [INTERRUPTION], False, "it was tried 3 times already"),
    ],
)
def test_only_the_first_attempt_is_repeated_after_an_interruption(
    attempt: int, titles: Sequence[str], is_rerun: bool, reason: str
) -> None:
    forge = Reports(attempt, titles)
    resumption = rerun(forge, "77", if_interrupted=True, cloud="AWS")
    assert resumption == Resumption(run_id="77", rerun=is_rerun, reason=reason)
    assert forge.reran == (["77"] if is_rerun else [])


def test_a_cloud_whose_name_is_unknown_is_the_cloud() -> None:
    assert rerun(Reports(), "77", if_interrupted=True).reason == "the cloud has not taken its instance back"


@dataclass
class Regions:
    """Two regions, with instances of the second attempt of the run and others."""

    here: FakeCloud = field(default_factory=lambda: FakeCloud("here"))
    there: FakeCloud = field(default_factory=lambda: FakeCloud("there"))

    def __post_init__(self) -> None:
        self.taken = self.here.add("taken", tags=TAGS, market="spot", taken_back=True)
        self.kept = self.here.add("kept", tags=TAGS, market="spot")
        self.on_demand = self.here.add("on demand", tags=TAGS, taken_back=True)
        self.earlier = self.there.add("earlier", tags={**TAGS, "cmlkit:attempt": "1"}, market="spot", taken_back=True)
        self.abroad = self.there.add("abroad", tags=TAGS, market="spot", taken_back=True)

    def all(self) -> list[Instance]:
        return [self.taken, self.kept, self.on_demand, self.earlier, self.abroad]

    def tag(self, interruptions: Interruptions, instances: Sequence[Instance]) -> tuple[str, ...]:
        return interruptions.tag(instances, clouds=[self.here, self.there], clock=FastClock(time=1_800_000_000.9))

    def tagged(self) -> dict[str, str]:
        """Return the time in the tag of each instance that has one."""
        tags = {item.id: item.tags for cloud in (self.here, self.there) for item in cloud.instances()}
        return {name: those["cmlkit:interrupted"] for name, those in tags.items() if "cmlkit:interrupted" in those}


@pytest.fixture
def regions() -> Regions:
    return Regions()


@pytest.mark.parametrize("forge", [None, Reports(attempt=2, titles=[FAILED])])
def test_an_instance_that_the_cloud_took_back_is_tagged_with_the_time(regions: Regions, forge: Reports | None) -> None:
    ids = regions.tag(Interruptions(RUN, forge=forge), regions.all())
    assert ids == (regions.taken.id, regions.abroad.id)
    assert regions.tagged() == dict.fromkeys(ids, "1800000000")


def test_if_a_job_reported_an_interruption_all_spot_instances_of_the_attempt_are_tagged(regions: Regions) -> None:
    # The cloud shows no reason for an instance that powers off in time.
    ids = regions.tag(Interruptions(RUN, forge=Reports(attempt=2, titles=[INTERRUPTION])), regions.all())
    assert ids == (regions.taken.id, regions.kept.id, regions.abroad.id)
    assert set(regions.tagged()) == set(ids)


def test_a_region_without_an_interrupted_instance_is_asked_for_nothing(regions: Regions) -> None:
    assert regions.tag(Interruptions(RUN, forge=None), [regions.kept, regions.abroad]) == (regions.abroad.id,)
    assert (regions.here.asked, regions.there.asked) == ([], [("tag", regions.abroad.id)])


def test_the_reports_are_read_once_and_only_if_there_is_a_spot_instance(regions: Regions) -> None:
    forge = Reports(attempt=2, titles=[INTERRUPTION])
    interruptions = Interruptions(RUN, forge=forge)
    interruptions.look([regions.on_demand, regions.earlier])
    assert forge.asked == 0
    interruptions.look([regions.kept])
    assert regions.tag(interruptions, [regions.kept]) == (regions.kept.id,)
    assert forge.asked == 1


def test_reports_that_may_not_be_read_are_an_error_only_when_instances_are_tagged(regions: Regions) -> None:
    forge = Reports(attempt=2, error=PermissionDenied("The reports may not be read."))
    interruptions = Interruptions(RUN, forge=forge)
    interruptions.look(regions.all())
    with pytest.raises(PermissionDenied, match=r"The reports may not be read\."):
        regions.tag(interruptions, regions.all())
    assert (forge.asked, regions.tagged()) == (1, {})


@pytest.mark.parametrize(
    ("attempt", "market", "tagged", "chosen"),
    [
        (2, "spot", {"cmlkit:interrupted": "9"}, "on-demand"),
        (2, "spot-then-on-demand", {"cmlkit:interrupted": "9"}, "on-demand"),
        (3, "spot", {"cmlkit:interrupted": "9"}, "on-demand"),
        (2, "spot", {}, "spot"),
        (1, "spot", {"cmlkit:interrupted": "9"}, "spot"),
        (2, "spot", {"cmlkit:interrupted": "9", "cmlkit:run": "76"}, "spot"),
        (2, "spot", {"cmlkit:interrupted": "9", "cmlkit:repository": "octo/other"}, "spot"),
    ],
)
def test_an_interrupted_run_goes_on_on_demand_and_with_all_its_other_settings(
    attempt: int, market: str, tagged: dict[str, str], chosen: str
) -> None:
    here, there = FakeCloud("here"), FakeCloud("there")
    there.add("earlier", tags={**TAGS, "cmlkit:attempt": "1", **tagged}, market="spot", state="terminated")
    spec = RunnerSpec(market=market, instance_type=("brick",), count=3)
    assert after_interruption(spec, replace(RUN, attempt=attempt), [here, there]) == replace(spec, market=chosen)


@pytest.mark.parametrize(("attempt", "market"), [(1, "spot"), (2, "on-demand")])
def test_no_cloud_is_asked_about_interruptions_that_change_nothing(attempt: int, market: str) -> None:
    cloud = FakeCloud()
    after_interruption(RunnerSpec(market=market), replace(RUN, attempt=attempt), [cloud])
    assert cloud.asked == []
