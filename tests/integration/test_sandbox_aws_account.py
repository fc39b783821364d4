"""The sandbox's AWS: what it has on offer, and what it refuses in EC2's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cmlkit.clouds.aws.first_boot import USER_DATA_LIMIT_BYTES
from cmlkit_sandbox.aws import ACCESS_KEY, SECRET_KEY, AwsServer, needed_permissions
from cmlkit_sandbox.aws.images import IMAGES
from tests.integration.aws_client import REGION, UBUNTU, client, launch, refused, run_instances, until_state

ARM_UBUNTU = IMAGES[1].id(REGION)


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[AwsServer]:
    with AwsServer(tmp_path / "machines", boot=False, pending_seconds=0) as server:
        yield server


def on_demand(aws: AwsServer, **wanted: str) -> list[float]:
    """Prices of the products that fit, in USD per hour."""
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    products = client(aws, "pricing", region="us-east-1").get_products(ServiceCode="AmazonEC2", Filters=filters)
    found: list[Any] = [json.loads(product) for product in products["PriceList"]]
    return [
        float(dimension["pricePerUnit"]["USD"])
        for product in found
        for term in product["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
    ]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: f"{image.owner}-{image.architecture}")
@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_public_images_are_found_by_parameter_and_by_owner(aws: AwsServer, image: Any, region: str) -> None:
    answer = client(aws, "ssm", region=region).get_parameters(Names=[image.parameter])
    image_id = answer["Parameters"][0]["Value"]
    ec2 = client(aws, region=region)
    by_id = ec2.describe_images(ImageIds=[image_id])["Images"][0]
    assert (by_id["OwnerId"], by_id["Architecture"], by_id["RootDeviceName"]) == (
        image.owner,
        image.architecture,
        "/dev/sda1",
    )
    by_owner = ec2.describe_images(Owners=[image.owner], Filters=[{"Name": "name", "Values": [image.name]}])["Images"]
    assert [found["ImageId"] for found in by_owner] == [image_id]


def test_each_region_has_image_ids_of_its_own(aws: AwsServer) -> None:
    assert IMAGES[0].id("eu-west-1") != IMAGES[0].id("us-east-1")
    assert refused(client(aws, region="us-east-1").describe_images, ImageIds=[UBUNTU])[0] == "InvalidAMIID.NotFound"


def test_an_unknown_parameter_is_said_to_be_invalid(aws: AwsServer) -> None:
    answer = client(aws, "ssm").get_parameters(Names=["/no/such", IMAGES[0].parameter])
    assert answer["InvalidParameters"] == ["/no/such"]
    assert [parameter["Name"] for parameter in answer["Parameters"]] == [IMAGES[0].parameter]


def test_the_price_list_has_one_price_of_a_type_in_a_region(aws: AwsServer) -> None:
    assert on_demand(aws, instanceType="t3.medium", regionCode="us-east-1") == [0.0416]
    assert on_demand(aws, instanceType="m5.xlarge", regionCode="us-east-1", operatingSystem="Linux") == [0.192]
    assert on_demand(aws, instanceType="t3.medium", regionCode="us-east-1", operatingSystem="Windows") == []
    assert on_demand(aws, instanceType="x9.huge", regionCode="us-east-1") == []


@pytest.mark.parametrize("instance_type", ["t3.medium", "c5.xlarge", "g4dn.xlarge"])
def test_spot_is_cheaper_than_on_demand_in_every_zone(aws: AwsServer, instance_type: str) -> None:
    history = client(aws).describe_spot_price_history(InstanceTypes=[instance_type])["SpotPriceHistory"]
    assert {item["AvailabilityZone"] for item in history} == {"eu-west-1a", "eu-west-1b", "eu-west-1c"}
    [full] = on_demand(aws, instanceType=instance_type, regionCode="eu-west-1")
    assert all(0.2 * full < float(item["SpotPrice"]) < 0.5 * full for item in history)


def test_instance_types_can_be_chosen_by_what_they_have(aws: AwsServer) -> None:
    wanted = [{"Name": "vcpu-info.default-vcpus", "Values": ["2"]}, {"Name": "instance-type", "Values": ["t3.*"]}]
    answers = [client(aws).describe_instance_types(Filters=wanted)["InstanceTypes"] for _ in range(2)]
    assert {item["InstanceType"] for item in answers[0]} >= {"t3.medium", "t3.large"}
    assert answers[0] == answers[1]


def test_the_caller_is_the_sandbox_s_account(aws: AwsServer) -> None:
    assert client(aws, "sts").get_caller_identity()["Account"] == "123456789012"


def root_volume(**volume: Any) -> dict[str, Any]:
    return {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": volume}]}


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"InstanceType": "t9.huge"}, "InvalidParameterValue", "Invalid value 't9.huge' for InstanceType."),
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound", "'[ami-00000000000000000]' does not exist"),
        ({"ImageId": "ubuntu"}, "InvalidAMIID.Malformed", 'Invalid id: "ubuntu" (expecting "ami-...")'),
        ({"ImageId": ARM_UBUNTU}, "InvalidParameterValue", "does not match the architecture 'arm64'"),
        ({"SubnetId": "subnet-00000000"}, "InvalidSubnetID.NotFound", "subnet-00000000"),
        ({"SecurityGroupIds": ["sg-00000000"]}, "InvalidGroup.NotFound", "sg-00000000"),
        ({"UserData": "x" * (USER_DATA_LIMIT_BYTES + 1)}, "InvalidParameterValue", "User data is limited to 16384"),
        ({"ClientToken": "x" * 65}, "InvalidParameterValue", "clientToken"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 4}}]},
            "InvalidBlockDeviceMapping",
            "Volume of size 4GB is smaller than snapshot",
        ),
        (root_volume(VolumeType="gp9"), "InvalidParameterValue", "Invalid value 'gp9' for VolumeType."),
        (root_volume(VolumeType="st1", VolumeSize=500), "BootForVolumeTypeUnsupported", "st1"),
        (root_volume(VolumeType="io2"), "MissingParameter", "iops"),
        (root_volume(VolumeType="gp2", VolumeSize=20_000), "InvalidParameterValue", "maximum is 16384 GiB"),
    ],
)
def test_a_launch_that_ec2_refuses_is_refused(aws: AwsServer, changes: Any, code: str, message: str) -> None:
    answer = refused(run_instances, aws=aws, **changes)
    assert answer[:2] == (code, 400)
    assert message in answer[2]
    assert aws.instances() == []


def test_user_data_up_to_the_limit_is_taken(aws: AwsServer) -> None:
    assert launch(aws, UserData="x" * USER_DATA_LIMIT_BYTES)


def test_a_type_that_a_zone_does_not_have_is_unsupported_there(aws: AwsServer) -> None:
    ec2 = client(aws, region="us-east-1")
    subnets = {item["AvailabilityZone"]: item["SubnetId"] for item in ec2.describe_subnets()["Subnets"]}
    request = {"ImageId": IMAGES[0].id("us-east-1"), "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1}
    code, _, message = refused(ec2.run_instances, SubnetId=subnets["us-east-1e"], **request)
    assert code == "Unsupported"
    assert "choosing us-east-1a" in message


@pytest.mark.parametrize("market", ["spot", "on-demand"])
def test_a_quota_counts_the_cpus_of_what_runs(aws: AwsServer, market: str) -> None:
    code, quota = {
        "spot": ("MaxSpotInstanceCountExceeded", "L-34B43A08"),
        "on-demand": ("VcpuLimitExceeded", "L-1216C47A"),
    }[market]
    changes: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}} if market == "spot" else {}
    aws.quotas.limits[quota] = 4
    first = launch(aws, **changes)
    launch(aws, **changes)
    assert refused(run_instances, aws=aws, **changes)[0] == code
    client(aws).terminate_instances(InstanceIds=[first])
    until_state(aws, first, "terminated")
    assert launch(aws, **changes)


def test_quotas_can_be_read(aws: AwsServer) -> None:
    quotas = client(aws, "service-quotas")
    quota = quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    assert quota["QuotaName"].startswith("Running On-Demand Standard")
    assert quota["Value"] == 640
    assert len(quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]) == 6
    assert refused(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-0")[0] == "NoSuchResourceException"


def test_a_dry_run_launches_nothing_and_says_what_would_have_happened(aws: AwsServer) -> None:
    assert refused(run_instances, aws=aws, DryRun=True)[:2] == ("DryRunOperation", 412)
    aws.deny("ec2:RunInstances")
    assert refused(run_instances, aws=aws, DryRun=True)[:2] == ("UnauthorizedOperation", 403)
    assert aws.instances() == []


@pytest.mark.parametrize("operation", ["describe_instances", "describe_spot_price_history", "describe_images"])
def test_every_action_of_ec2_has_a_dry_run(aws: AwsServer, operation: str) -> None:
    assert refused(getattr(client(aws), operation), DryRun=True)[0] == "DryRunOperation"


@pytest.mark.parametrize(
    ("service", "operation", "request_", "permission", "code"),
    [
        ("ec2", "describe_instances", {}, "ec2:DescribeInstances", "UnauthorizedOperation"),
        ("ssm", "get_parameters", {"Names": ["/a"]}, "ssm:GetParameters", "AccessDeniedException"),
        ("scheduler", "list_schedules", {}, "scheduler:*", "AccessDeniedException"),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}, "s3:PutObject", "AccessDenied"),
        ("s3", "list_objects_v2", {"Bucket": "b"}, "s3:ListBucket", "AccessDenied"),
        ("s3", "create_multipart_upload", {"Bucket": "b", "Key": "k"}, "s3:PutObject", "AccessDenied"),
        (
            "s3",
            "abort_multipart_upload",
            {"Bucket": "b", "Key": "k", "UploadId": "u"},
            "s3:AbortMultipartUpload",
            "AccessDenied",
        ),
        ("sts", "get_session_token", {}, "sts:GetSessionToken", "AccessDenied"),
    ],
)
def test_a_denied_permission_is_named_in_the_service_s_own_way(
    aws: AwsServer, service: str, operation: str, request_: Any, permission: str, code: str
) -> None:
    aws.deny(permission)
    answer = refused(getattr(client(aws, service), operation), **request_)
    assert answer[0] == code
    assert f"is not authorized to perform: {permission.replace('*', 'ListSchedules')}" in answer[2]


def test_tags_and_instance_profiles_need_permissions_of_their_own(aws: AwsServer) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    aws.deny("ec2:CreateTags", "iam:PassRole")
    assert "ec2:CreateTags" in refused(run_instances, aws=aws, TagSpecifications=tags)[2]
    assert "iam:PassRole" in refused(run_instances, aws=aws, IamInstanceProfile={"Name": "p"})[2]
    assert launch(aws)


def test_an_encoded_denial_can_be_decoded(aws: AwsServer) -> None:
    aws.deny("ec2:RunInstances")
    encoded = refused(run_instances, aws=aws)[2].rpartition(": ")[2]
    decoded = client(aws, "sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    assert json.loads(decoded)["context"]["action"] == "ec2:RunInstances"
    assert "DecodeAuthorizationMessage" in aws.actions


def test_what_a_run_needs_can_be_told_from_its_calls(aws: AwsServer) -> None:
    launch(aws, TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}])
    client(aws, "sts").get_caller_identity()
    needed = [needed.action for call in aws.calls for needed in needed_permissions(call)]
    assert needed == ["ec2:RunInstances", "ec2:CreateTags"]


def test_a_region_that_the_account_does_not_have_does_not_know_its_credentials(aws: AwsServer) -> None:
    assert refused(client(aws, region="mars-north-1").describe_instances)[:2] == ("AuthFailure", 401)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "action", "arguments", "unknown", "mismatch"),
    [
        ("ec2", "describe_instances", {}, "401 AuthFailure", "401 AuthFailure"),
        ("sts", "get_caller_identity", {}, "403 InvalidClientTokenId", "403 SignatureDoesNotMatch"),
        (
            "ssm",
            "get_parameters",
            {"Names": ["/a b"]},
            "400 UnrecognizedClientException",
            "400 InvalidSignatureException",
        ),
        (
            "scheduler",
            "list_schedules",
            {"NamePrefix": "a+b"},
            "403 UnrecognizedClientException",
            "403 InvalidSignatureException",
        ),
        (
            "s3",
            "list_objects_v2",
            {"Bucket": "bucket", "Prefix": "ä b"},
            "403 InvalidAccessKeyId",
            "403 SignatureDoesNotMatch",
        ),
    ],
)
def test_a_call_with_other_credentials_is_refused_in_the_services_own_words(
    aws: AwsServer, service: str, action: str, arguments: dict[str, Any], unknown: str, mismatch: str
) -> None:
    def asked(key: str, secret: str) -> str:
        there = boto3.session.Session(key, secret).client(service, region_name=REGION, endpoint_url=aws.url)
        code, status = refused(getattr(there, action), **arguments)[:2]
        return f"{status} {code}"

    assert asked("AKIAOFSOMEBODYELSE00", SECRET_KEY) == unknown
    assert asked(ACCESS_KEY, "of-somebody-else") == mismatch


def test_an_object_s_size_headers_and_ranges_are_those_of_s3(aws: AwsServer) -> None:
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="bucket", Key="k", Body=b"0123456789", Metadata={"kept": "by"})["VersionId"]
    head = s3.head_object(Bucket="bucket", Key="k")
    assert (head["ContentLength"], head["Metadata"], head["VersionId"]) == (10, {"kept": "by"}, version)
    part = s3.get_object(Bucket="bucket", Key="k", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"], part["ContentLength"]) == (b"234", "bytes 2-4/10", 3)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"0123456789"
