"""The key that encrypts volumes. A launch that may not use it is accepted, and its instance ends at once."""

from __future__ import annotations

from cmlkit_sandbox.aws.account import Denials, Permission
from cmlkit_sandbox.aws.call import Call
from cmlkit_sandbox.aws.fleet import Ending

# https://repost.aws/knowledge-center/kms-iam-ec2-permission
REFUSED = Ending(code="Client.InternalError", text="Client error on launch")
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
NEEDED = ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")


class Keys:
    """The account's key for volumes.

    Attributes:
        own: ARN of a key of the account's own; empty for AWS's, which everybody in the account may use.
        has_spot_grant: Whether the role of the spot service, AWSServiceRoleForEC2Spot, has a grant on the own key.
            https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html
    """

    def __init__(self, denials: Denials) -> None:
        self.own = ""
        self.has_spot_grant = False
        self._denials = denials

    def needed(self, call: Call) -> list[Permission]:
        """Return what the caller needs, beside the call's own permissions; a spot launch uses the service's role."""
        if not self.own or call.market == "spot":
            return []
        return [Permission(action=f"kms:{name}", resource=self.own) for name in NEEDED]

    def refusal(self, call: Call) -> Ending | None:
        """Return how a launched instance ends whose volumes cannot be opened; None if they can."""
        if not self.own:
            return None
        if call.market == "spot":
            return None if self.has_spot_grant else REFUSED
        return REFUSED if any(self._denials.denies(needed.action) for needed in self.needed(call)) else None
