"""AWS's errors explained: the cause, the next step, and what else may succeed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cmlkit.clouds.launching import LaunchRefused, Remedy
from cmlkit.errors import AnswerLost, CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError, SettingsError

ERROR_CODES = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
COMMON_ERRORS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html"
SCHEDULER_ERRORS = (
    "https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html#API_CreateSchedule_Errors"
)
SPOT_ROLE = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html"

_CHECK_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones), or let"
    " aws-actions/configure-aws-credentials do it; `aws sts get-caller-identity` shows who AWS takes you for."
)
_CHECK_SETTINGS = "Check the runner's settings: `cmlkit config show` says where each value comes from."
_RAISE_QUOTA = (
    "Ask for more at https://console.aws.amazon.com/servicequotas/, or allow other types, markets or regions."
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """The meaning of one error code for a launch.

    Attributes:
        outcome: The remedy that may help, or the error that ends the launch at once.
        source: URL of AWS's documentation of the code.
    """

    code: str
    outcome: Remedy | type[CmlkitError]
    next_step: str = ""
    source: str = ERROR_CODES


ROWS = (
    Row(code="InsufficientInstanceCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="InsufficientCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="InsufficientHostCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="InsufficientReservedInstanceCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="UnfulfillableCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="Unsupported", outcome=Remedy.OTHER_PLACE),
    Row(code="SpotMaxPriceTooLow", outcome=Remedy.OTHER_PLACE),
    Row(code="InsufficientFreeAddressesInSubnet", outcome=Remedy.OTHER_PLACE),
    Row(code="InsufficientAddressCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="InsufficientVolumeCapacity", outcome=Remedy.OTHER_PLACE),
    Row(code="MaxSpotInstanceCountExceeded", outcome=Remedy.OTHER_QUOTA, next_step=_RAISE_QUOTA),
    Row(code="VcpuLimitExceeded", outcome=Remedy.OTHER_QUOTA, next_step=_RAISE_QUOTA),
    Row(code="InstanceLimitExceeded", outcome=Remedy.OTHER_QUOTA, next_step=_RAISE_QUOTA),
    Row(code="VolumeLimitExceeded", outcome=Remedy.OTHER_REGION, next_step=_RAISE_QUOTA),
    Row(
        code="AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        outcome=Remedy.OTHER_MARKET,
        next_step="The account has never used spot: let an administrator run"
        " `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com` once.",
        source=SPOT_ROLE,
    ),
    Row(code="RequestLimitExceeded", outcome=Remedy.LATER),
    Row(code="Throttling", outcome=Remedy.LATER, source=COMMON_ERRORS),
    Row(code="ThrottlingException", outcome=Remedy.LATER, source=COMMON_ERRORS),
    Row(code="EC2ThrottledException", outcome=Remedy.LATER),
    Row(code="InternalError", outcome=Remedy.LATER),
    Row(code="InternalFailure", outcome=Remedy.LATER, source=COMMON_ERRORS),
    Row(code="ServerInternal", outcome=Remedy.LATER),
    Row(code="ServiceUnavailable", outcome=Remedy.LATER, source=COMMON_ERRORS),
    Row(code="Unavailable", outcome=Remedy.LATER),
    Row(code="UnauthorizedOperation", outcome=PermissionDenied),
    Row(code="AccessDenied", outcome=PermissionDenied, source=COMMON_ERRORS),
    Row(code="AccessDeniedException", outcome=PermissionDenied, source=COMMON_ERRORS),
    Row(code="AuthFailure", outcome=PermissionDenied, next_step=_CHECK_CREDENTIALS),
    Row(
        code="OptInRequired",
        outcome=PermissionDenied,
        next_step="Enable the region, or accept the image's terms in AWS Marketplace, in the AWS console.",
    ),
    Row(
        code="PendingVerification",
        outcome=PermissionDenied,
        next_step="AWS is still verifying the account for this region; this takes minutes to hours. Try again then.",
    ),
    Row(code="Blocked", outcome=PermissionDenied, next_step="The AWS account is blocked: contact AWS Support."),
    Row(code="ExpiredToken", outcome=PermissionDenied, next_step=_CHECK_CREDENTIALS, source=COMMON_ERRORS),
    Row(code="ExpiredTokenException", outcome=PermissionDenied, next_step=_CHECK_CREDENTIALS, source=COMMON_ERRORS),
    Row(
        code="RequestExpired",
        outcome=PermissionDenied,
        next_step="This machine's clock differs from AWS's by more than five minutes, or the credentials are old.",
    ),
    Row(code="InvalidClientTokenId", outcome=PermissionDenied, next_step=_CHECK_CREDENTIALS, source=COMMON_ERRORS),
    Row(
        code="UnrecognizedClientException",
        outcome=PermissionDenied,
        next_step=_CHECK_CREDENTIALS,
        source=COMMON_ERRORS,
    ),
    Row(code="SignatureDoesNotMatch", outcome=PermissionDenied, next_step=_CHECK_CREDENTIALS, source=COMMON_ERRORS),
    Row(
        code="IdempotentParameterMismatch",
        outcome=ServiceError,
        next_step="Run the command again: each launch has client tokens of its own.",
    ),
    Row(
        code="VPCIdNotSpecified",
        outcome=SettingsError,
        next_step="The region has no default VPC: name a subnet with --subnet.",
    ),
    Row(
        code="InvalidSubnetID.NotFound",
        outcome=SettingsError,
        next_step="Check `subnet`, and that it is in this region.",
    ),
    Row(
        code="InvalidGroup.NotFound",
        outcome=SettingsError,
        next_step="Check `security-group`, and that it is in the subnet's VPC.",
    ),
    Row(code="InvalidAMIID", outcome=SettingsError, next_step="Check `image`; each region has its own image ids."),
    Row(code="InvalidInstanceType", outcome=SettingsError, next_step="Check `instance-type`."),
    Row(code="InvalidInstanceID.NotFound", outcome=NotFound),
    Row(code="ResourceNotFoundException", outcome=NotFound, source=SCHEDULER_ERRORS),
    Row(code="ConflictException", outcome=Conflict, source=SCHEDULER_ERRORS),
    Row(code="ValidationException", outcome=SettingsError, next_step=_CHECK_SETTINGS, source=COMMON_ERRORS),
    Row(code="InvalidInstanceID.Malformed", outcome=SettingsError),
    Row(code="InvalidParameter", outcome=SettingsError, next_step=_CHECK_SETTINGS),
    Row(code="InvalidParameterValue", outcome=SettingsError, next_step=_CHECK_SETTINGS),
    Row(code="InvalidParameterCombination", outcome=SettingsError, next_step=_CHECK_SETTINGS),
    Row(code="InvalidBlockDeviceMapping", outcome=SettingsError, next_step="Check `disk-size`."),
)
"""AWS's error codes that `cmlkit` knows. A code `A.B` without its own row means the same as `A`."""

_ROWS = {row.code: row for row in ROWS}
_ENCODED = "Encoded authorization failure message:"
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")


@contextmanager
def explained(
    doing: str, *, launching: bool = False, decode: Callable[[str], str] = lambda encoded: ""
) -> Iterator[None]:
    """Turn boto3's errors into cmlkit's.

    Args:
        doing: The action and its resource, as in `AWS did not …`: `list the instances in eu-west-1`.
        launching: Whether refusals with a remedy become `LaunchRefused`.
        decode: Returns the missing permission for an encoded message; empty if it is unknown.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise from_answer(error.response, doing, launching=launching, decode=decode) from error
    except BotoCoreError as error:
        raise _without_answer(error, doing, launching=launching) from error


def from_answer(
    response: Any, doing: str, *, launching: bool = False, decode: Callable[[str], str] = lambda encoded: ""
) -> CmlkitError:
    """Return cmlkit's error for AWS's error document."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None
    # If the error document is missing, boto3 fills in the status and the whole page instead.
    said = "it answered with an error page" if code.isdecimal() else str(response.get("Error", {}).get("Message", ""))
    said, _, encoded = said.partition(_ENCODED)
    row = row_for(code, status)
    message = f"AWS did not {doing}: {said.strip().rstrip('.')} ({code})."
    if isinstance(row.outcome, Remedy):
        if launching:
            return LaunchRefused(message, code=code, remedy=row.outcome, next_step=row.next_step)
        return ServiceError(message, next_step=row.next_step, status=status, code=code)
    if issubclass(row.outcome, ServiceError):
        return row.outcome(message, next_step=row.next_step, status=status, code=code)
    if row.outcome is PermissionDenied and not row.next_step:
        return PermissionDenied(message, next_step=_permission_needed(said, decode(encoded.strip()) if encoded else ""))
    return row.outcome(message, next_step=row.next_step)


def row_for(code: str, status: int | None = None) -> Row:
    """Return the table's row for an error code; for an unknown code, a row according to the HTTP status."""
    if row := _ROWS.get(code) or _ROWS.get(code.partition(".")[0]):
        return row
    return Row(code=code, outcome=Remedy.LATER if status and status >= 500 else ServiceError)


def _permission_needed(said: str, decoded: str) -> str:
    named = _ACTION.search(said)
    if permission := decoded or (named[1] if named else ""):
        return f"Give the user or role the permission {permission}; docs/reference/iam has complete policies."
    return "Give the user or role the permissions in docs/reference/iam."


def _without_answer(error: Exception, doing: str, *, launching: bool) -> CmlkitError:
    from botocore import exceptions

    message = f"AWS did not {doing}: {str(error).rstrip('.')}."
    if isinstance(error, exceptions.NoCredentialsError):
        return PermissionDenied("There are no AWS credentials.", next_step=_CHECK_CREDENTIALS)
    if isinstance(error, exceptions.PartialCredentialsError | exceptions.CredentialRetrievalError):
        return PermissionDenied(message, next_step=_CHECK_CREDENTIALS)
    if isinstance(error, exceptions.ParamValidationError | exceptions.InvalidRegionError):
        return SettingsError(message, next_step=_CHECK_SETTINGS)
    if isinstance(error, exceptions.ConnectionError):
        # The request was never sent.
        if launching:
            return LaunchRefused(message, code=type(error).__name__, remedy=Remedy.LATER)
        return ServiceError(message, next_step="Check the network, and that the region's name is right.")
    if isinstance(error, exceptions.HTTPClientError):
        return AnswerLost(message, next_step="Check the network, and try again.")
    return ServiceError(message)
