"""AWS's error codes: the cause, the next step, and what else may succeed if a launch gets one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cmlkit.clouds.launching import Remedy
from cmlkit.errors import CapacityError, CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError, SettingsError

ERROR_CODES = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
COMMON_ERRORS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html"
SCHEDULER_ERRORS = (
    "https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html#API_CreateSchedule_Errors"
)
IAM_ERRORS = (
    "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html#API_GetInstanceProfile_Errors"
)
STATE_REASONS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html"
KEY_OF_VOLUMES = "https://repost.aws/knowledge-center/kms-iam-ec2-permission"
SPOT_ROLE = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html"
FREE_TIER = "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-plans.html"

CHECK_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones), or let"
    " aws-actions/configure-aws-credentials do it; `aws sts get-caller-identity` shows who AWS takes you for."
)
CHECK_SETTINGS = "Check the runner's settings: `cmlkit config show` says where each value comes from."
_RAISE_QUOTA = (
    "Ask for more at https://console.aws.amazon.com/servicequotas/, or allow other types, markets or regions."
)
_CHECK_SUBNET = "Check `subnet`, and that it is in this region."
_CHECK_GROUP = "Check `security-group`, and that it is in the subnet's VPC."
_CHECK_IMAGE = "Check `image`; each region has its own image ids."
_CHECK_TYPE = "Check `instance-type`."
_CHECK_DISK = "Check `disk-size` and `disk-type`."
_CHECK_TAGS = "Check `tags`: the names and values there are put on the instance and all that is made with it."
_NAME_SUBNET = "The region has no default VPC: name a subnet with --subnet."
_CHECK_CLOCK = "This machine's clock differs from AWS's by more than five minutes, or the credentials are old."
FREE_PLAN_TYPES = ("t3.micro", "t3.small", "t4g.micro", "t4g.small", "c7i-flex.large", "m7i-flex.large")
"""Types that AWS's free plan launches in most regions, for accounts opened since July 2025."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """The meaning of one error code for a launch.

    Attributes:
        words: Part of the message that the row needs, for a code with several meanings; any message if empty.
        remedy: What else may succeed; None if nothing does, so that the launch ends at once.
        error: The kind of error if nothing else succeeds, and for calls that launch nothing. For the latter,
            `CapacityError` stands for `ServiceError`.
        settles: Whether the resource may exist all the same, as new ones are not known everywhere at once.
            https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
        source: URL of AWS's documentation of the code.
    """

    code: str
    words: str = ""
    remedy: Remedy | None = None
    error: type[CmlkitError] = CapacityError
    next_step: str = ""
    settles: bool = False
    source: str = ERROR_CODES


def _rows(
    codes: str,
    remedy: Remedy | None,
    error: type[CmlkitError] = CapacityError,
    next_step: str = "",
    source: str = ERROR_CODES,
    *,
    settles: bool = False,
) -> Iterator[Row]:
    for code in codes.split():
        yield Row(code=code, remedy=remedy, error=error, next_step=next_step, source=source, settles=settles)


def _on_the_rung() -> Iterator[Row]:
    """Yield the codes that depend on the type, the zone, the subnet or the market."""
    place = Remedy.OTHER_PLACE
    yield from _rows("InsufficientInstanceCapacity InsufficientCapacity UnfulfillableCapacity", place)
    yield from _rows("InsufficientHostCapacity InsufficientCapacityOnHost InsufficientReservedInstanceCapacity", place)
    yield from _rows("InsufficientReservedInstancesCapacity ReservationCapacityExceeded", place)
    yield from _rows("InsufficientFreeAddressesInSubnet InsufficientAddressCapacity InsufficientVolumeCapacity", place)
    yield from _rows("SpotMaxPriceTooLow Unsupported", place)
    yield from _rows(
        "UnsupportedOperation InvalidParameter InvalidParameterValue InvalidParameterCombination"
        " InvalidParameterDependency InvalidRequest InvalidInput InvalidAvailabilityZone InvalidZone.NotFound"
        " OperationNotPermitted InvalidCharacter ClientInvalidParameterValue UnsupportedTenancy"
        " InvalidTenancy",
        place,
        SettingsError,
        CHECK_SETTINGS,
    )
    yield from _rows(
        "InvalidInstanceType InvalidInstanceFamily InvalidInstanceAttributeValue AttachmentLimitExceeded"
        " InvalidInterface.IpAddressLimitExceeded PrivateIpAddressLimitExceeded EncryptedVolumesNotSupported"
        " InstanceCreditSpecification.NotSupported UnsupportedInstanceTypeOnHost NonEBSInstance",
        Remedy.OTHER_TYPE,
        SettingsError,
        _CHECK_TYPE,
    )
    yield Row(
        code="InvalidParameterCombination",
        words="instance type is not eligible for Free Tier",
        remedy=Remedy.OTHER_TYPE,
        error=SettingsError,
        next_step="The account is on AWS's free plan, which launches only eligible types. Set `instance-type` to some"
        f" of {', '.join(FREE_PLAN_TYPES)}, or upgrade the account's plan in the AWS console.",
        source=FREE_TIER,
    )
    yield from _rows(
        "VolumeTypeNotAvailableInZone InvalidBlockDeviceMapping VolumeIOPSLimit", place, SettingsError, _CHECK_DISK
    )
    yield from _rows(
        "InvalidSubnet InvalidSubnetID.NotFound InvalidSubnetId.NotFound",
        place,
        SettingsError,
        _CHECK_SUBNET,
        settles=True,
    )
    yield from _rows(
        "InvalidGroup.NotFound InvalidSecurityGroupID.NotFound", place, SettingsError, _CHECK_GROUP, settles=True
    )
    yield from _rows("InvalidAMIID.NotFound", place, SettingsError, _CHECK_IMAGE, settles=True)
    yield from _rows("InvalidAMIID.Unavailable InvalidSnapshot.NotFound", place, SettingsError, _CHECK_IMAGE)
    yield Row(
        code="AuthFailure",
        words="Not authorized for images",
        remedy=place,
        error=PermissionDenied,
        next_step="Let the image's owner share it with this account, or name another `image`.",
    )
    yield from _rows(
        "IdempotentInstanceTerminated", place, ServiceError, "The instance ended while its launch was repeated."
    )


def _on_the_account() -> Iterator[Row]:
    """Yield the codes that depend on the account's limits or state in a region, or on a market."""
    yield from _rows(
        "MaxSpotInstanceCountExceeded VcpuLimitExceeded InstanceLimitExceeded",
        Remedy.OTHER_QUOTA,
        next_step=_RAISE_QUOTA,
    )
    yield from _rows("RequestResourceCountExceeded", Remedy.OTHER_MARKET, next_step=_RAISE_QUOTA)
    yield from _rows(
        "VolumeLimitExceeded MaxIOPSLimitExceeded NetworkInterfaceLimitExceeded AddressLimitExceeded"
        " ResourceLimitExceeded ResourceCountExceeded SecurityGroupLimitExceeded",
        Remedy.OTHER_REGION,
        next_step=_RAISE_QUOTA,
    )
    yield Row(
        code="AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        remedy=Remedy.OTHER_MARKET,
        error=PermissionDenied,
        next_step="The account has never used spot: let an administrator run"
        " `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com` once.",
        source=SPOT_ROLE,
    )
    yield Row(
        code="InvalidParameterValue",
        words="spot instance price",
        remedy=Remedy.OTHER_MARKET,
        error=SettingsError,
        next_step="Check `max-price`.",
    )
    yield Row(
        code="InvalidParameterValue",
        words="iamInstanceProfile",
        remedy=Remedy.OTHER_REGION,
        settles=True,
        error=SettingsError,
        next_step="Check `iam-instance-profile`: it takes the name or the ARN of an instance profile, not of a role.",
    )
    # A tag policy may cover spot requests, and not instances.
    yield from _rows("TagPolicyViolation", Remedy.OTHER_MARKET, SettingsError, _CHECK_TAGS)
    yield from _rows(
        "AccountDisabled", Remedy.OTHER_MARKET, PermissionDenied, "An administrator of the account has disabled this."
    )
    yield from _rows(
        "VPCIdNotSpecified VPCResourceNotSpecified DefaultVpcDoesNotExist",
        Remedy.OTHER_REGION,
        SettingsError,
        _NAME_SUBNET,
    )
    yield from _rows("InvalidRegion", Remedy.OTHER_REGION, SettingsError, "Check `region`.")
    yield from _rows(
        "OptInRequired",
        Remedy.OTHER_REGION,
        PermissionDenied,
        "Enable the region, or accept the image's terms in AWS Marketplace, in the AWS console.",
    )
    yield from _rows(
        "PendingVerification",
        Remedy.OTHER_REGION,
        PermissionDenied,
        "AWS is still verifying the account for this region; this takes minutes to hours. Try again then.",
    )
    yield from _rows("AuthFailure", Remedy.OTHER_REGION, PermissionDenied, CHECK_CREDENTIALS)
    yield from _rows(
        "CustomerKeyHasBeenRevoked InvalidKmsKey",
        Remedy.OTHER_REGION,
        PermissionDenied,
        "The KMS key that encrypts the volume cannot be used: check that it is enabled, and its policy.",
    )


def _later() -> Iterator[Row]:
    """Yield the codes that pass."""
    yield from _rows(
        "RequestLimitExceeded EC2ThrottledException InternalError ServerInternal Unavailable BandwidthLimitExceeded"
        " ConcurrentTagAccess RetryableError CreditSpecificationUpdateInProgress",
        Remedy.LATER,
    )
    yield from _rows(
        "Throttling ThrottlingException InternalFailure ServiceUnavailable", Remedy.LATER, source=COMMON_ERRORS
    )


def _at_once() -> Iterator[Row]:
    """Yield the codes that depend on no rung: on the caller, the request, and settings that all rungs share."""
    # For RunInstances, `refusal` reads what the denial depends on.
    yield from _rows("UnauthorizedOperation", None, PermissionDenied)
    yield from _rows("AccessDenied AccessDeniedException", None, PermissionDenied, source=COMMON_ERRORS)
    yield from _rows("Blocked", None, PermissionDenied, "The AWS account is blocked: contact AWS Support.")
    yield from _rows("RequestExpired InvalidSecurity.RequestHasExpired", None, PermissionDenied, _CHECK_CLOCK)
    yield from _rows(
        "ExpiredToken ExpiredTokenException InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch"
        " IncompleteSignature MissingAuthenticationToken",
        None,
        PermissionDenied,
        CHECK_CREDENTIALS,
        COMMON_ERRORS,
    )
    # An instance with this token may exist: another rung could give a second one.
    yield from _rows(
        "IdempotentParameterMismatch",
        None,
        ServiceError,
        "Run the command again: each launch has client tokens of its own.",
    )
    yield Row(
        code="InvalidParameterValue",
        words="User data is limited",
        error=SettingsError,
        next_step="Shorten `startup-script`.",
    )
    yield from _rows(
        "InvalidIamInstanceProfileArn.Malformed", None, SettingsError, "Check `iam-instance-profile`: it is no ARN."
    )
    yield from _rows("InvalidAMIID.Malformed", None, SettingsError, _CHECK_IMAGE)
    yield from _rows("InvalidSubnetID.Malformed", None, SettingsError, _CHECK_SUBNET)
    yield from _rows(
        "InvalidGroupId.Malformed InvalidSecurityGroupId.Malformed SecurityGroupsPerInstanceLimitExceeded"
        " SecurityGroupsPerInterfaceLimitExceeded",
        None,
        SettingsError,
        _CHECK_GROUP,
    )
    yield from _rows("TagLimitExceeded InvalidTagKey.Malformed", None, SettingsError, _CHECK_TAGS)
    yield from _rows("BootForVolumeTypeUnsupported UnknownVolumeType", None, SettingsError, _CHECK_DISK)
    yield from _rows("InvalidUserData.Malformed", None, SettingsError)
    yield from _rows("ValidationException ValidationError", None, SettingsError, CHECK_SETTINGS, COMMON_ERRORS)
    yield from _rows(
        "InvalidAction InvalidQueryParameter MalformedQueryString MissingAction MissingParameter MissingInput"
        " UnknownParameter UnsupportedProtocol NoSuchVersion InvalidClientToken",
        None,
        ServiceError,
    )


def _of_other_calls() -> Iterator[Row]:
    """Yield the codes that a launch never gets."""
    yield from _rows("InvalidInstanceID.NotFound", None, NotFound)
    yield from _rows("InvalidInstanceID.Malformed", None, SettingsError)
    yield from _rows("ResourceNotFoundException", None, NotFound, source=SCHEDULER_ERRORS)
    yield from _rows("NoSuchEntity", None, NotFound, source=IAM_ERRORS)
    yield from _rows("ConflictException", None, Conflict, source=SCHEDULER_ERRORS)
    yield Row(
        code="ValidationException",
        words="to assume the role",
        error=SettingsError,
        settles=True,
        next_step="Check `stop-schedule-role`: scheduler.amazonaws.com must be allowed to assume it, as"
        " docs/reference/iam.md shows.",
        source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/troubleshooting.html",
    )


def _of_starts() -> Iterator[Row]:
    """Yield the codes of the reasons why an instance ends at once though its launch was accepted."""
    yield Row(
        code="Client.InternalError",
        # The spot service opens volumes in a role of its own, and may lack what the launching role has.
        remedy=Remedy.OTHER_MARKET,
        error=PermissionDenied,
        next_step="Mostly, whoever launches may not use the KMS key that encrypts a volume: for spot the role"
        " AWSServiceRoleForEC2Spot, which needs a grant on it; on demand the launching role. docs/reference/iam.md has"
        " the policy and the command.",
        source=KEY_OF_VOLUMES,
    )
    yield from _rows("Client.VolumeLimitExceeded", Remedy.OTHER_REGION, CapacityError, _RAISE_QUOTA, STATE_REASONS)
    yield from _rows("Client.InvalidSnapshot.NotFound", Remedy.OTHER_REGION, SettingsError, _CHECK_IMAGE, STATE_REASONS)
    yield from _rows("Server.InsufficientInstanceCapacity", Remedy.OTHER_PLACE, source=STATE_REASONS)
    yield from _rows("Server.InternalError", Remedy.OTHER_PLACE, source=STATE_REASONS)


STARTS = {row.code: row for row in _of_starts()}
"""Codes of `StateReason` of instances that could not be started."""

ROWS: tuple[Row, ...] = (*_on_the_rung(), *_on_the_account(), *_later(), *_at_once(), *_of_other_calls())
"""AWS's error codes that `cmlkit` knows. A code `A.B` without its own row means the same as `A`."""


def row_for(code: str, status: int | None = None, said: str = "") -> Row:
    """Return the table's row for an error code and AWS's message.

    An unknown code with an HTTP status of 500 or more passes; any other closes only its rung, as nobody knows what it
    depends on.
    """
    for known in (code, code.partition(".")[0]):
        rows = [row for row in ROWS if row.code == known and row.words in said]
        if rows:
            # The row that asks for the most is the most specific.
            return max(rows, key=lambda row: len(row.words))
    if status and status >= 500:
        return Row(code=code, remedy=Remedy.LATER)
    return Row(code=code, remedy=Remedy.OTHER_PLACE, error=ServiceError)
