"""AWS's error codes: what each means for a launch, and what a person is told."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from cmlkit.clouds.aws.refusal import explained, fields_of, from_answer
from cmlkit.clouds.launching import LaunchRefused, Remedy
from cmlkit.errors import AnswerLost, CmlkitError, PermissionDenied, ServiceError, SettingsError


def answer(code: str, message: str = "Something.", status: int = 400) -> dict[str, object]:
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


def launch_refused(code: str, message: str = "Something.", status: int = 400, decoded: str = "") -> LaunchRefused:
    refused = from_answer(answer(code, message, status), "launch", launching=True, decode=lambda encoded: decoded)
    assert isinstance(refused, LaunchRefused)
    return refused


def test_what_is_no_launch_is_not_refused_but_fails() -> None:
    error = from_answer(answer("RequestLimitExceeded", status=503), "list the instances")
    assert type(error) is ServiceError
    assert error.code == "RequestLimitExceeded"


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


# The forms of EC2's denials, as people report them: with the resource, and with an explicit deny.
DENIED = "User: arn:aws:sts::1:assumed-role/ci/1 is not authorized to perform: {} on resource: {}{}"
NO_POLICY = " because no identity-based policy allows the action"
BY_SCP = " with an explicit deny in a service control policy"


@pytest.mark.parametrize(
    ("action", "resource", "remedy"),
    [
        ("ec2:RunInstances", "arn:aws:ec2:eu-west-1:1:instance/*", Remedy.OTHER_PLACE),
        ("ec2:RunInstances", "arn:aws:ec2:eu-west-1:1:subnet/subnet-1", Remedy.OTHER_PLACE),
        ("ec2:RunInstances", "arn:aws:ec2:eu-west-1::image/ami-1", Remedy.OTHER_PLACE),
        ("ec2:RunInstances", "arn:aws:ec2:eu-west-1:1:spot-instances-request/*", Remedy.OTHER_MARKET),
        ("ec2:CreateTags", "arn:aws:ec2:eu-west-1:1:spot-instances-request/*", Remedy.OTHER_MARKET),
        ("ec2:RunInstances", "arn:aws:ec2:eu-west-1:1:volume/*", Remedy.OTHER_REGION),
    ],
)
def test_a_denial_closes_what_its_resource_depends_on(action: str, resource: str, remedy: Remedy) -> None:
    plain = launch_refused("UnauthorizedOperation", DENIED.format(action, resource, BY_SCP), 403)
    said = "You are not authorized. Encoded authorization failure message: AbC-123"
    decoded = launch_refused("UnauthorizedOperation", said, 403, decoded=f"{action} on {resource}")
    assert (plain.remedy, plain.ends_as) == (decoded.remedy, decoded.ends_as) == (remedy, PermissionDenied)


@pytest.mark.parametrize("action", ["iam:PassRole", "ec2:CreateTags"])
def test_a_denial_that_is_the_same_on_every_rung_ends_the_launch(action: str) -> None:
    said = DENIED.format(action, "arn:aws:ec2:eu-west-1:1:instance/*", NO_POLICY)
    error = from_answer(answer("UnauthorizedOperation", said, 403), "launch", launching=True)
    assert type(error) is PermissionDenied


# Such a policy allows some regions: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html
@pytest.mark.parametrize("action", ["iam:PassRole", "ec2:CreateTags"])
def test_an_explicit_deny_of_what_every_rung_needs_closes_its_region(action: str) -> None:
    said = DENIED.format(action, "arn:aws:ec2:eu-west-1:1:instance/*", BY_SCP)
    assert launch_refused("UnauthorizedOperation", said, 403).remedy is Remedy.OTHER_REGION


def test_a_denial_that_says_nothing_closes_its_rung() -> None:
    assert launch_refused("UnauthorizedOperation", "You are not authorized.", 403).remedy is Remedy.OTHER_PLACE


def test_a_policy_of_the_organisation_is_told_from_a_missing_permission() -> None:
    said = DENIED.format("ec2:RunInstances", "arn:aws:ec2:eu-west-1:1:instance/*", BY_SCP)
    step = launch_refused("UnauthorizedOperation", said, 403).next_step
    assert "service control policy" in step
    assert "`tags`" in step
    assert "Give the user" not in step


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


# What boto3 raises while it reads the page of a proxy, an empty answer, a word in place of a number or a time, and
# `null`: the first is an Exception of its own, the others are whatever Python finds.
@pytest.mark.parametrize(
    "error",
    [
        ResponseParserError("Unable to parse response (mismatched tag: line 1, column 15), invalid XML received."),
        KeyError("GetCallerIdentityResult"),
        ValueError("invalid literal for int() with base 10: 'x'"),
        TypeError("'NoneType' object is not iterable"),
        AttributeError("'list' object has no attribute 'get'"),
    ],
)
def test_an_answer_that_boto3_cannot_read_is_as_good_as_lost(error: Exception) -> None:
    with (
        pytest.raises(AnswerLost, match="AWS did not launch: its answer cannot be read") as raised,
        explained("launch"),
    ):
        raise error
    assert raised.value.exit_code == 7


def test_a_field_of_another_type_is_named_with_what_was_asked() -> None:
    with pytest.raises(ServiceError, match="AWS did not show the quota: its answer is not .* promises: Value is text"):
        fields_of({"Value": "x"}, "show the quota").number("Value")
