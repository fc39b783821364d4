"""A launch that does not succeed: capacity, lost answers, stalled boots, signals. Nothing of it stays behind."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

import pytest

from cmlkit.errors import CapacityError, FileError, Interrupted, PermissionDenied, ServiceError, WaitTimeout
from cmlkit.forges.runners import Runner
from cmlkit.forges.workflows import Job
from cmlkit.process import ENDING_SIGNALS
from cmlkit.runner.launch import launch_runner
from cmlkit.settings.schema import RunnerSpec
from tests.integration.aws.conftest import RUN, Setting
from tests.integration.aws.ec2 import UBUNTU, Ec2, add_image

pytestmark = pytest.mark.slow

CONSOLE = """\
[    0.000000] Linux version 6.8.0-aws
cmlkit: stage=lifetime-timer uptime=9.11
cmlkit: stage=user uptime=9.30
::error::not a command of ours
cmlkit: stage=runner-files uptime=9.42
"""


def nothing_is_left(here: Setting, ec2: Ec2) -> bool:
    return ec2.alive() == [] and here.forge.runners_by_id == {}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), FileError("It is full.")])
def test_a_result_that_cannot_be_told_leaves_no_instance_that_nobody_knows(
    here: Setting, ec2: Ec2, error: Exception
) -> None:
    def tell(launched: object) -> None:
        raise error

    with pytest.raises(FileError, match="Terminated i-"):
        here.launch(tell=tell)
    assert nothing_is_left(here, ec2)


def test_an_instance_that_is_known_goes_even_if_none_can_be_listed(here: Setting, ec2: Ec2) -> None:
    def tell(launched: object) -> None:
        ec2.fail("DescribeInstances", "UnauthorizedOperation")
        raise FileError("It is full.")

    with pytest.raises(FileError, match=r"Terminated i-"):
        here.launch(tell=tell)
    ec2.faults.clear()
    assert ec2.alive() == []


def test_a_reader_that_has_seen_enough_of_the_result_ends_no_instance(here: Setting, ec2: Ec2) -> None:
    def tell(launched: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        here.launch(tell=tell)
    assert len(ec2.alive()) == 1


def test_without_spot_capacity_anywhere_it_is_on_demand(here: Setting, ec2: Ec2) -> None:
    ec2.fail(
        "RunInstances", "InsufficientInstanceCapacity", status=500, where={"InstanceMarketOptions.MarketType": "spot"}
    )
    launched = here.launch()
    assert launched.market == "on-demand"
    # Two types in three zones, each asked once: boto3 does not ask again in place, though EC2 answers 500.
    assert ec2.actions.count("RunInstances") == 7
    tokens = [asked["ClientToken"] for asked in ec2.called("RunInstances")]
    assert len(set(tokens)) == 7


def test_a_quota_that_is_used_up_closes_all_rungs_that_count_against_it(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "MaxSpotInstanceCountExceeded", where={"InstanceMarketOptions.MarketType": "spot"})
    assert here.launch().market == "on-demand"
    assert ec2.actions.count("RunInstances") == 2


def test_when_the_ladder_ends_a_table_says_what_was_tried(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "VcpuLimitExceeded", where={"InstanceType": "t3.medium"})
    ec2.fail("RunInstances", "InsufficientInstanceCapacity", status=500)
    with pytest.raises(CapacityError) as raised:
        here.launch(instance_type=("t3a.medium", "t3.medium"), market="on-demand")
    assert raised.value.exit_code == 4
    assert "t3a.medium on-demand in eu-west-1a" in raised.value.message
    assert "t3.medium on-demand in eu-west-1a" in raised.value.message
    assert raised.value.message.count("VcpuLimitExceeded") == 1
    assert raised.value.message.count("InsufficientInstanceCapacity") == 3
    assert "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A)" in raised.value.next_step
    assert nothing_is_left(here, ec2)


def test_a_throttled_launch_is_repeated_with_the_same_token(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "RequestLimitExceeded", status=503, times=2)
    here.launch()
    assert len({asked["ClientToken"] for asked in ec2.called("RunInstances")}) == 1
    assert len(ec2.alive()) == 1
    assert len(here.clock.slept) == 2


def test_a_fatal_error_is_not_tried_elsewhere(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "OptInRequired", status=401)
    with pytest.raises(PermissionDenied):
        here.launch()
    assert ec2.actions.count("RunInstances") == 1
    assert nothing_is_left(here, ec2)


def test_a_launch_whose_answer_is_lost_makes_one_instance(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", after=True, times=1)
    launched = here.launch()
    assert ec2.alive() == [launched.instance_id]
    assert len({asked["ClientToken"] for asked in ec2.called("RunInstances")}) == 1


def test_an_instance_that_nobody_was_told_of_is_found_and_terminated(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", after=True)
    with pytest.raises(ServiceError, match="is unknown"):
        here.launch()
    assert len(ec2.instances()) == 1
    assert nothing_is_left(here, ec2)


def test_a_boot_that_stalls_says_where_and_what_it_wrote(here: Setting, ec2: Ec2) -> None:
    ec2.console = CONSOLE
    here.forge.polls_until_online = None
    with pytest.raises(WaitTimeout) as raised:
        here.launch(wait_timeout=60.0)
    assert raised.value.exit_code == 5
    assert "has reached the step `runner-files`" in raised.value.message
    assert "  | cmlkit: stage=user uptime=9.30" in raised.value.message
    assert "\n::error::" not in raised.value.message
    assert "Terminated i-" in raised.value.message
    assert "no way out to the internet" in raised.value.next_step
    assert "blocks HTTPS to GitHub." in raised.value.next_step
    assert nothing_is_left(here, ec2)


def test_a_runner_that_stays_offline_after_its_boot_leads_to_what_the_forge_depends_on(here: Setting, ec2: Ec2) -> None:
    ec2.console = f"{CONSOLE}cmlkit: stage=runner uptime=12.08\n"
    here.forge.polls_until_online = None
    with pytest.raises(WaitTimeout) as raised:
        here.launch(wait_timeout=60.0)
    assert "A firewall blocks HTTPS to GitHub's Actions service." in raised.value.next_step
    assert "GitHub has an outage: https://www.githubstatus.com." in raised.value.next_step
    assert "Somebody removed the runner at GitHub." in raised.value.next_step


def test_an_instance_that_gave_a_reason_for_its_end_is_quoted(here: Setting, ec2: Ec2) -> None:
    refusal = "GitHub refuses the runner's version 2.321.0 as too old"
    ec2.console = f"{CONSOLE}cmlkit: stage=power-off uptime=14.00\ncmlkit: powering off: {refusal}\n"
    here.forge.polls_until_online = None
    here.forge.when_polled = lambda: ec2.end_all("Client.InstanceInitiatedShutdown")
    with pytest.raises(ServiceError) as raised:
        here.launch()
    assert f"Its boot script says: {refusal}." in raised.value.message
    assert nothing_is_left(here, ec2)


def test_an_instance_that_ends_before_its_runner_is_there_is_noticed(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None
    here.forge.when_polled = lambda: ec2.end_all("Client.UserInitiatedShutdown: User initiated shutdown")
    with pytest.raises(ServiceError, match=r"is terminated \(Client.UserInitiatedShutdown: User initiated shutdown\)"):
        here.launch()
    assert here.clock.slept == []
    assert nothing_is_left(here, ec2)


def test_a_spot_instance_that_is_taken_back_at_once_is_lack_of_capacity(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None
    reason = "Server.SpotInstanceTermination: Instance was terminated"
    here.forge.when_polled = lambda: ec2.end_all(reason)
    with pytest.raises(CapacityError, match="took i-"):
        here.launch()


def vanish(here: Setting, *, had_job: bool) -> None:
    """Let GitHub list the runners no more, after they got a job or because somebody removed them."""
    if had_job:
        names = [runner.name for runner in here.forge.runners_by_id.values()]
        here.forge.jobs_by_run.setdefault(RUN.run_id, []).extend(Job(runner_name=name, is_over=True) for name in names)
    here.forge.runners_by_id.clear()


def test_a_runner_that_came_and_had_its_job_already_is_no_failure(here: Setting, ec2: Ec2) -> None:
    here.forge.when_polled = lambda: vanish(here, had_job=True)
    assert here.launch().instance_id == ec2.alive()[0]


def test_a_job_that_was_over_before_the_first_look_is_no_failure(here: Setting, ec2: Ec2) -> None:
    def run_the_job() -> None:
        vanish(here, had_job=True)
        ec2.end_all("Client.InstanceInitiatedShutdown: Instance initiated shutdown")

    here.forge.when_polled = run_the_job
    assert here.launch().instance_id == ec2.instances()[0]["InstanceId"]


def test_a_runner_that_vanished_without_a_job_has_not_come(here: Setting, ec2: Ec2) -> None:
    here.forge.when_polled = lambda: vanish(here, had_job=False)
    with pytest.raises(WaitTimeout, match="GitHub does not list the runner any more, and shows no job of it"):
        here.launch(wait_timeout=60.0)
    assert nothing_is_left(here, ec2)


def test_an_instance_that_ended_with_a_runner_that_vanished_without_a_job_is_a_failure(here: Setting, ec2: Ec2) -> None:
    def end() -> None:
        vanish(here, had_job=False)
        ec2.end_all("Client.InstanceInitiatedShutdown: Instance initiated shutdown")

    ec2.console = f"{CONSOLE}cmlkit: stage=runner uptime=12.08\ncmlkit: powering off: the runner ended with status 1\n"
    here.forge.when_polled = end
    with pytest.raises(ServiceError, match="it ended at the boot step `runner` before its runner came online"):
        here.launch()


@pytest.mark.parametrize("may_read_jobs", [True, False])
@pytest.mark.parametrize("said", ["cmlkit: a job came", "2026-11-29 10:00:00Z: Listening for Jobs"])
def test_the_console_shows_a_runner_that_github_lists_as_offline(
    here: Setting, ec2: Ec2, said: str, may_read_jobs: bool
) -> None:
    here.forge.polls_until_online = None
    here.forge.may_read_jobs = may_read_jobs
    ec2.console = f"{CONSOLE}cmlkit: stage=runner uptime=12.08\n{said}\n"
    launched = here.launch()
    assert ec2.alive() == [launched.instance_id]
    assert launched.seconds < 60


def test_the_jobs_of_the_run_show_a_runner_that_github_lists_as_offline(here: Setting, ec2: Ec2) -> None:
    def take_a_job() -> None:
        names = [runner.name for runner in here.forge.runners_by_id.values()]
        here.forge.jobs_by_run[RUN.run_id] = [Job(runner_name=name, is_over=False) for name in names]

    here.forge.polls_until_online = None
    here.forge.when_polled = take_a_job
    launched = here.launch()
    assert ec2.alive() == [launched.instance_id]


def test_a_job_that_github_tells_nothing_of_was_done_if_the_instance_says_so(here: Setting, ec2: Ec2) -> None:
    def run_the_job() -> None:
        vanish(here, had_job=False)
        ec2.end_all("Client.InstanceInitiatedShutdown: Instance initiated shutdown")

    here.forge.may_read_jobs = False
    ec2.console = f"{CONSOLE}cmlkit: stage=runner uptime=12.08\ncmlkit: powering off: the runner ended with status 0\n"
    here.forge.when_polled = run_the_job
    assert here.launch().instance_id == ec2.instances()[0]["InstanceId"]


def test_a_runner_that_github_does_not_list_yet_has_not_come(here: Setting, ec2: Ec2) -> None:
    hidden: dict[int, Runner] = {}

    def hide_at_first() -> None:
        if here.clock.slept:
            here.forge.runners_by_id.update(hidden)
        else:
            hidden.update(here.forge.runners_by_id)
            here.forge.runners_by_id.clear()

    here.forge.when_polled = hide_at_first
    launched = here.launch()
    assert here.forge.runners_by_id[launched.runner_id].status == "online"
    assert launched.seconds == 2.5


@pytest.mark.usefixtures("hang_ups")
@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_while_waiting_cleans_up_and_a_second_one_does_not_break_that(
    here: Setting, ec2: Ec2, number: signal.Signals
) -> None:
    before = [signal.getsignal(item) for item in ENDING_SIGNALS]
    here.forge.polls_until_online = None
    here.forge.when_polled = lambda: signal.raise_signal(number)
    here.forge.when_listed = lambda: signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted) as raised:
        here.launch()
    assert raised.value.exit_code == 130
    assert raised.value.message.startswith(f"Interrupted by {number.name}.\nTerminated i-")
    assert nothing_is_left(here, ec2)
    assert [signal.getsignal(item) for item in ENDING_SIGNALS] == before


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("action", ["DescribeImages", "CreateSecurityGroup", "RunInstances", "DescribeInstances"])
def test_a_signal_while_aws_is_at_work_leaves_nothing(here: Setting, ec2: Ec2, moment: str, action: str) -> None:
    def interrupt(called: str) -> None:
        if called == action and not here.forge.listed:
            os.kill(os.getpid(), signal.SIGTERM)

    here.forge.polls_until_online = 2
    setattr(ec2, moment, interrupt)
    with pytest.raises(Interrupted):
        here.launch()
    assert nothing_is_left(here, ec2)


def test_a_signal_in_a_look_at_an_instance_is_not_taken_for_a_lost_connection(here: Setting, ec2: Ec2) -> None:
    def interrupt(called: str) -> None:
        if called == "DescribeInstances" and not here.forge.listed:
            os.kill(os.getpid(), signal.SIGTERM)

    here.forge.polls_until_online = None
    ec2.after = interrupt
    with pytest.raises(Interrupted):
        here.launch()
    assert nothing_is_left(here, ec2)


def test_one_of_several_that_fails_takes_all_with_it(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "OptInRequired", times=1)
    with pytest.raises(PermissionDenied):
        here.launch_all(count=3)
    assert len(ec2.instances()) == 2
    assert nothing_is_left(here, ec2)


def test_partial_keeps_those_that_came(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "OptInRequired", times=1)
    launched = here.launch_all(count=3, partial=True)
    assert len(launched) == 2
    assert sorted(ec2.alive()) == sorted(item.instance_id for item in launched)
    assert {item.runner_id for item in launched} == set(here.forge.runners_by_id)


def test_partial_takes_back_those_that_did_not_come_online(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None

    def let_all_but_one_come_online() -> None:
        for runner_id in list(here.forge.runners_by_id)[1:]:
            here.forge.come_online(runner_id)

    here.forge.when_listed = let_all_but_one_come_online
    launched = here.launch_all(count=3, partial=True, wait_timeout=30.0)
    assert len(launched) == 2
    assert sorted(ec2.alive()) == sorted(item.instance_id for item in launched)


def test_a_failing_launch_leaves_other_launches_alone(here: Setting, ec2: Ec2) -> None:
    sibling = here.launch()
    ec2.client().run_instances(ImageId=ec2.images["x86_64"], MinCount=1, MaxCount=1)
    untouched = sorted(ec2.alive())
    here.forge.polls_until_online = None
    with pytest.raises(WaitTimeout):
        here.launch(wait_timeout=30.0, labels=("gpu",))
    assert sorted(ec2.alive()) == untouched
    assert list(here.forge.runners_by_id) == [sibling.runner_id]


def test_a_clean_up_that_fails_says_so_and_does_the_rest(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None
    ec2.fail("TerminateInstances", "UnauthorizedOperation", message="no", status=403)
    with pytest.raises(WaitTimeout) as raised:
        here.launch(wait_timeout=30.0)
    assert "Not cleaned up: AWS did not terminate i-" in raised.value.message
    assert here.forge.runners_by_id == {}


def test_an_instance_that_ec2_does_not_know_yet_is_terminated_all_the_same(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = None
    ec2.fail("TerminateInstances", "InvalidInstanceID.NotFound", times=2)
    with pytest.raises(WaitTimeout):
        here.launch(wait_timeout=30.0)
    assert nothing_is_left(here, ec2)


def test_a_region_that_cannot_serve_is_left_out(here: Setting, ec2: Ec2) -> None:
    for subnet in ec2.client().describe_subnets()["Subnets"]:
        ec2.client().delete_subnet(SubnetId=subnet["SubnetId"])
    add_image(UBUNTU.format("amd64"), region="eu-central-1")
    assert here.launch(region=("eu-west-1", "eu-central-1")).region == "eu-central-1"


def test_the_context_manager_stops_what_it_launched(here: Setting, ec2: Ec2) -> None:
    with launch_runner(
        RunnerSpec(), workflow_run=here.workflow_run, forge=here.forge, cloud_for=here.cloud_for, clock=here.clock
    ) as launched:
        assert ec2.alive() == [launched.instance_id]
    assert nothing_is_left(here, ec2)


@pytest.mark.parametrize("end", [lambda: signal.raise_signal(signal.SIGTERM), lambda: 1 / 0])
def test_the_context_manager_stops_it_on_errors_and_signals(here: Setting, ec2: Ec2, end: Callable[[], object]) -> None:
    with (
        pytest.raises((Interrupted, ZeroDivisionError)),
        launch_runner(
            RunnerSpec(), workflow_run=here.workflow_run, forge=here.forge, cloud_for=here.cloud_for, clock=here.clock
        ),
    ):
        end()
    assert nothing_is_left(here, ec2)


def test_a_forge_that_refuses_is_not_asked_to_clean_up(here: Setting, ec2: Ec2) -> None:
    def refuse() -> None:
        raise PermissionDenied("GitHub did not register the runner.")

    here.forge.when_created = here.forge.when_listed = refuse
    with pytest.raises(PermissionDenied) as raised:
        here.launch()
    assert raised.value.message == "GitHub did not register the runner."
    assert "DescribeInstances" not in ec2.actions


def test_a_ladder_that_takes_too_long_is_left(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "RequestLimitExceeded", status=503)
    with pytest.raises(WaitTimeout, match="within 20 s"):
        here.launch(wait_timeout=20.0)
    assert nothing_is_left(here, ec2)
