"""AWS's error codes: what each means for a launch, and what a person is told."""

from __future__ import annotations

import pytest
from botocore import exceptions

from cmlkit.clouds.aws.refusal import ROWS, explained, from_answer, row_for
from cmlkit.clouds.launching import LaunchRefused, Remedy
from cmlkit.errors import AnswerLost, CmlkitError, NotFound, PermissionDenied, ServiceError, SettingsError


def answer(code: str, message: str = "Something.", status: int = 400) -> dict[str, object]:
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("InsufficientInstanceCapacity", 500, Remedy.OTHER_PLACE),
        ("InsufficientCapacity", 500, Remedy.OTHER_PLACE),
        ("InsufficientHostCapacity", 500, Remedy.OTHER_PLACE),
        ("UnfulfillableCapacity", 400, Remedy.OTHER_PLACE),
        ("Unsupported", 400, Remedy.OTHER_PLACE),
        ("SpotMaxPriceTooLow", 400, Remedy.OTHER_PLACE),
        ("InsufficientFreeAddressesInSubnet", 400, Remedy.OTHER_PLACE),
        ("InsufficientVolumeCapacity", 500, Remedy.OTHER_PLACE),
        ("MaxSpotInstanceCountExceeded", 400, Remedy.OTHER_QUOTA),
        ("VcpuLimitExceeded", 400, Remedy.OTHER_QUOTA),
        ("InstanceLimitExceeded", 400, Remedy.OTHER_QUOTA),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", 403, Remedy.OTHER_MARKET),
        ("VolumeLimitExceeded", 400, Remedy.OTHER_REGION),
        ("RequestLimitExceeded", 503, Remedy.LATER),
        ("Throttling", 400, Remedy.LATER),
        ("InternalError", 500, Remedy.LATER),
        ("SomethingNobodyHasHeardOf", 502, Remedy.LATER),
        ("UnauthorizedOperation", 403, PermissionDenied),
        ("AuthFailure", 401, PermissionDenied),
        ("OptInRequired", 401, PermissionDenied),
        ("ExpiredToken", 400, PermissionDenied),
        ("InvalidAMIID.NotFound", 400, SettingsError),
        ("InvalidAMIID.Unavailable", 400, SettingsError),
        ("InvalidParameter", 400, SettingsError),
        ("InvalidParameterValue", 400, SettingsError),
        ("IdempotentParameterMismatch", 400, ServiceError),
        ("InvalidInstanceID.NotFound", 400, NotFound),
        ("SomethingNobodyHasHeardOf", 400, ServiceError),
    ],
)
def test_each_code_has_its_outcome(code: str, status: int, outcome: Remedy | type[CmlkitError]) -> None:
    error = from_answer(answer(code, status=status), "launch t3.medium", launching=True)
    if isinstance(outcome, Remedy):
        assert isinstance(error, LaunchRefused)
        assert (error.remedy, error.code) == (outcome, code)
    else:
        assert type(error) is outcome


def test_no_code_has_two_rows_and_each_has_its_source() -> None:
    assert len({row.code for row in ROWS}) == len(ROWS)
    assert all(row.source.startswith("https://docs.aws.amazon.com/") for row in ROWS)


def test_what_is_no_launch_is_not_refused_but_fails() -> None:
    error = from_answer(answer("RequestLimitExceeded", status=503), "list the instances")
    assert type(error) is ServiceError
    assert error.code == "RequestLimitExceeded"


def test_an_unknown_subcode_means_what_its_code_means() -> None:
    assert row_for("InvalidAMIID.Whatever").outcome is SettingsError


def test_a_message_has_the_resource_the_cause_and_the_code() -> None:
    error = from_answer(answer("Unsupported", "Not in this zone."), "launch t3.medium in eu-west-1e")
    assert error.message == "AWS did not launch t3.medium in eu-west-1e: Not in this zone (Unsupported)."


def test_the_missing_permission_is_read_from_the_message() -> None:
    said = "User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r"
    assert "the permission iam:PassRole" in from_answer(answer("UnauthorizedOperation", said), "launch").next_step


def test_an_encoded_message_is_decoded_and_not_shown() -> None:
    said = "You are not authorized. Encoded authorization failure message: AbC-123"
    error = from_answer(
        answer("UnauthorizedOperation", said), "launch", decode=lambda encoded: f"ec2:CreateTags on * ({encoded})"
    )
    assert "AbC" not in error.message
    assert "the permission ec2:CreateTags on * (AbC-123)" in error.next_step


def test_a_page_instead_of_an_error_is_not_poured_into_the_message() -> None:
    error = from_answer(answer("502", "<html>" + "x" * 5000, status=502), "list the instances")
    assert error.message == "AWS did not list the instances: it answered with an error page (502)."


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (exceptions.NoCredentialsError(), PermissionDenied),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), PermissionDenied),
        (exceptions.ReadTimeoutError(endpoint_url="https://ec2"), AnswerLost),
        (exceptions.ConnectionClosedError(endpoint_url="https://ec2"), AnswerLost),
        (exceptions.EndpointConnectionError(endpoint_url="https://ec2"), ServiceError),
        (exceptions.ConnectTimeoutError(endpoint_url="https://ec2"), ServiceError),
        (exceptions.ParamValidationError(report="x"), SettingsError),
    ],
)
def test_calls_without_an_answer_are_told_apart_by_whether_they_were_sent(
    error: Exception, becomes: type[CmlkitError]
) -> None:
    with pytest.raises(CmlkitError) as raised, explained("list the instances"):
        raise error
    assert type(raised.value) is becomes
    assert raised.value.__cause__ is error


def test_a_launch_that_could_not_be_sent_may_be_sent_later() -> None:
    with pytest.raises(LaunchRefused) as raised, explained("launch", launching=True):
        raise exceptions.EndpointConnectionError(endpoint_url="https://ec2")
    assert raised.value.remedy is Remedy.LATER
