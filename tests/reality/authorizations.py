"""The permissions that AWS asks for before it answers a call, with the resource and the context of each.

Services ask for every resource of a call by itself, and tags are known only for the resource that gets them.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cmlkit_sandbox.aws import AwsServer, Call

ACCOUNT = "123456789012"
# The profile of docs/reference/iam.md has the role of the same name.
INSTANCES_ROLE = f"arn:aws:iam::{ACCOUNT}:role/cmlkit-instance"
S3_PERMISSIONS = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}

Context = Mapping[str, str | list[str]]


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """One question to IAM: may this be done with this resource?"""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)

    def having(self, key: str, value: str | list[str] | None) -> Authorization:
        """Return the same question with another value in its context; None takes the key out."""
        kept = {name: known for name, known in self.context.items() if name != key}
        return replace(self, context=kept if value is None else {**kept, key: value})

    @property
    def question(self) -> dict[str, Any]:
        return asdict(self)


def asked_for(call: Call, aws: AwsServer) -> list[Authorization]:
    """Return all that IAM is asked before a call is answered."""
    if (call.service, call.action) == ("sts", "GetCallerIdentity"):
        # Everybody may: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        return []
    if found := _BY_ACTION.get(call.action):
        return list(found(call))
    if call.action in ("TerminateInstances", "GetConsoleOutput", "CreateTags"):
        return list(_on_instances(call, aws))
    if call.service == "s3":
        return [_of_object(call)]
    return [Authorization(action=f"{call.service}:{call.action}")]


def passing(role: str, *, to: str) -> Authorization:
    return Authorization(action="iam:PassRole", resource=role, context={"iam:PassedToService": to})


def using_key(key: str, region: str) -> list[Authorization]:
    """Return what KMS is asked, by EC2 on behalf of the caller, for the volumes of a launch.

    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
    """
    via = {"kms:ViaService": f"ec2.{region}.amazonaws.com"}
    uses = ("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
    grant = Authorization(action="kms:CreateGrant", resource=key, context={**via, "kms:GrantIsForAWSResource": "true"})
    return [*(Authorization(action=f"kms:{use}", resource=key, context=via) for use in uses), grant]


def _launching(call: Call) -> Iterator[Authorization]:
    place, action = f"{call.region}:{ACCOUNT}", "ec2:RunInstances"
    made = ["instance/i-0", "network-interface/eni-0", "volume/vol-0"]
    made += ["spot-instances-request/sir-0"] if call.market == "spot" else []
    for name in made:
        kind, resource = name.partition("/")[0], f"arn:aws:ec2:{place}:{name}"
        yield Authorization(action=action, resource=resource, context=_new_tags(call, kind))
        yield from _tagging(call, kind, resource)
    yield Authorization(action=action, resource=f"arn:aws:ec2:{call.region}::image/{call.text('ImageId')}")
    yield Authorization(action=action, resource=f"arn:aws:ec2:{place}:subnet/{call.text('SubnetId')}")
    for group in call.listed("SecurityGroupId"):
        yield Authorization(action=action, resource=f"arn:aws:ec2:{place}:security-group/{group}")
    if any(name.startswith("IamInstanceProfile.") for name in call.parameters):
        yield passing(INSTANCES_ROLE, to="ec2.amazonaws.com")


def _security_group(call: Call) -> Iterator[Authorization]:
    place, action = f"{call.region}:{ACCOUNT}", "ec2:CreateSecurityGroup"
    group = f"arn:aws:ec2:{place}:security-group/sg-0"
    yield Authorization(action=action, resource=group, context=_new_tags(call, "security-group"))
    yield Authorization(action=action, resource=f"arn:aws:ec2:{place}:vpc/{call.text('VpcId')}")
    yield from _tagging(call, "security-group", group)


def _on_instances(call: Call, aws: AwsServer) -> Iterator[Authorization]:
    names = [*call.listed("InstanceId"), *call.listed("ResourceId"), *filter(None, [call.text("InstanceId")])]
    keys = [name for name in call.parameters if name.endswith(".Key")]
    wanted: dict[str, str | list[str]] = {
        f"aws:RequestTag/{call.text(key)}": call.text(key.replace(".Key", ".Value")) for key in keys
    }
    if keys:
        wanted["aws:TagKeys"] = [call.text(key) for key in keys]
    for name in names:
        tags = {f"aws:ResourceTag/{key}": value for key, value in aws.instance(name).tags.items()}
        resource = f"arn:aws:ec2:{call.region}:{ACCOUNT}:instance/{name}"
        yield Authorization(action=f"ec2:{call.action}", resource=resource, context={**tags, **wanted})


def _schedule(call: Call) -> Iterator[Authorization]:
    name = f"arn:aws:scheduler:{call.region}:{ACCOUNT}:schedule/default/{call.text('Name')}"
    yield Authorization(action=f"scheduler:{call.action}", resource=name)
    if isinstance(target := call.parameters.get("Target"), dict):
        yield passing(str(target["RoleArn"]), to="scheduler.amazonaws.com")


def _parameters(call: Call) -> Iterator[Authorization]:
    for name in call.parameters["Names"]:
        yield Authorization(action="ssm:GetParameters", resource=f"arn:aws:ssm:{call.region}::parameter{name}")


def _quota(call: Call) -> Iterator[Authorization]:
    name = f"{call.parameters['ServiceCode']}/{call.parameters['QuotaCode']}"
    resource = f"arn:aws:servicequotas:{call.region}:{ACCOUNT}:{name}"
    yield Authorization(action="servicequotas:GetServiceQuota", resource=resource)


def _role(call: Call) -> Iterator[Authorization]:
    name = f"role/{call.text('RoleName')}" if call.action == "GetRole" else "instance-profile/cmlkit-instance"
    yield Authorization(action=f"iam:{call.action}", resource=f"arn:aws:iam::{ACCOUNT}:{name}")


def _deleted_objects(call: Call) -> Iterator[Authorization]:
    for key in re.findall(r"<Key>(.*?)</Key>", call.body.decode()):
        yield Authorization(action="s3:DeleteObject", resource=f"arn:aws:s3:::{call.text('Bucket')}/{key}")


def _tagging(call: Call, kind: str, resource: str) -> Iterator[Authorization]:
    """Tags on what is being made need a permission of their own.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    if call.tags(kind):
        context = {**_new_tags(call, kind), "ec2:CreateAction": call.action}
        yield Authorization(action="ec2:CreateTags", resource=resource, context=context)


def _new_tags(call: Call, kind: str) -> dict[str, str | list[str]]:
    tags = call.tags(kind)
    wanted = {f"aws:RequestTag/{name}": value for name, value in tags.items()}
    return {**wanted, "aws:TagKeys": list(tags)} if tags else {}


def _of_object(call: Call) -> Authorization:
    name = S3_PERMISSIONS.get(call.action, call.action)
    bucket = f"arn:aws:s3:::{call.text('Bucket')}"
    if name == "ListBucket":
        return Authorization(action="s3:ListBucket", resource=bucket, context={"s3:prefix": call.text("Prefix")})
    return Authorization(action=f"s3:{name}", resource=f"{bucket}/{call.text('Key')}")


_BY_ACTION: Mapping[str, Callable[[Call], Iterator[Authorization]]] = {
    "CreateSchedule": _schedule,
    "CreateSecurityGroup": _security_group,
    "DeleteObjects": _deleted_objects,
    "DeleteSchedule": _schedule,
    "GetInstanceProfile": _role,
    "GetParameters": _parameters,
    "GetRole": _role,
    "GetServiceQuota": _quota,
    "RunInstances": _launching,
}
