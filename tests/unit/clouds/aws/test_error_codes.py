"""AWS's error codes, as its documentation lists them for EC2: what each depends on, and what follows for a launch."""

from __future__ import annotations

import pytest

from cmlkit.clouds.aws.error_codes import ROWS, row_for
from cmlkit.clouds.launching import Remedy
from cmlkit.errors import CapacityError, CmlkitError, NotFound, PermissionDenied, ServiceError, SettingsError

FREE_PLAN = (
    "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run"
    " 'describe-instance-types' with the filter 'free-tier-eligible=true'."
)
NO_PROFILE = "Value (gone) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
CAPACITY = """
    InsufficientAddressCapacity InsufficientCapacity InsufficientCapacityOnHost InsufficientFreeAddressesInSubnet
    InsufficientHostCapacity InsufficientInstanceCapacity InsufficientReservedInstanceCapacity
    InsufficientReservedInstancesCapacity InsufficientVolumeCapacity ReservationCapacityExceeded SpotMaxPriceTooLow
    UnfulfillableCapacity Unsupported
"""
RUNG = """
    ClientInvalidParameterValue InvalidAMIID.NotFound InvalidAMIID.Unavailable InvalidAvailabilityZone
    InvalidBlockDeviceMapping InvalidCharacter InvalidGroup.NotFound InvalidInput InvalidParameter
    InvalidParameterCombination InvalidParameterDependency InvalidParameterValue InvalidRequest
    InvalidSecurityGroupID.NotFound InvalidSnapshot.NotFound InvalidSubnet InvalidSubnetID.NotFound
    InvalidSubnetId.NotFound InvalidTenancy InvalidZone.NotFound OperationNotPermitted UnsupportedOperation
    UnsupportedTenancy VolumeIOPSLimit
    VolumeTypeNotAvailableInZone
"""
TYPE = """
    AttachmentLimitExceeded EncryptedVolumesNotSupported InstanceCreditSpecification.NotSupported
    InvalidInstanceAttributeValue InvalidInstanceFamily InvalidInstanceType InvalidInterface.IpAddressLimitExceeded
    NonEBSInstance PrivateIpAddressLimitExceeded UnsupportedInstanceTypeOnHost
"""
QUOTA = "InstanceLimitExceeded MaxSpotInstanceCountExceeded VcpuLimitExceeded"
MARKET = "AccountDisabled AuthFailure.ServiceLinkedRoleCreationNotPermitted TagPolicyViolation"
REGION = """
    AuthFailure CustomerKeyHasBeenRevoked DefaultVpcDoesNotExist InvalidRegion OptInRequired PendingVerification
    VPCIdNotSpecified VPCResourceNotSpecified
"""
LIMIT_OF_REGION = """
    AddressLimitExceeded MaxIOPSLimitExceeded NetworkInterfaceLimitExceeded ResourceCountExceeded
    ResourceLimitExceeded SecurityGroupLimitExceeded VolumeLimitExceeded
"""
PASSES = """
    BandwidthLimitExceeded ConcurrentTagAccess CreditSpecificationUpdateInProgress InternalError InternalFailure
    RequestLimitExceeded RetryableError ServerInternal ServiceUnavailable Throttling Unavailable
"""
NOTHING = """
    Blocked BootForVolumeTypeUnsupported ExpiredToken IdempotentParameterMismatch IncompleteSignature InvalidAction
    InvalidAMIID.Malformed InvalidClientToken InvalidClientTokenId InvalidGroupId.Malformed
    InvalidIamInstanceProfileArn.Malformed InvalidQueryParameter InvalidSecurity.RequestHasExpired
    InvalidSecurityGroupId.Malformed InvalidSubnetID.Malformed InvalidTagKey.Malformed MalformedQueryString
    MissingAction MissingAuthenticationToken MissingInput MissingParameter NoSuchVersion RequestExpired
    SecurityGroupsPerInstanceLimitExceeded SecurityGroupsPerInterfaceLimitExceeded SignatureDoesNotMatch
    TagLimitExceeded UnknownParameter UnknownVolumeType UnsupportedProtocol ValidationError
"""
DEPENDS = [
    (CAPACITY, Remedy.OTHER_PLACE),
    (RUNG, Remedy.OTHER_PLACE),
    (TYPE, Remedy.OTHER_TYPE),
    (QUOTA, Remedy.OTHER_QUOTA),
    (MARKET, Remedy.OTHER_MARKET),
    (REGION, Remedy.OTHER_REGION),
    (LIMIT_OF_REGION, Remedy.OTHER_REGION),
    (PASSES, Remedy.LATER),
    (NOTHING, None),
]


@pytest.mark.parametrize(
    ("code", "remedy"), [pytest.param(code, remedy, id=code) for codes, remedy in DEPENDS for code in codes.split()]
)
def test_a_code_closes_what_it_depends_on(code: str, remedy: Remedy | None) -> None:
    row = row_for(code, 400)
    assert row.code in (code, code.partition(".")[0])
    assert row.remedy is remedy


@pytest.mark.parametrize("code", f"{CAPACITY} {QUOTA} {LIMIT_OF_REGION} {PASSES}".split())
def test_want_of_capacity_or_quota_is_a_capacity_error(code: str) -> None:
    assert row_for(code).error is CapacityError


@pytest.mark.parametrize("code", f"{RUNG} {TYPE} {REGION} {MARKET} {NOTHING}".split())
def test_what_is_no_capacity_never_ends_as_a_lack_of_it(code: str) -> None:
    assert row_for(code).error in (SettingsError, PermissionDenied, ServiceError)


@pytest.mark.parametrize(
    ("code", "said", "remedy", "error", "step"),
    [
        ("InvalidParameterCombination", FREE_PLAN, Remedy.OTHER_TYPE, SettingsError, "m7i-flex.large"),
        ("InvalidParameterValue", NO_PROFILE, Remedy.OTHER_REGION, SettingsError, "`iam-instance-profile`"),
        ("InvalidParameterValue", "User data is limited to 16384 bytes", None, SettingsError, "`startup-script`"),
        ("AuthFailure", "Not authorized for images: [ami-1]", Remedy.OTHER_PLACE, PermissionDenied, "`image`"),
        ("TagPolicyViolation", "The tag policy does not allow it.", Remedy.OTHER_MARKET, SettingsError, "`tags`"),
    ],
)
def test_a_code_with_several_meanings_is_told_by_its_words(
    code: str, said: str, remedy: Remedy | None, error: type[CmlkitError], step: str
) -> None:
    row = row_for(code, 400, said)
    assert (row.remedy, row.error) == (remedy, error)
    assert step in row.next_step


def test_no_code_has_two_rows_for_the_same_words_and_each_has_its_source() -> None:
    assert len({(row.code, row.words) for row in ROWS}) == len(ROWS)
    assert all(row.source.startswith("https://docs.aws.amazon.com/") for row in ROWS)


def test_an_unknown_subcode_means_what_its_code_means() -> None:
    assert row_for("InvalidParameterValue.Whatever").error is SettingsError


def test_an_unknown_code_closes_its_rung_and_one_of_the_server_passes() -> None:
    assert row_for("SomethingNobodyHasHeardOf", 400).remedy is Remedy.OTHER_PLACE
    assert row_for("SomethingNobodyHasHeardOf", 400).error is ServiceError
    assert row_for("SomethingNobodyHasHeardOf", 502).remedy is Remedy.LATER


def test_an_instance_that_is_unknown_is_not_found() -> None:
    assert row_for("InvalidInstanceID.NotFound").error is NotFound
