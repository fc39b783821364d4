"""A preview: the plan with its prices, and AWS's own word on whether it would be allowed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cmlkit.errors import CapacityError, PermissionDenied
from cmlkit.runner.preview import MOST_DRY_RUNS, Preview
from cmlkit.runner.preview import preview as preview_launch
from cmlkit.settings.schema import RunnerSpec
from tests.integration.aws.conftest import Setting
from tests.integration.aws.ec2 import Ec2


def preview(here: Setting, **settings: Any) -> Preview:
    return preview_launch(RunnerSpec(**settings), workflow_run=here.workflow_run, cloud_for=here.cloud_for)


def test_a_preview_lists_the_rungs_cheapest_first_within_a_market(here: Setting, ec2: Ec2) -> None:
    ec2.prices = {"m5.large": 0.107, "m6a.large": 0.096, "gp3": 0.073}
    shown = preview(here, instance_type=("m5.large", "m6a.large"), max_lifetime=1800.0)
    assert [option.rung.market for option in shown.options] == ["spot"] * 6 + ["on-demand"] * 6
    on_demand = [(option.rung.instance_type.name, option.rung.price) for option in shown.options[6:]]
    assert on_demand == [("m6a.large", 0.096)] * 3 + [("m5.large", 0.107)] * 3
    # With 30 GiB at 0.0001 USD an hour each, and the public address.
    assert shown.most == pytest.approx((0.107 + 0.003 + 0.005) / 2)
    assert shown.refusal is None


def test_a_preview_makes_nothing(here: Setting, ec2: Ec2) -> None:
    preview(here)
    assert ec2.instances() == []
    assert "CreateSecurityGroup" not in ec2.actions
    assert here.forge.created == 0
    # Two types on two markets in three zones.
    assert [asked["DryRun"] for asked in ec2.called("RunInstances")] == ["true"] * 12


def test_what_would_be_refused_is_told(here: Setting, ec2: Ec2) -> None:
    message = "User: x is not authorized to perform: iam:PassRole on resource: y"
    ec2.fail("RunInstances", "UnauthorizedOperation", message=message, status=403)
    refusal = preview(here).refusal
    assert isinstance(refusal, PermissionDenied)
    assert "iam:PassRole" in refusal.next_step
    # No other option can avoid it.
    assert len(ec2.called("RunInstances")) == 1


def test_a_refusal_of_one_type_is_told_of_that_type_alone(here: Setting, ec2: Ec2) -> None:
    # As on AWS's free plan: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-plans.html
    said = "The specified instance type is not eligible for Free Tier."
    ec2.fail("RunInstances", "InvalidParameterCombination", message=said, where={"InstanceType": "t3a.medium"})
    shown = preview(here, instance_type=("t3.medium", "t3a.medium"))
    refused = {option.rung.instance_type.name for option in shown.options if option.refusal}
    assert refused == {"t3a.medium"}
    assert shown.refusal is None


def test_a_preview_asks_about_every_market_type_and_zone_in_a_bounded_number_of_dry_runs(
    here: Setting, ec2: Ec2
) -> None:
    types = ("m5.large", "m6a.large", "m6i.large", "m7i.large", "c5.large", "c6i.large")
    shown = preview(here, instance_type=types)
    asked = ec2.called("RunInstances")
    assert len(asked) == MOST_DRY_RUNS
    assert {call["InstanceType"] for call in asked} == set(types)
    assert {call.get("InstanceMarketOptions.MarketType", "") for call in asked} == {"spot", ""}
    assert len({call["SubnetId"] for call in asked}) == 3
    assert sum(option.checked for option in shown.options) == MOST_DRY_RUNS
    assert (
        shown.notes[-1]
        == f"24 of 36 options are not checked: a preview asks about {MOST_DRY_RUNS} at most, of all kinds."
    )


def test_prices_that_may_not_be_read_are_noted(here: Setting, ec2: Ec2) -> None:
    ec2.fail("GetProducts", "AccessDeniedException", message="no pricing:GetProducts")
    shown = preview(here, market="on-demand")
    assert shown.most is None
    assert "Prices of on-demand instances in eu-west-1 are unknown" in shown.notes[0]


def test_a_limit_on_the_price_leaves_out_what_is_dearer_or_unknown(here: Setting, ec2: Ec2) -> None:
    ec2.prices = {"m5.large": 0.107, "m6a.large": 0.096}
    types = ("m5.large", "m6a.large", "m7i.large")
    shown = preview(here, instance_type=types, market="on-demand", max_price=0.1)
    assert {option.rung.instance_type.name for option in shown.options} == {"m6a.large"}
    assert "3 options that cost more, 3 whose price is unknown" in shown.notes[-1]
    assert shown.most == pytest.approx(2 * (0.096 + 0.005))


def test_a_limit_that_nothing_keeps_is_said_with_the_cheapest_price(here: Setting, ec2: Ec2) -> None:
    ec2.prices = {"m5.large": 0.107, "m6a.large": 0.096}
    with pytest.raises(CapacityError, match=re.escape("at most $0.05 an hour: the cheapest is $0.096")):
        preview(here, instance_type=("m5.large", "m6a.large"), market="on-demand", max_price=0.05)


def test_aws_is_told_the_most_that_spot_may_come_to(here: Setting, ec2: Ec2) -> None:
    preview(here, market="spot", max_price=0.5)
    asked, *_ = ec2.called("RunInstances")
    assert asked["InstanceMarketOptions.SpotOptions.MaxPrice"] == "0.500000"
