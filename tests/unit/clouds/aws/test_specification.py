"""An instance's specification: how EC2 takes it, and what EC2 never takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmlkit.clouds.aws.specification import check_spec, run_instances_arguments
from cmlkit.clouds.launching import InstanceSpec
from cmlkit.clouds.planning import Image, Subnet
from cmlkit.errors import SettingsError

OWN = {f"cmlkit:{name}": "1" for name in ("run", "attempt", "repository", "label", "runner-id", "expires")}
SPEC = InstanceSpec(
    name="cmlkit-x",
    client_token="t",
    instance_type="t3.medium",
    market="spot",
    image=Image(id="ami-1", name="ubuntu", architecture="x86_64", root_device="/dev/sda1", disk_size=8),
    subnet=Subnet(id="subnet-1", network="vpc-1", zone="eu-west-1a"),
    security_groups=(),
    user_data=b"#!/bin/bash\n",
    disk_size=30,
    tags=OWN,
)
ROLE = "arn:aws:iam::123456789012:role/cmlkit-scheduler"


def tags(spec: InstanceSpec) -> dict[str, str]:
    [instance] = [
        item for item in run_instances_arguments(spec)["TagSpecifications"] if item["ResourceType"] == "instance"
    ]
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}


def test_an_instance_is_tagged_with_its_name() -> None:
    assert tags(SPEC) == {**OWN, "Name": "cmlkit-x"}


def test_an_instance_that_a_schedule_ends_names_the_schedule() -> None:
    assert tags(replace(SPEC, expires=1.8e9, expiry_role=ROLE))["cmlkit:schedule"] == "cmlkit-x"
    assert "cmlkit:schedule" not in tags(replace(SPEC, expires=1.8e9))


@pytest.mark.parametrize(
    "extra",
    [
        {"aws:x": "1"},
        {"AWS:x": "1"},
        {"Name": "x"},
        {"": "x"},
        {"k" * 129: "x"},
        {"k": "v" * 257},
        {f"tag-{number}": "" for number in range(44)},
    ],
)
def test_tags_that_would_not_do_are_refused(extra: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        check_spec(replace(SPEC, tags={**OWN, **extra}))


def test_a_schedule_takes_the_room_of_a_tag() -> None:
    most = replace(SPEC, tags={**OWN, **{f"tag-{number}": "" for number in range(43)}})
    check_spec(most)
    with pytest.raises(SettingsError, match="`tags` has 43 tags; there is room for 42 beside cmlkit's own"):
        check_spec(replace(most, expires=1.8e9, expiry_role=ROLE))


def test_every_volume_that_the_image_brings_goes_with_the_instance() -> None:
    image = replace(SPEC.image, further_devices=("/dev/sdb", "/dev/sdc"))
    mappings = run_instances_arguments(replace(SPEC, image=image))["BlockDeviceMappings"]
    assert [item["DeviceName"] for item in mappings] == ["/dev/sda1", "/dev/sdb", "/dev/sdc"]
    assert all(item["Ebs"]["DeleteOnTermination"] and item["Ebs"]["Encrypted"] for item in mappings)
