"""Access: the files that give the workflows of one repository a role in an account. Nothing is asked of AWS."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.clouds.aws import iac
from cmlkit.errors import SettingsError
from cmlkit.records.json_text import json_text, read_json

POLICIES = Path(__file__).parent / "policies"
OF_THE_ROLE = ("launcher", "reaper", "doctor")
OF_OTHERS = ("scheduler-role", "instance", "connect")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; the longest suffix is -scheduler.
ROLE_NAME_LENGTH = 64 - len("-scheduler")
_VERSION = "2012-10-17"
# Services whose resources belong to a region that the ARN names.
_REGIONAL = ("ec2", "ssm", "scheduler", "kms")


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Who gets access to what.

    Attributes:
        account: 12 digits.
        repository: `OWNER/NAME`.
        regions: Where instances may be launched.
        issuer: The forge's issuer of OpenID Connect tokens, without the scheme.
        subjects: The workflows' subjects; an asterisk stands for anything.
        role: Name of the role that workflows assume; its other roles' names begin with it.
        partition: The part of AWS that has the account, such as `aws`.
    """

    account: str
    repository: str
    regions: tuple[str, ...]
    issuer: str
    subjects: tuple[str, ...]
    role: str
    partition: str = "aws"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{12}", self.account):
            raise SettingsError(
                f"{self.account!r} is not the number of an AWS account.", next_step="It has 12 digits: --account."
            )
        # It goes into policies as text, in which quotes and asterisks mean something.
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository, re.ASCII):
            raise SettingsError(
                f"{self.repository!r} is not the name of a repository.",
                next_step="Correct the URL of the remote origin.",
            )
        for region in self.regions:
            if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region):
                raise SettingsError(
                    f"{region!r} is not the name of an AWS region.", next_step="Name one such as eu-west-1: --region."
                )
        if not re.fullmatch(rf"[\w+=,.@-]{{1,{ROLE_NAME_LENGTH}}}", self.role, re.ASCII):
            raise SettingsError(
                f"{self.role!r} cannot be the name of a role.",
                next_step=f"Take up to {ROLE_NAME_LENGTH} letters, digits and +=,.@_-: --role.",
            )

    @property
    def role_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role}"

    @property
    def provider_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{self.issuer}"


def role_name(repository: str) -> str:
    """Return a repository's name for its role: another one for each repository, also if it must be cut."""
    name = "cmlkit-" + re.sub(r"[^A-Za-z0-9_.-]", "-", repository)
    if len(name) <= ROLE_NAME_LENGTH:
        return name
    digest = hashlib.sha256(repository.encode()).hexdigest()[:8]
    return f"{name[: ROLE_NAME_LENGTH - len(digest) - 1]}-{digest}"


def partition_of(region: str) -> str:
    """Return the partition of a region. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def files(grant: Grant) -> dict[str, str]:
    """Return name -> text: every policy as JSON, and a CloudFormation and a Terraform file that create everything."""
    roles = iac.Roles(
        name=grant.role,
        repository=grant.repository,
        provider=grant.provider_arn,
        provider_url=f"https://{grant.issuer}",
        trust=trust(grant),
        policies={f"cmlkit-{name}": policy(name, grant) for name in OF_THE_ROLE},
        scheduler_trust=_service_trust("scheduler", {"StringEquals": {"aws:SourceAccount": grant.account}}),
        scheduler_policy=policy("scheduler-role", grant),
        instance_trust=_service_trust("ec2"),
        instance_policy=policy("instance", grant),
    )
    documents = {
        "trust": roles.trust,
        **{name: policy(name, grant) for name in (*OF_THE_ROLE, *OF_OTHERS)},
    }
    return {
        "cloudformation.yaml": iac.cloudformation(roles),
        "main.tf": iac.terraform(roles),
        **{f"{name}.json": json_text(document, indent=2) + "\n" for name, document in documents.items()},
    }


def trust(grant: Grant) -> dict[str, Any]:
    """Return the policy by which only the workflows with the grant's subjects may assume the role."""
    # A branch may be named like a variable of policies.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars
    subjects = [subject.replace("${", "${$}{") for subject in grant.subjects]
    has_patterns = any("*" in subject for subject in subjects)
    matching = "StringLike" if has_patterns else "StringEquals"
    conditions: dict[str, Any] = {"StringEquals": {f"{grant.issuer}:aud": "sts.amazonaws.com"}}
    conditions.setdefault(matching, {})[f"{grant.issuer}:sub"] = subjects
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": grant.provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": conditions,
            }
        ],
    }


def policy(name: str, grant: Grant) -> dict[str, Any]:
    """Return a policy for the grant's repository, account, partition and regions."""
    text = (POLICIES / f"{name}.json").read_text(encoding="utf-8")
    text = text.replace("OWNER/NAME", grant.repository).replace("123456789012", grant.account)
    text = re.sub(":(role|instance-profile)/cmlkit-", rf":\1/{grant.role}-", text)
    text = text.replace('"arn:aws:', f'"arn:{grant.partition}:')
    document: dict[str, Any] = read_json(text)
    statements = [_in_regions(statement, grant.regions) for statement in document["Statement"]]
    return {**document, "Statement": statements}


def _in_regions(statement: Mapping[str, Any], regions: tuple[str, ...]) -> dict[str, Any]:
    resources = statement["Resource"]
    if isinstance(resources, str):
        resources = [resources]
    named = [arn for resource in resources for arn in _arns(resource, regions)]
    return {**statement, "Resource": named[0] if len(named) == 1 else named}


def _arns(resource: str, regions: tuple[str, ...]) -> list[str]:
    parts = resource.split(":", 4)
    if len(parts) < 5 or parts[2] not in _REGIONAL or parts[3] != "*":
        return [resource]
    return [":".join([*parts[:3], region, parts[4]]) for region in regions]


def _service_trust(service: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": _VERSION, "Statement": [{**statement, **({"Condition": condition} if condition else {})}]}
