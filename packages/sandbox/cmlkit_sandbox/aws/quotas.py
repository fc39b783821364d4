"""Quotas: how many vCPUs an account may run at once, per kind of instance and market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cmlkit_sandbox.aws.account import ACCOUNT
from cmlkit_sandbox.aws.answer import Answer, Refusal, json_answer
from cmlkit_sandbox.aws.call import Call

_ON_DEMAND_REFUSAL = (
    "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket that"
    " the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an"
    " adjustment to this limit."
)
# Accounts opened since July 2025 may be on it. https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-plans.html
_FREE_PLAN_REFUSAL = (
    "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run"
    " 'describe-instance-types' with the filter 'free-tier-eligible=true'."
)


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One limit; `letters` are the first letters of its instance types' names."""

    code: str
    name: str
    letters: tuple[str, ...]
    is_spot: bool


_STANDARD = ("a", "c", "d", "h", "i", "m", "r", "t", "z")
# https://docs.aws.amazon.com/general/latest/gr/ec2-service.html#limits_ec2
QUOTAS = (
    Quota(
        code="L-1216C47A",
        name="Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        letters=_STANDARD,
        is_spot=False,
    ),
    Quota(
        code="L-34B43A08",
        name="All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        letters=_STANDARD,
        is_spot=True,
    ),
    Quota(code="L-DB2E81BA", name="Running On-Demand G and VT instances", letters=("g", "vt"), is_spot=False),
    Quota(code="L-3819A6DF", name="All G and VT Spot Instance Requests", letters=("g", "vt"), is_spot=True),
    Quota(code="L-417A185B", name="Running On-Demand P instances", letters=("p",), is_spot=False),
    Quota(code="L-7212CCBC", name="All P4, P3 and P2 Spot Instance Requests", letters=("p",), is_spot=True),
)
DEFAULT_LIMIT = 640


class Quotas:
    """The account's limits, the same in every region.

    Attributes:
        limits: vCPUs by the quota's code.
        is_free_plan: Whether the account is on AWS's free plan, which launches only some types.
    """

    def __init__(self) -> None:
        self.is_free_plan = False
        self.limits = {quota.code: DEFAULT_LIMIT for quota in QUOTAS}

    def check_plan(self, described: Mapping[str, object]) -> None:
        """Refuse a launch of a type, as DescribeInstanceTypes describes it, that the account's plan has not."""
        if self.is_free_plan and not described.get("FreeTierEligible"):
            raise Refusal("InvalidParameterCombination", _FREE_PLAN_REFUSAL)

    def check(self, call: Call, *, cpus: int, running: Mapping[tuple[str, bool], int]) -> None:
        """Refuse a launch that would exceed a limit.

        Args:
            cpus: vCPUs that the launch asks for.
            running: (instance type, is spot) -> vCPUs already running in the region.
        """
        is_spot = call.market == "spot"
        quota = _quota(call.instance_type, is_spot)
        if quota is None:
            return
        used = sum(count for (name, spot), count in running.items() if _quota(name, spot) is quota)
        if used + cpus <= self.limits[quota.code]:
            return
        if is_spot:
            raise Refusal("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
        raise Refusal("VcpuLimitExceeded", _ON_DEMAND_REFUSAL.format(limit=self.limits[quota.code]))

    def get(self, call: Call) -> Answer:
        """Answer Service Quotas' GetServiceQuota."""
        for quota in QUOTAS:
            if call.text("ServiceCode") == "ec2" and call.text("QuotaCode") == quota.code:
                return json_answer({"Quota": self._described(quota, call.region)})
        raise Refusal(
            "NoSuchResourceException", "The request failed because the specified service quota does not exist."
        )

    def list(self, call: Call) -> Answer:
        """Answer Service Quotas' ListServiceQuotas."""
        found = QUOTAS if call.text("ServiceCode") == "ec2" else ()
        return json_answer({"Quotas": [self._described(quota, call.region) for quota in found]})

    def _described(self, quota: Quota, region: str) -> Mapping[str, object]:
        return {
            "ServiceCode": "ec2",
            "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
            "QuotaArn": f"arn:aws:servicequotas:{region}:{ACCOUNT}:ec2/{quota.code}",
            "QuotaCode": quota.code,
            "QuotaName": quota.name,
            "Value": float(self.limits[quota.code]),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def _quota(instance_type: str, is_spot: bool) -> Quota | None:
    family = instance_type.partition(".")[0]
    letters = family[: len(family) - len(family.lstrip("abcdefghijklmnopqrstuvwxyz"))]
    return next((quota for quota in QUOTAS if letters in quota.letters and quota.is_spot == is_spot), None)
