"""Reaping: what has outlived its lease goes; what is busy, in time, or not ours stays."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from cmlkit.errors import Interrupted, ServiceError
from cmlkit.runner.reaping import reap as reaped
from tests.integration.aws.conftest import RUN, Setting
from tests.integration.aws.ec2 import Ec2


def reap(here: Setting, **arguments: Any) -> dict[str, str]:
    """Id -> outcome."""
    rows = reaped(repository=RUN.repository, forge=here.forge, cloud_for=here.cloud_for, clock=here.clock, **arguments)
    return {row.id: row.outcome for row in rows}


def test_an_instance_past_its_lease_is_terminated_and_its_runner_removed(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7200 + 1
    assert reap(here) == {launched.instance_id: "terminated", str(launched.runner_id): "removed"}
    assert (ec2.alive(), here.forge.runners()) == ([], [])
    tags = {tag["Key"]: tag["Value"] for tag in ec2.instances()[0]["Tags"]}
    assert tags["cmlkit:reaping"] == str(int(here.clock.time - 15))


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
    assert len(here.forge.runners()) == 1


def test_a_leftover_runner_without_an_instance_is_removed_once_its_lease_is_over(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None
    expires = int(here.clock.time) + 7200
    leftover = here.forge.create_jit_runner(name=f"cmlkit-5-1-1-{expires:08x}-abcdef", labels=["cmlkit-5-1"]).runner
    assert reap(here) == {}
    here.clock.time += 7201
    assert reap(here) == {str(leftover.id): "removed"}


def test_nothing_is_ended_when_the_forge_cannot_say_what_is_busy(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.clock.time += 7201

    def fail() -> None:
        raise ServiceError("GitHub is down.")

    here.forge.when_listed = fail
    with pytest.raises(ServiceError):
        reap(here)
    assert ec2.alive() == [launched.instance_id]


def test_one_that_cannot_be_terminated_does_not_keep_the_others(here: Setting, ec2: Ec2) -> None:
    first, second = here.launch(), here.launch()
    here.clock.time += 7201
    ec2.fail("TerminateInstances", "OperationNotPermitted", where={"InstanceId.1": first.instance_id})
    outcomes = reap(here)
    assert outcomes[first.instance_id] == "failed"
    assert outcomes[second.instance_id] == "terminated"
    assert ec2.alive() == [first.instance_id]


def test_its_schedule_goes_with_it(here: Setting, ec2: Ec2) -> None:
    here.launch(stop_schedule_role="arn:aws:iam::123456789012:role/x")
    here.clock.time += 7201
    reap(here)
    assert ec2.client("scheduler").list_schedules()["Schedules"] == []
