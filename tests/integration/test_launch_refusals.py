"""Launches in an account that refuses them as EC2 does: the sandbox's AWS, and a forge that has runners only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from cmlkit.clouds.aws import AwsCloud, regions
from cmlkit.errors import CapacityError, PermissionDenied, SettingsError
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.charges import Charges, charges
from cmlkit.runner.ladder import SETTLING_PAUSES_SECONDS
from cmlkit.runner.launch import Launched, launch_all
from cmlkit.runner.preview import preview
from cmlkit.runner.stopping import stop
from cmlkit.settings.schema import RunnerSpec
from cmlkit_sandbox.aws import AwsServer, Call
from tests.fake_forge import FakeForge, FastClock
from tests.integration.aws_client import until

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow

RUN = WorkflowRun(repository="octo/random-forest", run_id="7700", attempt=1)


@dataclass(kw_only=True)
class Account:
    """An account, and launches in it."""

    aws: AwsServer
    forge: FakeForge
    clock: FastClock
    cloud_for: Callable[[str], AwsCloud]

    def launch(self, **settings: Any) -> Launched:
        spec = RunnerSpec(**settings)
        return launch_all(spec, workflow_run=RUN, forge=self.forge, cloud_for=self.cloud_for, clock=self.clock)[0]

    @property
    def launches(self) -> int:
        return self.aws.actions.count("RunInstances")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with AwsServer(tmp_path / "machines", boot=False, pending_seconds=0) as aws:
        for name, value in aws.environ().items():
            monkeypatch.setenv(name, value)
        aws.settling.launches = 0
        yield Account(aws=aws, forge=FakeForge(), clock=FastClock(), cloud_for=regions())


def test_on_the_free_plan_the_eligible_type_in_the_list_is_launched(account: Account) -> None:
    account.aws.quotas.is_free_plan = True
    assert account.launch(instance_type=("t3.medium", "t3a.medium", "t3.small")).instance_type == "t3.small"


def test_on_the_free_plan_the_defaults_are_refused_with_the_eligible_types_by_name(account: Account) -> None:
    account.aws.quotas.is_free_plan = True
    with pytest.raises(SettingsError) as raised:
        account.launch()
    assert "The specified instance type is not eligible for Free Tier" in raised.value.message
    assert "c7i-flex.large, m7i-flex.large" in raised.value.next_step
    # Once for each type, not in each zone and market.
    assert account.launches == len(RunnerSpec().instance_type)
    assert account.forge.runners() == []


@pytest.mark.parametrize("code", ["VolumeTypeNotAvailableInZone", "ReservationCapacityExceeded", "NobodyKnowsThis"])
def test_a_refusal_of_one_zone_leads_to_the_next(account: Account, code: str) -> None:
    account.aws.fail("RunInstances", code)
    assert account.launch(instance_type=("t3.medium",)).market == "spot"
    assert account.launches == 2


def test_a_policy_that_denies_spot_leads_to_on_demand(account: Account) -> None:
    message = (
        "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/sandbox is not"
        " authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-west-1:123456789012:instance/* with an"
        " explicit deny in a service control policy"
    )
    account.aws.fail("RunInstances", "UnauthorizedOperation", message=message, market="spot", times=99)
    assert account.launch().market == "on-demand"


def test_a_policy_that_denies_everything_is_a_matter_of_permissions(account: Account) -> None:
    account.aws.deny("ec2:RunInstances")
    with pytest.raises(PermissionDenied, match="RunInstances") as raised:
        account.launch()
    assert "Give the user or role the permission ec2:RunInstances" in raised.value.next_step
    assert raised.value.next_step.count("\n") == 0


def test_a_very_first_launch_waits_until_its_new_security_group_is_known(account: Account) -> None:
    account.aws.settling.launches = 1
    account.launch()
    assert account.clock.slept[0] == SETTLING_PAUSES_SECONDS[0]
    assert account.launches == 2
    assert [call.status for call in account.aws.calls if call.action == "RunInstances"] == [400, 200]


def test_a_subnet_that_was_just_made_is_waited_for_while_it_is_not_listed(account: Account) -> None:
    account.aws.settling.launches = 2
    client = boto3.client("ec2")
    network = client.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = client.create_subnet(VpcId=network, CidrBlock="172.31.240.0/24")["Subnet"]["SubnetId"]
    launched = account.launch(subnet=(subnet,))
    assert account.clock.slept[:2] == list(SETTLING_PAUSES_SECONDS[:2])
    assert [instance.id for instance in account.aws.instances()] == [launched.instance_id]


def test_an_image_that_was_just_made_is_waited_for(account: Account) -> None:
    source = account.launch().instance_id
    account.clock.slept.clear()
    account.aws.settling.launches = 2
    account.launch(image=boto3.client("ec2").create_image(Name="ours", InstanceId=source)["ImageId"])
    assert account.clock.slept[:2] == list(SETTLING_PAUSES_SECONDS[:2])


@pytest.mark.parametrize(
    ("setting", "value"), [("subnet", ("subnet-0123456789abcdef0",)), ("image", "ami-0123456789abcdef0")]
)
def test_an_id_that_never_comes_is_an_error_after_half_a_minute(account: Account, setting: str, value: Any) -> None:
    with pytest.raises(SettingsError, match="0123456789abcdef0") as raised:
        account.launch(**{setting: value})
    assert sum(account.clock.slept) == 30
    assert f"Check `{setting}`" in raised.value.next_step
    assert account.forge.runners() == []


def test_a_role_that_was_just_made_is_waited_for_and_its_instance_is_the_only_one(account: Account) -> None:
    # As people report: https://github.com/aws/aws-sdk-js-v3/issues/6494
    account.aws.settling.launches = 1
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = boto3.client("iam").create_role(RoleName="terminator", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    launched = account.launch(stop_schedule_role=role)
    assert [call.status for call in account.aws.calls if call.action == "CreateSchedule"] == [400, 200]
    assert [instance.id for instance in account.aws.instances()] == [launched.instance_id]


def test_a_role_that_the_scheduler_may_never_assume_is_an_error_and_leaves_no_instance(account: Account) -> None:
    said = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
    account.aws.fail("CreateSchedule", "ValidationException", message=said, times=99)
    with pytest.raises(SettingsError, match="to assume the role") as raised:
        account.launch(stop_schedule_role="arn:aws:iam::123456789012:role/terminator")
    assert sum(account.clock.slept[:5]) == 30
    assert "Check `stop-schedule-role`" in raised.value.next_step
    [instance] = account.aws.instances()
    assert instance.state in ("shutting-down", "terminated")


def test_a_security_group_that_does_not_exist_is_waited_for_once_and_not_on_each_rung(account: Account) -> None:
    account.aws.fail("RunInstances", "InvalidGroup.NotFound", times=99)
    with pytest.raises(SettingsError) as raised:
        account.launch(security_group=("sg-0123456789abcdef0",))
    assert sum(account.clock.slept) == sum(SETTLING_PAUSES_SECONDS) == 30
    assert "Check `security-group`" in raised.value.next_step


def test_zones_that_are_full_now_are_tried_again_until_one_has_room(account: Account) -> None:
    account.aws.fail("RunInstances", "InsufficientInstanceCapacity", times=30)
    launched = account.launch(capacity_timeout=600.0)
    assert launched.instance_id == account.aws.instances()[0].id
    # Twelve options a climb: two are in vain, and the pauses between them grow.
    assert account.launches == 31
    first, second = account.clock.slept[:2]
    assert 10 < first < second


def test_the_requests_of_a_search_for_capacity_take_nothing_from_the_time_for_the_runner(account: Account) -> None:
    # EC2 takes a second or two for each, and slows launches down that come too fast; a search may last for hours.
    def take_time(call: Call) -> None:
        account.clock.sleep(20.0)

    account.aws.fail("RunInstances", "InsufficientInstanceCapacity", before=take_time, times=60)
    assert account.launch(capacity_timeout=7200.0, wait_timeout=300.0).market == "spot"
    assert account.launches == 61


def test_without_a_capacity_timeout_full_zones_are_an_error_at_once(account: Account) -> None:
    account.aws.fail("RunInstances", "InsufficientInstanceCapacity", times=99)
    with pytest.raises(CapacityError):
        account.launch()
    assert account.clock.slept == []


def test_a_capacity_timeout_ends_and_is_not_for_what_settings_close(account: Account) -> None:
    account.aws.fail("RunInstances", "VcpuLimitExceeded", market="on-demand", times=99)
    account.aws.fail("RunInstances", "InsufficientInstanceCapacity", market="spot", times=999)
    began = account.clock.now()
    with pytest.raises(CapacityError):
        account.launch(capacity_timeout=60.0)
    assert account.clock.now() - began == pytest.approx(60.0)
    tried = [call.market for call in account.aws.calls if call.action == "RunInstances"]
    assert tried.count("on-demand") == 1


def forget_dry_run(call: Call) -> None:
    """Let a call be what a server takes it for that knows no dry runs."""
    call.parameters = {name: value for name, value in call.parameters.items() if name != "DryRun"}
    call.body = call.body.replace(b"&DryRun=true", b"")


def test_a_dry_run_that_launches_is_ended_and_told(account: Account) -> None:
    account.aws.fail("RunInstances", before=forget_dry_run, times=99)
    cloud = account.cloud_for("")
    shown = preview(RunnerSpec(), workflow_run=RUN, cloud_for=lambda region: cloud)
    assert shown.refusal is not None
    assert "AWS carried out a dry run: it launched i-" in shown.refusal.message
    assert {instance.state for instance in account.aws.instances()} <= {"shutting-down", "terminated"}


OWN_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def bring_online(account: Account) -> None:
    """Let the runner come online once an instance runs on demand."""
    if any(instance.market == "on-demand" and instance.state == "running" for instance in account.aws.instances()):
        for runner in account.forge.runners_by_id:
            account.forge.come_online(runner)


def test_a_key_that_the_spot_service_may_not_use_leads_to_on_demand(account: Account) -> None:
    # The instance is accepted, and ends: https://repost.aws/knowledge-center/kms-iam-ec2-permission
    account.aws.keys.own = OWN_KEY
    account.forge.polls_until_online = None
    account.forge.when_polled = lambda: bring_online(account)
    launched = account.launch()
    assert launched.market == "on-demand"
    markets = [(instance.market, instance.state) for instance in account.aws.instances()]
    assert markets == [("spot", "terminated"), ("on-demand", "running")]
    assert account.forge.created == 1


def test_a_key_that_the_launching_role_may_not_use_is_explained_as_such(account: Account) -> None:
    account.aws.keys.own = OWN_KEY
    account.aws.deny("kms:CreateGrant")
    account.forge.polls_until_online = None
    with pytest.raises(PermissionDenied, match=r"spot .*: Client.InternalError \(Client error on launch\)") as raised:
        account.launch()
    assert "on-demand in eu-west-1" in raised.value.message
    assert "the role AWSServiceRoleForEC2Spot, which needs a grant" in raised.value.next_step
    assert {instance.state for instance in account.aws.instances()} == {"terminated"}
    assert account.forge.runners() == []


def test_with_its_grant_the_spot_service_uses_an_own_key(account: Account) -> None:
    account.aws.keys.own = OWN_KEY
    account.aws.keys.has_spot_grant = True
    assert account.launch().market == "spot"


def charged(account: Account, *, seconds: float) -> Charges:
    """What the launched instances cost if they end so long after the launch."""
    cloud = account.cloud_for("")
    found = cloud.instances(tags={"cmlkit:run": RUN.run_id})
    return charges(
        [replace(item, ended=item.launched + seconds) for item in found], cloud_for=account.cloud_for, now=0.0
    )


def test_a_spot_instance_costs_what_the_prices_of_its_life_come_to(account: Account) -> None:
    launched = account.launch(market="spot")
    [instance] = account.aws.instances()
    price = launched.price
    assert price is not None
    account.aws.spot_changes = [(int(instance.launched) + 1800, 3.0)]
    found = charged(account, seconds=3600)
    assert found.usd == pytest.approx(2 * price, rel=0.01)  # half the hour at once, half at three times the price
    assert str(found).endswith("for 1 instance, without disk, address and data")


def test_an_instance_on_demand_costs_its_list_price_for_each_second(account: Account) -> None:
    price = account.launch(market="on-demand").price
    assert price is not None
    assert charged(account, seconds=1800).usd == pytest.approx(price / 2)


@pytest.mark.parametrize(("minutes", "is_waived"), [(50, True), (70, False)])
def test_the_first_hour_is_free_if_aws_interrupts_it(account: Account, minutes: int, is_waived: bool) -> None:
    """As in https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-for-interrupted-spot-instances.html."""
    account.launch(market="spot")
    [instance] = account.aws.instances()
    account.aws.interrupt(instance.id, seconds=0)
    until(lambda: account.aws.instance(instance.id).state == "terminated")
    found = charged(account, seconds=60 * minutes)
    assert (found.usd == 0) is is_waived
    assert ("1 instance interrupted in the first hour, and not charged" in str(found)) is is_waived


def test_a_charge_that_cannot_be_asked_for_is_unknown(account: Account) -> None:
    account.launch(market="spot")
    account.aws.deny("ec2:DescribeSpotPriceHistory")
    found = charged(account, seconds=60)
    assert (found.usd, len(found.unknown)) == (None, 1)


def test_a_region_that_the_account_has_not_enabled_says_so(account: Account) -> None:
    with pytest.raises(PermissionDenied, match="me-central-1 is not enabled in this AWS account") as raised:
        account.launch(region=("me-central-1",))
    assert "aws account enable-region --region-name me-central-1" in raised.value.next_step


def test_the_owner_of_the_credentials_is_asked_for_in_a_region_that_is_not_enabled(account: Account) -> None:
    # The doctor's first question. STS there answers as to wrong credentials, which they are not.
    with pytest.raises(PermissionDenied, match="me-central-1 is not enabled in this AWS account"):
        account.cloud_for("me-central-1").identity()
    assert account.cloud_for("").identity().account


def test_a_security_group_carries_the_tags_of_the_settings(account: Account) -> None:
    account.launch(tags={"team": "ml"})
    [made] = [call for call in account.aws.calls if call.action == "CreateSecurityGroup"]
    assert made.tags("security-group") == {"team": "ml", "cmlkit:security-group": "closed"}
    [launched] = [call for call in account.aws.calls if call.action == "RunInstances"]
    assert launched.tags("volume")["team"] == "ml"


def test_a_tag_policy_names_the_setting(account: Account) -> None:
    message = "The tag policy does not allow the specified value for the following tag key: 'Project'."
    account.aws.fail("RunInstances", "TagPolicyViolation", message=message, times=99)
    with pytest.raises(SettingsError, match="'Project'") as raised:
        account.launch()
    assert "Check `tags`" in raised.value.next_step
    # It may be about spot requests alone, and is about no type and zone.
    assert account.launches == 2


def test_a_stop_in_another_region_ends_the_instance_where_it_is(account: Account) -> None:
    launched = account.launch(region=("eu-central-1",))
    removed = stop(workflow_run=RUN, forge=account.forge, cloud_for=account.cloud_for, clock=account.clock)
    assert (removed.instances, removed.regions) == ((launched.instance_id,), ("eu-west-1", "eu-central-1"))
