"""Quotas: the account's limits that instances count against."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmlkit.clouds.aws.refusal import explained, fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.planning import Market
from cmlkit.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class _Family:
    """Families of types that share a quota: the prefixes of their names, and the quota's code on each market."""

    prefixes: tuple[str, ...]
    called: str
    on_demand: str
    spot: str


# Counted in vCPUs, for each region.
# https://docs.aws.amazon.com/general/latest/gr/ec2-service.html#limits_ec2
_FAMILIES = (
    _Family(prefixes=("g", "gr", "vt"), called="G and VT", on_demand="L-DB2E81BA", spot="L-3819A6DF"),
    _Family(prefixes=("p",), called="P", on_demand="L-417A185B", spot="L-7212CCBC"),
    _Family(prefixes=("inf",), called="Inf", on_demand="L-1945791B", spot="L-B5D1601B"),
    _Family(prefixes=("trn",), called="Trn", on_demand="L-2C3B7624", spot="L-6B0D517C"),
    _Family(prefixes=("dl",), called="DL", on_demand="L-6E869C2A", spot="L-85EED4F7"),
    _Family(prefixes=("f",), called="F", on_demand="L-74FC7D96", spot="L-88CF9481"),
    _Family(prefixes=("x",), called="X", on_demand="L-7295265B", spot="L-E3A00192"),
)
_STANDARD = _Family(
    prefixes=(), called="Standard (A, C, D, H, I, M, R, T, Z)", on_demand="L-1216C47A", spot="L-34B43A08"
)


def quota(instance_type: str, market: Market) -> str:
    """Return the name and code of the limit that a running instance of the type counts against."""
    family = _family(instance_type)
    if market == "spot":
        return f"All {family.called} Spot Instance Requests ({family.spot})"
    return f"Running On-Demand {family.called} instances ({family.on_demand})"


class Quotas:
    """The account's limits on running instances in the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def limit(self, instance_type: str, market: Market) -> float:
        family = _family(instance_type)
        code = family.spot if market == "spot" else family.on_demand
        doing = f"show the quota {code} in {self._region}"
        with explained(doing):
            answer = self._region.client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode=code)
        if not (found := fields_of(answer, doing).within("Quota")).has("Value"):
            raise NotFound(f"AWS names no value of the quota {code} in {self._region}.")
        return found.number("Value")


def _family(instance_type: str) -> _Family:
    letters = re.match(r"[a-z]*", instance_type)
    prefix = letters[0] if letters else ""
    return next((family for family in _FAMILIES if prefix in family.prefixes), _STANDARD)
