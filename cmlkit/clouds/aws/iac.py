"""Infrastructure as code: the same roles as a CloudFormation template and as a Terraform configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmlkit.records.json_text import json_text
from cmlkit.sinks.yaml_text import document

Policy = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The workflows' role, and the two that its instances can do without.

    Attributes:
        name: That of the workflows' role.
        provider: ARN of the provider of OpenID Connect, which an account has once.
        policies: Name -> policy of the workflows' role.
    """

    name: str
    repository: str
    provider: str
    provider_url: str
    trust: Policy
    policies: Mapping[str, Policy]
    scheduler_trust: Policy
    scheduler_policy: Policy
    instance_trust: Policy
    instance_policy: Policy


def cloudformation(roles: Roles) -> str:
    """Return a template with parameters for the parts that are optional."""
    outputs = {
        "RoleArn": {"Value": _attribute("Role")},
        "StopScheduleRole": {"Condition": "WithStopSchedule", "Value": _attribute("SchedulerRole")},
        "InstanceProfile": {"Condition": "WithInstanceProfile", "Value": {"Ref": "InstanceProfile"}},
    }
    return document(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"Access of the workflows of {roles.repository} to AWS, for cmlkit",
            "Parameters": {
                "CreateProvider": _switch("Create the provider of OpenID Connect: an account has it once.", "yes"),
                "StopSchedule": _switch("Create the role for the setting stop-schedule-role.", "no"),
                "WithProfile": _switch("Create the profile for the setting iam-instance-profile.", "no"),
            },
            "Conditions": {
                "WithProvider": _is_yes("CreateProvider"),
                "WithStopSchedule": _is_yes("StopSchedule"),
                "WithInstanceProfile": _is_yes("WithProfile"),
            },
            "Resources": _resources(roles),
            "Outputs": outputs,
        }
    )


def _resources(roles: Roles) -> dict[str, Any]:
    scheduler = _role(f"{roles.name}-scheduler", roles.scheduler_trust, {"terminate": roles.scheduler_policy})
    instance = _role(f"{roles.name}-instance", roles.instance_trust, {"floor": roles.instance_policy})
    profile = {"InstanceProfileName": f"{roles.name}-instance", "Roles": [{"Ref": "InstanceRole"}]}
    return {
        "Provider": {
            "Type": "AWS::IAM::OIDCProvider",
            "Condition": "WithProvider",
            # Other repositories' roles may use it, too.
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"Url": roles.provider_url, "ClientIdList": ["sts.amazonaws.com"]},
        },
        "Role": _role(roles.name, roles.trust, roles.policies),
        "SchedulerRole": {**scheduler, "Condition": "WithStopSchedule"},
        "InstanceRole": {**instance, "Condition": "WithInstanceProfile"},
        "InstanceProfile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Condition": "WithInstanceProfile",
            "Properties": profile,
        },
    }


def _role(name: str, trust: Policy, policies: Mapping[str, Policy]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": trust,
            "Policies": [{"PolicyName": name, "PolicyDocument": policy} for name, policy in policies.items()],
        },
    }


def _switch(description: str, default: str) -> dict[str, Any]:
    return {"Type": "String", "AllowedValues": ["yes", "no"], "Default": default, "Description": description}


def _is_yes(parameter: str) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": parameter}, "yes"]}


def _attribute(resource: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, "Arn"]}


def terraform(roles: Roles) -> str:
    """Return a configuration with variables for the parts that are optional."""
    blocks = [
        _block("terraform", 'required_providers {\n    aws = { source = "hashicorp/aws", version = ">= 5.81" }\n  }'),
        _variable("create_provider", "Create the provider of OpenID Connect: an account has it once.", default=True),
        _variable("stop_schedule", "Create the role for the setting stop-schedule-role.", default=False),
        _variable("instance_profile", "Create the profile for the setting iam-instance-profile.", default=False),
        _block(
            'resource "aws_iam_openid_connect_provider" "this"',
            "count          = var.create_provider ? 1 : 0",
            f"url            = {_text(roles.provider_url)}",
            'client_id_list = ["sts.amazonaws.com"]',
        ),
        *_terraform_role("this", roles.name, roles.trust, roles.policies),
        *_terraform_role(
            "scheduler",
            f"{roles.name}-scheduler",
            roles.scheduler_trust,
            {"terminate": roles.scheduler_policy},
            only_if="stop_schedule",
        ),
        *_terraform_role(
            "instance",
            f"{roles.name}-instance",
            roles.instance_trust,
            {"floor": roles.instance_policy},
            only_if="instance_profile",
        ),
        _block(
            'resource "aws_iam_instance_profile" "instance"',
            "count = var.instance_profile ? 1 : 0",
            f"name  = {_text(f'{roles.name}-instance')}",
            "role  = aws_iam_role.instance[0].name",
        ),
        _block('output "role_arn"', "value = aws_iam_role.this.arn"),
        _block('output "stop_schedule_role"', "value = one(aws_iam_role.scheduler[*].arn)"),
        _block('output "iam_instance_profile"', "value = one(aws_iam_instance_profile.instance[*].name)"),
    ]
    return f"# Access of the workflows of {roles.repository} to AWS, for cmlkit.\n\n" + "\n\n".join(blocks) + "\n"


def _terraform_role(
    label: str, name: str, trust: Policy, policies: Mapping[str, Policy], *, only_if: str = ""
) -> list[str]:
    count = [f"count = var.{only_if} ? 1 : 0"] if only_if else []
    role = f"aws_iam_role.{label}[0]" if only_if else f"aws_iam_role.{label}"
    pad = " " if only_if else ""
    return [
        _block(
            f'resource "aws_iam_role" "{label}"',
            *count,
            f"name {pad}= {_text(name)}",
            f"assume_role_policy = jsonencode({_object(trust)})",
        ),
        *(
            _block(
                f'resource "aws_iam_role_policy" "{label}_{policy.removeprefix("cmlkit-")}"',
                *count,
                f"name {pad}= {_text(policy)}",
                f"role {pad}= {role}.id",
                f"policy = jsonencode({_object(content)})",
            )
            for policy, content in policies.items()
        ),
    ]


def _variable(name: str, description: str, *, default: bool) -> str:
    return _block(
        f'variable "{name}"',
        "type        = bool",
        f"default     = {str(default).lower()}",
        f"description = {_text(description)}",
    )


def _block(title: str, *lines: str) -> str:
    return "\n".join([f"{title} {{", *(f"  {line}" for line in lines), "}"])


def _object(value: Policy) -> str:
    """Return a JSON object as an expression, laid out as `terraform fmt` does it."""
    text = re.sub(r'(?m)^( *"(?:[^"\\]|\\.)*"): ', r"\1 : ", json_text(value, indent=2))
    return _escaped(text).replace("\n", "\n  ")


def _text(value: str) -> str:
    return _escaped(json_text(value))


def _escaped(text: str) -> str:
    """Return JSON, which Terraform's language contains, without the sequences that begin a template there."""
    return text.replace("${", "$${").replace("%{", "%%{")
