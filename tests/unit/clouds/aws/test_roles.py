"""Roles that a launch hands on, in the form of IAM's answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.aws.roles import Roles
from cmlkit.errors import AnswerLost, PermissionDenied

ROLE = "arn:aws:iam::123456789012:role/cmlkit-scheduler"
PROFILE = "arn:aws:iam::123456789012:instance-profile/cmlkit-instance"


def trusting(principal: Any, **further: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **further}]}


class Region:
    """A region whose IAM gives one answer to all that it is asked, and whose account is 123456789012."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def client(self, service: str) -> Region:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ann"}

    def asked(self, doing: str) -> Any:
        return nullcontext()

    def get_role(self, **named: str) -> Any:
        if isinstance(self.answer, str):
            raise ClientError({"Error": {"Code": self.answer, "Message": f"about {named}"}}, "GetRole")
        return self.answer

    get_instance_profile = get_role


def role(trust: Any, arn: str = ROLE) -> dict[str, Any]:
    return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": trust}}


def profile(*trusts: Any, arn: str = PROFILE) -> dict[str, Any]:
    return {"InstanceProfile": {"Arn": arn, "Roles": [{"AssumeRolePolicyDocument": trust} for trust in trusts]}}


def problem_of(answer: Any, named: str) -> str:
    roles = Roles(cast("AwsRegion", Region(answer)))
    look: Callable[[str], str] = roles.expiry_role_problem if ":role/" in named else roles.profile_problem
    return look(named)


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        (ROLE, role(trusting({"Service": "scheduler.amazonaws.com"}))),
        (ROLE, role(trusting({"Service": ["ec2.amazonaws.com", "scheduler.amazonaws.com"]}))),
        (ROLE, role({"Statement": trusting({"AWS": "*"})["Statement"][0]})),
        (ROLE, role(trusting("*"))),
        # A condition may hold or not: AWS alone can tell.
        (ROLE, role(trusting({"Service": "scheduler.amazonaws.com"}, Condition={"Bool": {"aws:X": "true"}}))),
        (PROFILE, profile(trusting({"Service": "ec2.amazonaws.com"}))),
        ("cmlkit-instance", profile(trusting({"Service": "ec2.amazonaws.com.cn"}))),
        ("cmlkit-instance", profile(trusting("*"), arn=PROFILE.replace("/cmlkit", "/ml/cmlkit"))),
    ],
)
def test_a_role_that_is_there_and_trusts_the_service_has_no_problem(named: str, answer: Any) -> None:
    assert problem_of(answer, named) == ""


@pytest.mark.parametrize(
    ("named", "answer", "said"),
    [
        (ROLE, "NoSuchEntity", "The account has no role cmlkit-scheduler."),
        (PROFILE, "NoSuchEntity", "The account has no instance profile cmlkit-instance."),
        (PROFILE, profile(), "has no role, so that it gives no access"),
        (ROLE, role(trusting({"Service": "ec2.amazonaws.com"})), "cannot be assumed by scheduler.amazonaws.com"),
        (ROLE, role(trusting({"AWS": "arn:aws:iam::123456789012:root"})), "cannot be assumed by scheduler"),
        (
            PROFILE,
            profile(trusting({"Service": "ec2.amazonaws.com"}, Effect="Deny")),
            "The role of the instance profile cmlkit-instance cannot be assumed by ec2.amazonaws.com",
        ),
        (
            ROLE,
            role(trusting("*"), arn=ROLE.replace("/cmlkit", "/ml/cmlkit")),
            "the one of that name is arn:aws:iam::1",
        ),
        (ROLE.replace("123456789012", "210987654321"), None, "belongs to another account than 123456789012"),
        (PROFILE.replace("123456789012", "210987654321"), None, "belongs to another account than 123456789012"),
    ],
)
def test_a_role_that_cannot_be_handed_on_is_told_with_the_reason(named: str, answer: Any, said: str) -> None:
    assert said in problem_of(answer, named)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("AccessDenied", PermissionDenied),
        ({}, AnswerLost),
        (role("%7B%7D"), AnswerLost),
    ],
)
def test_an_answer_that_tells_nothing_is_an_error_and_no_verdict(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        problem_of(answer, ROLE)
