"""New resources that are not known or listed yet: AWS is consistent only after a while."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from cmlkit_sandbox.aws.answer import Answer, Refusal
from cmlkit_sandbox.aws.call import Call

# Operation -> the name of what it makes in its answer.
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
MAKING: Mapping[tuple[str, str], str] = {
    ("ec2", "CreateSecurityGroup"): "groupId",
    ("ec2", "CreateSubnet"): "subnetId",
    ("ec2", "CreateImage"): "imageId",
    ("iam", "CreateInstanceProfile"): "InstanceProfileName",
    # By its ARN, as an instance profile may have the same name.
    ("iam", "CreateRole"): "Arn",
}


class Settling:
    """The resources that were just made.

    Attributes:
        launches: How many requests that name a new resource do not find it; 0 to know each at once.
    """

    def __init__(self) -> None:
        self.launches = 1
        self._left: dict[str, int] = {}

    def noting(self, make: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        """Return the operation `make`, whose new resources are noted."""

        def made(call: Call) -> Answer:
            answer = make(call)
            element = MAKING[call.service, call.action]
            for name in re.findall(rf"<{element}>([^<]+)</{element}>", answer.content.decode()):
                self._left[name] = self.launches
            return answer

        return made

    def check(self, call: Call) -> None:
        """Refuse a launch with a resource that is too new."""
        for group in call.listed("SecurityGroupId"):
            self._check(group, "InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        subnet = call.text("SubnetId")
        self._check(subnet, "InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist")
        profile = call.text("IamInstanceProfile.Name") or call.text("IamInstanceProfile.Arn").rpartition("/")[2]
        said = f"Value ({profile}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        self._check(profile, "InvalidParameterValue", said)

    def subnets(self, describe: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        """Return the operation DescribeSubnets, whose filter by id finds no subnet that is too new."""

        def listed(call: Call) -> Answer:
            for name, value in call.parameters.items():
                if self._is_new(str(value)):
                    return describe(replace(call, parameters={**call.parameters, name: "subnet-00000000"}))
            return describe(call)

        return listed

    def images(self, describe: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        """Return the operation DescribeImages, which refuses the id of an image that is too new."""

        def listed(call: Call) -> Answer:
            for image in call.listed("ImageId"):
                self._check(image, "InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
            return describe(call)

        return listed

    def schedule(self, make: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        """Return the operation CreateSchedule, which refuses a role that is too new."""

        def made(call: Call) -> Answer:
            said = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            self._check(str(call.parameters.get("Target", {}).get("RoleArn", "")), "ValidationException", said)
            return make(call)

        return made

    def _check(self, name: str, code: str, message: str) -> None:
        if self._is_new(name):
            raise Refusal(code, message)

    def _is_new(self, name: str) -> bool:
        """Return whether a request does not find the resource; with each, there is one fewer left that does not."""
        if self._left.get(name, 0) <= 0:
            return False
        self._left[name] -= 1
        return True
