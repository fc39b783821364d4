"""The files that give a repository's workflows a role in AWS."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import hcl2
import pytest
import yaml

from cmlkit.clouds.aws.access import POLICIES, Grant, files, partition_of, policy, role_name, trust
from cmlkit.errors import SettingsError

GRANT = Grant(
    account="210987654321",
    repository="octo/forest",
    regions=("eu-west-1", "eu-central-1"),
    issuer="token.actions.githubusercontent.com",
    subjects=("repo:octo/forest:ref:refs/heads/trunk",),
    role="cmlkit-octo-forest",
)
# Of all inline policies of a role, without spaces:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_POLICIES_LENGTH = 10_240


@pytest.mark.parametrize("name", sorted(files(GRANT)))
def test_nothing_of_the_examples_stays_in_a_file(name: str) -> None:
    text = files(GRANT)[name]
    assert not re.search(r"OWNER|NAME/|123456789012|cmlkit-scheduler\b", text)
    assert {*re.findall(r"\b\d{12}\b", text)} <= {GRANT.account}


def test_a_role_is_trusted_with_exactly_the_subjects_and_with_patterns_only_if_they_are_some() -> None:
    [statement] = trust(GRANT)["Statement"]
    provider = "arn:aws:iam::210987654321:oidc-provider/token.actions.githubusercontent.com"
    assert statement["Principal"] == {"Federated": provider}
    of = "token.actions.githubusercontent.com"
    assert statement["Condition"] == {
        "StringEquals": {f"{of}:aud": "sts.amazonaws.com", f"{of}:sub": ["repo:octo/forest:ref:refs/heads/trunk"]}
    }
    [statement] = trust(replace(GRANT, subjects=("repo:octo@*/forest@*:ref:refs/heads/trunk",)))["Statement"]
    assert list(statement["Condition"]) == ["StringEquals", "StringLike"]


def test_a_branch_named_like_a_variable_of_policies_stays_text() -> None:
    [statement] = trust(replace(GRANT, subjects=("repo:octo/forest:ref:refs/heads/${aws:userid}",)))["Statement"]
    subjects = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subjects == ["repo:octo/forest:ref:refs/heads/${$}{aws:userid}"]


def test_instances_are_launched_in_the_regions_only_and_images_are_public() -> None:
    statements = {statement["Sid"]: statement for statement in policy("launcher", GRANT)["Statement"]}
    assert "arn:aws:ec2:eu-central-1::image/*" in statements["LaunchFromAndInto"]["Resource"]
    assert statements["WatchAndEndOnlyOurs"]["Resource"] == [
        "arn:aws:ec2:eu-west-1:*:instance/*",
        "arn:aws:ec2:eu-central-1:*:instance/*",
    ]
    assert statements["PassTheSchedulersRole"]["Resource"] == (
        "arn:aws:iam::210987654321:role/cmlkit-octo-forest-scheduler"
    )


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_arns_are_those_of_the_partition(region: str, partition: str) -> None:
    made = replace(GRANT, regions=(region,), partition=partition_of(region))
    assert {*re.findall(r"arn:([\w-]+):", json.dumps(files(made)))} == {partition}


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("octo/forest.js", "cmlkit-octo-forest.js"),
        # GitHub allows 39 characters for an owner and 100 for a repository.
        ("o" * 39 + "/" + "f" * 100, "cmlkit-ooooooooooooooooooooooooooooooooooooooo-a6d1fa60"),
    ],
)
def test_a_roles_name_fits_with_those_that_begin_with_it(repository: str, name: str) -> None:
    found = role_name(repository)
    assert found[:40] == name[:40]
    assert len(f"{found}-scheduler") <= 64
    assert found != role_name(f"{repository}x")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("account", "12345", "'12345' is not the number of an AWS account."),
        ("repository", "octo/*", "'octo/*' is not the name of a repository."),
        ("repository", 'octo/forest","*', "is not the name of a repository."),
        ("regions", ("Ireland",), "'Ireland' is not the name of an AWS region."),
        ("role", "a role", "'a role' cannot be the name of a role."),
    ],
)
def test_a_value_that_aws_would_refuse_is_refused_before(field: str, value: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        replace(GRANT, **{field: value})


def test_the_policies_of_a_role_fit_into_it_for_six_regions() -> None:
    wide = replace(GRANT, regions=tuple(f"ap-southeast-{number}" for number in range(1, 7)))
    texts = [json.dumps(policy(name, wide), separators=(",", ":")) for name in ("launcher", "reaper", "doctor")]
    assert sum(map(len, texts)) < INLINE_POLICIES_LENGTH


def test_terraform_and_cloudformation_create_the_same_roles_from_the_policies_that_are_written() -> None:
    made = files(GRANT)
    template, configuration = yaml.safe_load(made["cloudformation.yaml"]), hcl2.loads(made["main.tf"])
    roles = [item["Properties"] for item in template["Resources"].values() if item["Type"] == "AWS::IAM::Role"]
    written = {json.dumps(json.loads(text), sort_keys=True) for name, text in made.items() if name.endswith(".json")}
    policies = [item["PolicyDocument"] for role in roles for item in role["Policies"]]
    assert {json.dumps(item, sort_keys=True) for item in policies} < written
    names = [role["RoleName"] for role in roles]
    assert names == ["cmlkit-octo-forest", "cmlkit-octo-forest-scheduler", "cmlkit-octo-forest-instance"]
    kinds = [next(iter(item)).strip('"') for item in configuration["resource"]]
    assert (kinds.count("aws_iam_role"), kinds.count("aws_iam_role_policy")) == (len(roles), len(policies))
    assert all(name in made["main.tf"] for name in names)


def test_what_begins_a_template_in_terraform_stays_text() -> None:
    odd = replace(GRANT, subjects=("repo:octo/forest:ref:refs/heads/${x}-%{y}",))
    assert '"repo:octo/forest:ref:refs/heads/$${$}{x}-%%{y}"' in files(odd)["main.tf"]


def test_every_policy_is_packaged() -> None:
    assert len(list(POLICIES.glob("*.json"))) == 8
