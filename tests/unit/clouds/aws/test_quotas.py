"""Quotas: which of the account's limits a type counts against."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cmlkit.clouds.aws.quotas import Quotas
from cmlkit.clouds.aws.quotas import quota as quota_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.planning import Market
from cmlkit.errors import NotFound


@pytest.mark.parametrize(
    ("instance_type", "market", "quota"),
    [
        ("t3.medium", "spot", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests (L-34B43A08)"),
        ("m7a.large", "on-demand", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A)"),
        ("is4gen.large", "on-demand", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (L-1216C47A)"),
        ("g5.xlarge", "on-demand", "Running On-Demand G and VT instances (L-DB2E81BA)"),
        ("gr6.4xlarge", "spot", "All G and VT Spot Instance Requests (L-3819A6DF)"),
        ("p4d.24xlarge", "spot", "All P Spot Instance Requests (L-7212CCBC)"),
        ("inf2.xlarge", "on-demand", "Running On-Demand Inf instances (L-1945791B)"),
        ("trn1.2xlarge", "spot", "All Trn Spot Instance Requests (L-6B0D517C)"),
    ],
)
def test_a_type_counts_against_its_familys_quota(instance_type: str, market: Market, quota: str) -> None:
    assert quota_of(instance_type, market) == quota


class Region:
    """A region whose service for quotas gives one answer."""

    name = "eu-west-1"

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def client(self, service: str) -> Any:
        return SimpleNamespace(get_service_quota=lambda **asked: self._answer)


# All members of a ServiceQuota are optional.
# https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ServiceQuota.html
@pytest.mark.parametrize("answer", [{}, {"Quota": {}}])
def test_a_quota_without_a_value_is_missing(answer: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="no value of the quota L-1216C47A"):
        Quotas(cast("AwsRegion", Region(answer))).limit("t3.medium", "on-demand")
