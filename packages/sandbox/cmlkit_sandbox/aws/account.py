"""The account: the caller, the denied permissions, and decoded authorization messages."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cmlkit_sandbox.aws.answer import Answer, Refusal, xml_answer
from cmlkit_sandbox.aws.call import Call

ACCOUNT = "123456789012"
USER = f"arn:aws:iam::{ACCOUNT}:user/sandbox"
ACCESS_KEY = "AKIASANDBOXSANDBOX00"
SECRET_KEY = "sandbox-secret-key"  # noqa: S105 - opens the sandbox only
STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

# Where the permission is not called like the operation.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3_PERMISSIONS: Mapping[str, str] = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_FREE = ("sts:GetCallerIdentity",)


@dataclass(frozen=True, kw_only=True)
class Permission:
    """A permission that a call needs.

    Attributes:
        action: In the form that policies use: `ec2:RunInstances`.
        resource: An ARN, or `*`.
    """

    action: str
    resource: str = "*"


class Denials:
    """The actions that the account's user is denied; everything else is allowed."""

    def __init__(self) -> None:
        self._patterns: list[str] = []
        self._encoded: dict[str, Permission] = {}

    def add(self, *actions: str) -> None:
        """Deny actions, such as `ec2:RunInstances` or `pricing:*`."""
        self._patterns += actions

    def clear(self) -> None:
        self._patterns.clear()

    def check(self, call: Call) -> None:
        """Refuse a call that needs a denied permission.

        Raises:
            Refusal: With the words of the service that was called.
        """
        for needed in needed_permissions(call):
            if self.denies(needed.action):
                raise self._refusal(call, needed)

    def denies(self, action: str) -> bool:
        """Return whether an action is denied."""
        return any(fnmatchcase(action, pattern) for pattern in self._patterns)

    def decode(self, call: Call) -> Answer:
        """Answer STS's DecodeAuthorizationMessage.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
        """
        denied = self._encoded.get(call.text("EncodedMessage"))
        if denied is None:
            raise Refusal("InvalidAuthorizationMessageException", "The message is not one that was encoded here.")
        nothing: Mapping[str, list[str]] = {"items": []}
        message = {
            "allowed": False,
            "explicitDeny": False,
            "matchedStatements": nothing,
            "failures": nothing,
            "context": {
                "principal": {"id": ACCESS_KEY, "name": "sandbox", "arn": USER},
                "action": denied.action,
                "resource": denied.resource,
                "conditions": nothing,
            },
        }
        name = "DecodeAuthorizationMessage"
        text = json.dumps(message).replace("&", "&amp;").replace("<", "&lt;")
        result = f"<{name}Result><DecodedMessage>{text}</DecodedMessage></{name}Result>"
        return xml_answer(f'<{name}Response xmlns="{STS_NAMESPACE}">{result}</{name}Response>')

    def _refusal(self, call: Call, denied: Permission) -> Refusal:
        message = (
            f"User: {USER} is not authorized to perform: {denied.action} on resource: {denied.resource}"
            f" because no identity-based policy allows the {denied.action} action"
        )
        if call.protocol == "ec2":
            encoded = secrets.token_urlsafe(96)
            self._encoded[encoded] = denied
            text = f"You are not authorized to perform this operation. {message}."
            text += f" Encoded authorization failure message: {encoded}"
            return Refusal("UnauthorizedOperation", text, status=403)
        if call.protocol == "json":
            return Refusal("AccessDeniedException", message)
        code = "AccessDeniedException" if call.protocol == "rest-json" else "AccessDenied"
        return Refusal(code, message, status=403)


def needed_permissions(call: Call) -> list[Permission]:
    """Return every permission that a policy must grant for a call, the call's own action first."""
    return [needed for needed in _needed(call) if needed.action not in _FREE]


def _needed(call: Call) -> Iterator[Permission]:
    own = _S3_PERMISSIONS.get(call.action, call.action) if call.service == "s3" else call.action
    yield Permission(action=f"{call.service}:{own}", resource=_resource(call))
    if call.service == "ec2" and any(name.startswith("TagSpecification.") for name in call.parameters):
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
        yield Permission(action="ec2:CreateTags", resource=_resource(call))
    if any(name.startswith("IamInstanceProfile.") for name in call.parameters):
        yield Permission(action="iam:PassRole")
    if call.service == "scheduler" and isinstance(target := call.parameters.get("Target"), dict):
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html
        yield Permission(action="iam:PassRole", resource=str(target.get("RoleArn", "*")))


def _resource(call: Call) -> str:
    place = f"{call.region}:{ACCOUNT}"
    match call.service, call.action:
        case "ec2", "RunInstances":
            return f"arn:aws:ec2:{place}:instance/*"
        case "ec2", "CreateSecurityGroup":
            return f"arn:aws:ec2:{place}:security-group/*"
        case "ec2", "TerminateInstances" | "GetConsoleOutput" | "CreateTags":
            ids = [*call.listed("InstanceId"), *call.listed("ResourceId"), call.text("InstanceId")]
            return next((f"arn:aws:ec2:{place}:instance/{name}" for name in ids if name.startswith("i-")), "*")
        case "scheduler", _:
            return f"arn:aws:scheduler:{place}:schedule/default/{call.text('Name') or '*'}"
        case "ssm", _:
            names = call.parameters.get("Names") or [call.text("Name")]
            return f"arn:aws:ssm:{call.region}::parameter{names[0]}"
        case "s3", _:
            return "/".join(["arn:aws:s3:::" + call.text("Bucket"), *filter(None, [call.text("Key")])])
    return "*"
