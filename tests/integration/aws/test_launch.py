"""A launch: what it asks AWS for, and that a runner comes of it."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Mapping

import pytest

from cmlkit.errors import PermissionDenied, SettingsError
from cmlkit.runner.launch import launch_all
from cmlkit.settings.schema import RunnerSpec
from tests.integration.aws.conftest import Setting
from tests.integration.aws.ec2 import DEEP_LEARNING, REGION, Ec2, add_image
from tests.integration.project import RecordedProgress

# More than user data takes, even compressed.
LONG = base64.b64encode(random.Random(0).randbytes(30_000)).decode()


def boot_script(asked: Mapping[str, str]) -> str:
    """The script in the user data of a request."""
    return gzip.decompress(base64.b64decode(asked["UserData"])).decode()


def test_a_launch_returns_once_its_runner_is_online(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = 3
    launched = here.launch()
    assert ec2.alive() == [launched.instance_id]
    assert here.forge.runners_by_id[launched.runner_id].status == "online"
    assert (launched.region, launched.market, launched.instance_type) == (REGION, "spot", "t3.medium")
    assert launched.seconds == 5.0


def test_the_runner_has_the_runs_own_label_and_the_extra_ones(here: Setting, ec2: Ec2) -> None:
    launched = here.launch(labels=("gpu",))
    labels = here.forge.runners_by_id[launched.runner_id].labels
    assert launched.label == "cmlkit-7700-1"
    assert {"self-hosted", "cmlkit-7700-1", "gpu"} <= set(labels)


def test_tags_and_expiry_ride_inside_run_instances(here: Setting, ec2: Ec2) -> None:
    started = here.clock.now()
    launched = here.launch(max_lifetime=1800.0, tags={"team": "ml", "cost-center": 7})
    assert "CreateTags" not in ec2.actions
    tags = {tag["Key"]: tag["Value"] for tag in ec2.instances()[0]["Tags"]}
    assert tags == {
        "Name": launched.runner_name,
        "cmlkit:run": "7700",
        "cmlkit:attempt": "1",
        "cmlkit:repository": "octo/random-forest",
        "cmlkit:label": "cmlkit-7700-1",
        "cmlkit:runner-id": str(launched.runner_id),
        "cmlkit:scope": "octo/random-forest",
        "cmlkit:expires": str(int(started + 1800)),
        "team": "ml",
        "cost-center": "7",
    }


def test_the_instance_can_only_be_what_it_should_be(here: Setting, ec2: Ec2) -> None:
    ec2.client("iam").create_instance_profile(InstanceProfileName="training")
    here.launch(disk_size=50, iam_instance_profile="arn:aws:iam::123456789012:instance-profile/training")
    [asked] = ec2.called("RunInstances")
    assert asked["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert asked["MetadataOptions.HttpTokens"] == "required"
    assert asked["BlockDeviceMapping.1.DeviceName"] == "/dev/sda1"
    assert asked["BlockDeviceMapping.1.Ebs.Encrypted"] == "true"
    assert asked["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
    assert asked["BlockDeviceMapping.1.Ebs.VolumeSize"] == "50"
    assert asked["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert asked["IamInstanceProfile.Arn"].endswith("/training")
    assert "KeyName" not in asked


def test_on_demand_asks_for_no_spot_request(here: Setting, ec2: Ec2) -> None:
    assert here.launch(market="on-demand").market == "on-demand"
    [asked] = ec2.called("RunInstances")
    assert not [name for name in asked if name.startswith("InstanceMarketOptions")]
    assert "spot-instances-request" not in asked.values()


def test_user_data_is_the_boot_script_with_the_jit_config_and_no_key(here: Setting, ec2: Ec2) -> None:
    here.launch(startup_script="echo from the user")
    [asked] = ec2.called("RunInstances")
    script = boot_script(asked)
    assert script.startswith("#!/bin/bash\n")
    assert "CMLKIT_CREDENTIAL=aml0LWNvbmZpZw==" in script
    assert "echo from the user" in script
    assert "CMLKIT_INSTANCE_TYPE=t3.medium" in script
    assert "testing" not in script


def test_an_instance_has_a_role_only_if_a_profile_is_named(here: Setting, ec2: Ec2) -> None:
    here.launch()
    [asked] = ec2.called("RunInstances")
    assert [name for name in asked if name.startswith("IamInstanceProfile")] == []
    ec2.client("iam").create_instance_profile(InstanceProfileName="training")
    here.stop()
    here.launch(iam_instance_profile="training")
    assert ec2.called("RunInstances")[-1]["IamInstanceProfile.Name"] == "training"


def test_the_security_group_lets_nothing_in_and_is_made_once(here: Setting, ec2: Ec2) -> None:
    here.launch()
    here.launch(labels=("gpu",))
    [group] = [
        group
        for group in ec2.client().describe_security_groups()["SecurityGroups"]
        if group["GroupName"] == "cmlkit-runner"
    ]
    assert group["IpPermissions"] == []
    assert [instance["SecurityGroups"][0]["GroupId"] for instance in ec2.instances()] == [group["GroupId"]] * 2
    assert ec2.actions.count("CreateSecurityGroup") == 1


def test_a_security_group_that_another_launch_made_meanwhile_is_used(here: Setting, ec2: Ec2) -> None:
    ec2.fail("CreateSecurityGroup", "InvalidGroup.Duplicate", after=True)
    here.launch()
    assert [group["GroupName"] for group in ec2.instances()[0]["SecurityGroups"]] == ["cmlkit-runner"]


def test_a_security_group_that_was_opened_is_refused(here: Setting, ec2: Ec2) -> None:
    here.launch()
    group = ec2.instances()[0]["SecurityGroups"][0]["GroupId"]
    ec2.client().authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    with pytest.raises(SettingsError, match="inbound rules"):
        here.launch(labels=("gpu",))


def test_subnets_and_groups_that_are_named_are_used(here: Setting, ec2: Ec2) -> None:
    client = ec2.client()
    network = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=network, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = client.create_security_group(GroupName="mine", Description="mine", VpcId=network)["GroupId"]
    here.launch(subnet=(subnet,), security_group=(group,))
    [instance] = ec2.instances()
    assert instance["SubnetId"] == subnet
    assert [item["GroupId"] for item in instance["SecurityGroups"]] == [group]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"instance_type": ("t3.enormous",)}, "no instance type t3.enormous in eu-west-1"),
        ({"image": "ami-0123456789abcdef0"}, "ami-0123456789abcdef0"),
        ({"image": "ssm:/no/such/parameter"}, "no image ssm:/no/such/parameter"),
        ({"image": "self:no-such-image"}, "no image self:no-such-image"),
        ({"subnet": ("subnet-0123456789abcdef0",)}, "no subnet subnet-0123456789abcdef0"),
        ({"instance_type": ("t4g.medium",), "image": "ami-x86"}, "not for t4g.medium"),
        ({"startup_script": LONG}, "user data is"),
        ({"cpus": 4000}, "4000 vCPUs"),
    ],
)
def test_what_cannot_exist_is_said_and_nothing_is_left(
    here: Setting, ec2: Ec2, settings: dict[str, object], says: str
) -> None:
    settings = {name: ec2.images["x86_64"] if value == "ami-x86" else value for name, value in settings.items()}
    with pytest.raises(SettingsError) as raised:
        here.launch(**settings)
    assert says in raised.value.message
    assert ec2.instances() == []
    assert here.forge.runners() == []


def test_a_region_without_a_default_vpc_says_what_to_do(here: Setting, ec2: Ec2) -> None:
    for subnet in ec2.client().describe_subnets()["Subnets"]:
        ec2.client().delete_subnet(SubnetId=subnet["SubnetId"])
    with pytest.raises(SettingsError, match="no default VPC") as raised:
        here.launch()
    assert "aws ec2 create-default-vpc --region eu-west-1" in raised.value.next_step


def test_without_credentials_nothing_is_asked(ec2: Ec2, here: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    from cmlkit.clouds.aws import regions

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(PermissionDenied, match="no AWS credentials"):
        launch_all(
            RunnerSpec(), workflow_run=here.workflow_run, forge=here.forge, cloud_for=regions(), clock=here.clock
        )
    assert here.forge.created == 0


def test_without_a_region_the_setting_is_named(ec2: Ec2, monkeypatch: pytest.MonkeyPatch) -> None:
    from cmlkit.clouds.aws import regions

    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(SettingsError, match="No AWS region"):
        regions()("")


@pytest.mark.parametrize("action", ["RunInstances", "DescribeSubnets", "DescribeInstanceTypes", "CreateSecurityGroup"])
def test_a_missing_permission_is_named(here: Setting, ec2: Ec2, action: str) -> None:
    message = f"User: arn:aws:iam::1:user/x is not authorized to perform: ec2:{action} on resource: *"
    ec2.fail(action, "UnauthorizedOperation", message=message, status=403)
    with pytest.raises(PermissionDenied) as raised:
        here.launch()
    assert f"the permission ec2:{action}" in raised.value.next_step
    assert (ec2.instances(), here.forge.runners()) == ([], [])


def test_an_encoded_denial_is_decoded(here: Setting, ec2: Ec2) -> None:
    encoded = "You are not authorized to perform this operation. Encoded authorization failure message: AbC123"
    ec2.fail("RunInstances", "UnauthorizedOperation", message=encoded, status=403)
    with pytest.raises(PermissionDenied) as raised:
        here.launch()
    assert {item["EncodedMessage"] for item in ec2.called("DecodeAuthorizationMessage")} == {"AbC123"}
    assert "AbC123" not in raised.value.message


def test_an_image_can_be_named_by_id_parameter_and_owner(here: Setting, ec2: Ec2) -> None:
    mine = add_image("my-image-1", owner="123456789012")
    ec2.client("ssm").put_parameter(Name="/mine/image", Value=ec2.images["arm64"], Type="String")
    here.launch(image="self:my-image-*")
    here.launch(image=ec2.images["x86_64"])
    here.launch(image="ssm:/mine/image", instance_type=("t4g.medium",))
    here.launch(image="ubuntu-24.04")
    assert [instance["ImageId"] for instance in ec2.instances()] == [
        mine,
        ec2.images["x86_64"],
        ec2.images["arm64"],
        ec2.images["x86_64"],
    ]


def test_arm_types_get_an_arm_image_and_runner(here: Setting, ec2: Ec2) -> None:
    here.launch(instance_type=("t4g.medium",))
    [asked] = ec2.called("RunInstances")
    assert asked["ImageId"] == ec2.images["arm64"]
    assert "runner-arm64.tar.gz" in boot_script(asked)


@pytest.mark.slow
def test_gpu_types_get_an_image_with_a_driver(here: Setting, ec2: Ec2) -> None:
    image = add_image(DEEP_LEARNING, owner="amazon")
    launched = here.launch(gpus=1)
    assert ec2.called("RunInstances")[0]["ImageId"] == image
    assert launched.instance_type.startswith("g")


@pytest.mark.slow
def test_types_are_chosen_by_need_cheapest_first(here: Setting, ec2: Ec2) -> None:
    ec2.prices = {"m6i.xlarge": 0.2, "m7a.xlarge": 0.1, "m5.xlarge": 0.3}
    launched = here.launch(cpus=4, memory=16.0, market="on-demand")
    assert (launched.instance_type, launched.price) == ("m7a.xlarge", 0.1)


def test_prices_that_cannot_be_told_do_not_stop_a_launch(here: Setting, ec2: Ec2) -> None:
    ec2.fail("GetProducts", "AccessDeniedException", message="no")
    ec2.fail("DescribeSpotPriceHistory", "UnauthorizedOperation", message="no", status=403)
    assert here.launch().price is None


def test_several_runners_are_launched_at_once_and_watched_with_one_list_call_a_poll(here: Setting, ec2: Ec2) -> None:
    here.forge.polls_until_online = 3
    launched = here.launch_all(count=20)
    assert len({item.runner_name for item in launched}) == 20
    assert sorted(ec2.alive()) == sorted(item.instance_id for item in launched)
    assert {item.label for item in launched} == {"cmlkit-7700-1"}
    assert here.forge.listed == 3
    assert ec2.actions.count("RunInstances") == 20
    assert len(here.stop().runners) == 20
    assert ec2.actions.count("TerminateInstances") == 1


def test_a_warning_of_the_boot_is_one_of_the_launch(here: Setting, ec2: Ec2) -> None:
    # Twice, as images differ in whether cloud-init writes to the console what the script prints.
    ec2.console = 2 * "cmlkit: warning: The older runner is used.\r\n"
    told = RecordedProgress()
    launched = here.launch(progress=told)
    assert told.warnings == [f"{launched.instance_id}: The older runner is used."]


def test_a_console_that_cannot_be_read_is_no_reason_to_give_up_a_runner(here: Setting, ec2: Ec2) -> None:
    ec2.fail("GetConsoleOutput", "UnauthorizedOperation", status=403)
    told = RecordedProgress()
    launched = here.launch(progress=told)
    assert ec2.alive() == [launched.instance_id]
    assert any(f"The console of {launched.instance_id} could not be read" in note for note in told.notes)
