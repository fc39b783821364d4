"""The charges of a run: the sum of those that the cloud knows, and which ones it does not know or waives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cmlkit.clouds.launching import Instance
from cmlkit.errors import PermissionDenied
from cmlkit.runner.charges import Charges, charges

NOW = 1_800_007_200.0


@dataclass
class Region:
    """A region with one price, in USD per hour; it may be unknown, or a secret."""

    price: float | None = None
    is_secret: bool = False

    def charge(self, instance: Instance, *, until: float) -> float | None:
        if self.is_secret:
            raise PermissionDenied("The prices may not be read.")
        return None if self.price is None else self.price * (until - instance.launched) / 3600


REGIONS: Mapping[str, Any] = {
    "here": Region(0.10),
    "there": Region(0.30),
    "free": Region(0.0),
    "new": Region(),
    "closed": Region(is_secret=True),
}


def instance(region: str, *, hours: float | None = None) -> Instance:
    """An instance that was launched two hours before now; it ended after `hours`, or still runs."""
    launched = NOW - 7200
    return Instance(
        id=f"i-{region}",
        state="running" if hours is None else "terminated",
        instance_type="small",
        market="spot",
        region=region,
        zone=f"{region}-a",
        launched=launched,
        ended=None if hours is None else launched + hours * 3600,
    )


@pytest.mark.parametrize(
    ("instances", "total"),
    [
        ([instance("here")], Charges(usd=0.20, instances=1)),
        ([instance("here", hours=0.5)], Charges(usd=0.05, instances=1)),
        ([instance("here"), instance("there", hours=1)], Charges(usd=0.50, instances=2)),
        ([instance("free")], Charges(usd=0.0, instances=1, waived=("i-free",))),
        ([instance("new"), instance("closed")], Charges(instances=2, unknown=("i-new", "i-closed"))),
        (
            [instance("closed"), instance("here"), instance("free"), instance("new")],
            Charges(usd=0.20, instances=4, waived=("i-free",), unknown=("i-closed", "i-new")),
        ),
        ([], Charges()),
    ],
)
def test_instances_are_charged_until_their_end_or_until_now(instances: list[Instance], total: Charges) -> None:
    found = charges(instances, cloud_for=REGIONS.__getitem__, now=NOW)
    assert found.usd == (None if total.usd is None else pytest.approx(total.usd))
    assert (found.instances, found.waived, found.unknown) == (total.instances, total.waived, total.unknown)


@pytest.mark.parametrize(
    ("total", "cost", "notes"),
    [
        (Charges(usd=0.5, instances=2), "$0.50 for 2 instances", []),
        (Charges(), "unknown for 0 instances", []),
        (Charges(usd=0.0, instances=1, waived=("i-1",)), "$0.00 for 1 instance", ["1 instance interrupted"]),
        (Charges(instances=1, unknown=("i-1",)), "unknown for 1 instance", ["unknown for i-1"]),
        (
            Charges(usd=0.2, instances=4, waived=("i-1", "i-2"), unknown=("i-3", "i-4")),
            "$0.20 for 4 instances",
            ["2 instances interrupted", "unknown for i-3, i-4"],
        ),
    ],
)
def test_charges_say_what_they_contain_and_what_is_missing(total: Charges, cost: str, notes: list[str]) -> None:
    told = [f"{cost}, without disk, address and data", *notes]
    assert str(total) == "; ".join(told).replace("interrupted", "interrupted in the first hour, and not charged")
