"""Reaping: what has outlived its lease goes; what is busy, in time, or not ours stays."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import pytest

from cmlkit.errors import Interrupted, ServiceError
from cmlkit.forges.workflows import Job
from cmlkit.runner.lease import region_labels
from cmlkit.runner.reaping import PAUSE_SECONDS, SURELY_OVER_SECONDS
from cmlkit.runner.reaping import reap as reaped
from tests.fake_forge import FakeForge
from tests.integration.aws.conftest import RUN, Said, Setting
from tests.integration.aws.ec2 import Ec2

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow


def reap(here: Setting, **arguments: Any) -> dict[str, str]:
    """Id -> outcome."""
    forges = {"forge": here.forge, "job_forge": here.forge}
    rows = reaped(repository=RUN.repository, cloud_for=here.cloud_for, clock=here.clock, **{**forges, **arguments})
    return {row.id: row.outcome for row in rows}


def test_an_instance_past_its_lease_is_terminated_and_its_runner_removed(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7200 + 1
    assert reap(here) == {launched.instance_id: "terminated", str(launched.runner_id): "removed"}
    assert (ec2.alive(), here.forge.runners()) == ([], [])
    tags = {tag["Key"]: tag["Value"] for tag in ec2.instances()[0]["Tags"]}
    assert tags["cmlkit:reaping"] == str(int(here.clock.time - PAUSE_SECONDS))


def test_a_signal_ends_the_reaper_between_its_looks_and_the_next_one_goes_on(here: Setting, ec2: Ec2) -> None:
    here.launch()
    here.clock.time += 7200 + 1
    here.clock.when_slept = lambda: signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        reap(here)
    assert len(ec2.alive()) == 1
    here.clock.when_slept = lambda: None
    reap(here)
    assert (ec2.alive(), here.forge.runners()) == ([], [])


def test_within_its_lease_nothing_happens(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7000
    assert reap(here) == {}
    assert ec2.alive() == [launched.instance_id]
    assert here.clock.slept == []


def test_a_busy_runner_is_never_ended(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.forge.become_busy(launched.runner_id)
    here.clock.time += 100_000
    assert reap(here) == {launched.instance_id: "kept: it is busy"}
    assert ec2.alive() == [launched.instance_id]


def test_a_runner_that_gets_a_job_between_the_looks_is_kept(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7201
    here.clock.when_slept = lambda: here.forge.become_busy(launched.runner_id)
    assert reap(here) == {launched.instance_id: "kept: it is busy"}
    assert ec2.alive() == [launched.instance_id]


def test_a_runner_that_works_is_kept_though_github_lists_it_as_idle(here: Setting, ec2: Ec2) -> None:
    # https://github.com/actions/runner/issues/4422
    launched = here.launch()
    here.forge.jobs_by_run[RUN.run_id] = [Job(runner_name=launched.runner_name, is_over=False)]
    here.clock.time += 100_000
    assert reap(here) == {launched.instance_id: "kept: it is busy"}
    assert ec2.alive() == [launched.instance_id]
    here.forge.jobs_by_run[RUN.run_id] = [Job(runner_name=launched.runner_name, is_over=True)]
    assert reap(here)[launched.instance_id] == "terminated"


def test_a_busy_runner_of_another_scope_is_kept_for_the_reaper_of_that_scope(here: Setting, ec2: Ec2) -> None:
    here.forge.runner_owner = "octo"
    launched = here.launch()
    others = FakeForge(runner_owner="octo/random-forest")
    here.clock.time += 7201
    assert reap(here, forge=others) == {launched.instance_id: "kept: its runners are listed by octo"}
    assert ec2.alive() == [launched.instance_id]
    here.clock.time += SURELY_OVER_SECONDS
    assert reap(here, forge=others) == {launched.instance_id: "terminated"}


def test_an_instance_of_an_older_version_is_judged_by_the_jobs_of_its_run(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    ec2.client().delete_tags(Resources=[launched.instance_id], Tags=[{"Key": "cmlkit:scope"}])
    here.forge.runners_by_id.clear()
    here.forge.may_read_jobs = False
    here.clock.time += 7201
    kept = "kept: the jobs of its run 7700 cannot be read (`actions: read`)"
    assert reap(here) == {launched.instance_id: kept}
    here.forge.may_read_jobs = True
    here.forge.jobs_by_run[RUN.run_id] = [Job(runner_name=launched.runner_name, is_over=False)]
    assert reap(here) == {launched.instance_id: "kept: it is busy"}
    here.forge.jobs_by_run[RUN.run_id] = [Job(runner_name="another", is_over=False)]
    assert reap(here) == {launched.instance_id: "terminated"}


def test_the_console_of_an_instance_speaks_for_it_if_github_does_not(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.forge.runners_by_id.clear()
    here.forge.may_read_jobs = False
    here.clock.time += 7201
    ec2.console = "cmlkit: stage=runner uptime=40.00\ncmlkit: a job came\n"
    assert reap(here) == {launched.instance_id: "kept: its console shows a job that the forge does not list"}
    ec2.console += "cmlkit: stage=power-off uptime=90.00\ncmlkit: powering off: the runner ended with status 0\n"
    assert reap(here) == {launched.instance_id: "terminated"}


def test_a_lease_that_is_prolonged_between_the_looks_is_kept(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7201

    def prolong() -> None:
        here.cloud_for("").tag([launched.instance_id], {"cmlkit:expires": str(int(here.clock.time + 3600))})

    here.clock.when_slept = prolong
    assert reap(here)[launched.instance_id] == "kept: its lease is not over any more"
    assert ec2.alive() == [launched.instance_id]


def test_a_dry_run_says_what_would_go_and_touches_nothing(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7201
    assert reap(here, dry_run=True) == {launched.instance_id: "would go", str(launched.runner_id): "would go"}
    assert ec2.alive() == [launched.instance_id]
    assert len(here.forge.runners()) == 1
    assert "CreateTags" not in ec2.actions


def test_what_is_not_ours_is_never_touched(here: Setting, ec2: Ec2) -> None:
    def foreign(tags: dict[str, str]) -> str:
        specification = {
            "ResourceType": "instance",
            "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
        }
        reservation = ec2.client().run_instances(
            ImageId=ec2.images["x86_64"], MinCount=1, MaxCount=1, TagSpecifications=[specification]
        )
        return str(reservation["Instances"][0]["InstanceId"])

    ours = {"cmlkit:run": "1", "cmlkit:repository": RUN.repository, "cmlkit:expires": "1"}
    kept = [
        foreign({"Name": "web"}),
        foreign({**ours, "cmlkit:repository": "octo/other"}),
        foreign({name: value for name, value in ours.items() if name != "cmlkit:run"}),
        foreign({name: value for name, value in ours.items() if name != "cmlkit:expires"}),
        foreign({**ours, "cmlkit:expires": "tomorrow"}),
    ]
    here.forge.create_jit_runner(name="someone-elses", labels=["self-hosted"])
    assert reap(here) == {}
    assert sorted(ec2.alive()) == sorted(kept)
    assert not {"CreateTags", "DeleteTags", "TerminateInstances"} & set(ec2.actions)
    assert len(here.forge.runners()) == 1


def test_a_leftover_runner_without_an_instance_is_removed_once_its_lease_is_over(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None
    expires = int(here.clock.time) + 7200
    leftover = here.forge.create_jit_runner(name=f"cmlkit-5-1-1-{expires:08x}-abcdef", labels=["cmlkit-5-1"]).runner
    assert reap(here) == {}
    here.clock.time += 7201
    assert reap(here) == {str(leftover.id): "removed"}


def test_a_leftover_runner_stays_while_its_instance_may_be_in_a_region_that_is_not_searched(
    here: Setting, ec2: Ec2
) -> None:
    here.forge.polls_until_online = None
    name = f"cmlkit-5-1-1-{int(here.clock.time):08x}-abcdef"
    labels = ["cmlkit-5-1", *region_labels(["eu-west-1", "eu-central-1"])]
    leftover = here.forge.create_jit_runner(name=name, labels=labels).runner
    here.clock.time += 1
    assert reap(here) == {str(leftover.id): "kept: its instance may be in eu-central-1"}
    assert reap(here, regions=("eu-west-1", "eu-central-1")) == {str(leftover.id): "removed"}


def test_a_runner_whose_instance_was_found_is_removed_whatever_other_regions_its_launch_could_use(
    here: Setting, ec2: Ec2
) -> None:
    launched = here.launch(region=("eu-west-1", "eu-central-1"))
    here.forge.polls_until_online = None
    here.forge.runners_by_id[launched.runner_id] = replace(
        here.forge.runners_by_id[launched.runner_id], status="offline"
    )
    here.clock.time += 10_000
    assert reap(here) == {launched.instance_id: "terminated", str(launched.runner_id): "removed"}


@pytest.mark.parametrize("look", ["first", "second"])
def test_nothing_is_ended_when_the_forge_cannot_say_what_is_busy(here: Setting, ec2: Ec2, look: str) -> None:
    launched = here.launch()
    here.clock.time += 7201

    def fail() -> None:
        raise ServiceError("GitHub is down.")

    def fail_from_now_on() -> None:
        here.forge.when_listed = fail

    if look == "first":
        fail_from_now_on()
    else:
        here.clock.when_slept = fail_from_now_on
    with pytest.raises(ServiceError):
        reap(here)
    assert ec2.alive() == [launched.instance_id]


def test_one_that_cannot_be_terminated_does_not_keep_the_others(here: Setting, ec2: Ec2) -> None:
    first, second = here.launch(), here.launch(labels=("gpu",))
    here.clock.time += 7201
    ec2.fail("TerminateInstances", "OperationNotPermitted", where={"InstanceId.1": first.instance_id})
    outcomes = reap(here)
    assert outcomes[first.instance_id] == "failed"
    assert outcomes[second.instance_id] == "terminated"
    assert ec2.alive() == [first.instance_id]


def leave_volume(ec2: Ec2, tags: dict[str, str]) -> str:
    """A volume that no instance has, as after somebody detached it."""
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    made = ec2.client().create_volume(
        AvailabilityZone="eu-west-1a", Size=30, TagSpecifications=[{"ResourceType": "volume", "Tags": listed}]
    )
    return str(made["VolumeId"])


def test_a_volume_that_outlived_its_instance_is_told_of_and_kept(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    # What RunInstances tags them with.
    [attached] = ec2.client().describe_volumes()["Volumes"]
    tags = {tag["Key"]: tag["Value"] for tag in attached["Tags"]}
    here.stop()
    left = leave_volume(ec2, tags)
    leave_volume(ec2, {**tags, "cmlkit:repository": "octo/other"})
    leave_volume(ec2, {"Name": "mine"})
    assert reap(here) == {}
    here.clock.time += 7201
    said = Said()
    assert reap(here, progress=said) == {left: "kept: it may hold data"}
    [warning] = said.warnings
    assert f"The volume {left} (30 GiB in eu-west-1) outlived its instance" in warning
    assert warning.endswith(f"aws ec2 delete-volume --region eu-west-1 --volume-id {left}")
    assert tags["Name"] == launched.runner_name
    assert len(ec2.client().describe_volumes()["Volumes"]) == 3


def test_a_role_that_may_not_list_volumes_reaps_all_the_same(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7201
    ec2.fail("DescribeVolumes", "UnauthorizedOperation", message="no", status=403)
    said = Said()
    assert reap(here, progress=said)[launched.instance_id] == "terminated"
    assert "Whether ended instances left volumes in eu-west-1 cannot be told" in said.notes[0]


def test_its_schedule_goes_with_it(here: Setting, ec2: Ec2) -> None:
    launched = here.launch(stop_schedule_role="arn:aws:iam::123456789012:role/x")
    scheduler = ec2.client("scheduler")
    assert [schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]] == [launched.runner_name]
    here.clock.time += 7201
    reap(here)
    assert scheduler.list_schedules()["Schedules"] == []
