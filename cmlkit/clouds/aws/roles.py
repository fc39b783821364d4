"""Roles that a launch hands on: that of the instance, in its profile, and that of the schedule that ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cmlkit.clouds.aws.identity import Identities
from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.errors import NotFound

_INSTANCES, _SCHEDULES = "ec2", "scheduler"


class Roles:
    """The account's roles, looked at by their names: whether the one who is to get a role may take it."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def profile_problem(self, profile: str) -> str:
        """See `DiagnosingCloud`."""
        name = _name(profile)
        if elsewhere := self._elsewhere(profile):
            return elsewhere
        try:
            # It also explains an answer of another shape.
            with explained(f"show the instance profile {name}"):
                found = self._region.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
                if not found["Roles"]:
                    return f"The instance profile {name} has no role, so that it gives no access."
                document = found["Roles"][0]["AssumeRolePolicyDocument"]
                whose = f"The role of the instance profile {name}"
                return _path_problem(profile, found["Arn"]) or _trust_problem(document, whose, _INSTANCES)
        except NotFound:
            return f"The account has no instance profile {name}."

    def expiry_role_problem(self, role: str) -> str:
        """See `DiagnosingCloud`."""
        name = _name(role)
        if elsewhere := self._elsewhere(role):
            return elsewhere
        try:
            with explained(f"show the role {name}"):
                found = self._region.client("iam").get_role(RoleName=name)["Role"]
                document, whose = found["AssumeRolePolicyDocument"], f"The role {name}"
                return _path_problem(role, found["Arn"]) or _trust_problem(document, whose, _SCHEDULES)
        except NotFound:
            return f"The account has no role {name}."

    def _elsewhere(self, named: str) -> str:
        """Return that an ARN is of another account, whose roles nobody else can hand on.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        """
        if not named.startswith("arn:"):
            return ""
        account, own = named.split(":")[4], Identities(self._region).identity().account
        return "" if account == own else f"{named} belongs to another account than {own}, and cannot be handed on."


def _name(named: str) -> str:
    """Return the name in an ARN, behind its path; `named` itself if it is a name."""
    return named.rpartition("/")[2]


def _path_problem(named: str, arn: str) -> str:
    return "" if named in (arn, _name(arn)) else f"{named} is missing: the one of that name is {arn}."


def _trust_problem(document: Any, whose: str, service: str) -> str:
    """Return that a trust policy names a service nowhere; conditions are not looked at, as they may hold."""
    # In China, too, but for services such as EC2, whose principal ends with the partition's domain there.
    wanted = {f"{service}.amazonaws.com", f"{service}.amazonaws.com.cn", "*"}
    if wanted & set(_trusted(document)):
        return ""
    return f"{whose} cannot be assumed by {service}.amazonaws.com: its trust policy does not name it."


def _trusted(document: Any) -> Iterator[str]:
    """Yield the services that a trust policy allows; an asterisk for everybody.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    for statement in _listed(document.get("Statement")):
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal", "*")
        if not isinstance(principal, Mapping):
            yield str(principal)
        else:
            yield from (str(item) for kind in ("Service", "AWS") for item in _listed(principal.get(kind, [])))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
