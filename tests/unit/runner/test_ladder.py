"""The ladder: in which order rungs are tried, and what a refusal closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from cmlkit.clouds.launching import Instance, LaunchIncomplete, LaunchRefused, Remedy
from cmlkit.clouds.planning import Image, InstanceType, Market, Subnet
from cmlkit.errors import AnswerLost, CapacityError, CmlkitError, PermissionDenied, ServiceError, SettingsError
from cmlkit.runner.ladder import (
    PAUSES_SECONDS,
    SETTLING_PAUSES_SECONDS,
    Refusal,
    Request,
    Rung,
    climb,
    ordered,
)
from tests.fake_forge import FastClock


def rung(
    name: str, market: Market = "spot", *, zone: str = "eu-west-1a", quota: str = "Q", price: float | None = None
) -> Rung:
    return Rung(
        cloud="AWS",
        region=zone[:-1],
        instance_type=InstanceType(name=name, architecture="x86_64", cpus=2, memory=4.0),
        market=market,
        subnet=Subnet(id=f"subnet-{zone}", network="vpc-1", zone=zone),
        security_groups=("sg-1",),
        image=Image(id="ami-1", name="", architecture="x86_64", root_device="/dev/sda1", disk_size=8),
        quota=quota,
        price=price,
    )


def instance(of: Rung) -> Instance:
    return Instance(
        id="i-1",
        state="pending",
        instance_type=of.instance_type.name,
        market=of.market,
        region=of.region,
        zone=of.subnet.zone,
        launched=0.0,
    )


def refuse(
    remedy: Remedy,
    code: str = "Refused",
    next_step: str = "",
    *,
    words: str = "",
    ends_as: type[CmlkitError] = CapacityError,
    settles: bool = False,
) -> LaunchRefused:
    return LaunchRefused(
        "AWS did not launch it.",
        code=code,
        remedy=remedy,
        next_step=next_step,
        words=words,
        ends_as=ends_as,
        settles=settles,
    )


class Attempts:
    """Launches on the rungs of `holding`, after the errors that are scripted for a rung's type."""

    def __init__(self, holding: Sequence[Rung] = (), errors: Mapping[str, list[Exception]] | None = None) -> None:
        self.holding = holding
        self.errors = errors or {}
        self.requests: list[Rung] = []
        self.tried: list[Rung] = []

    def __call__(self, on: Rung) -> Request:
        self.requests.append(on)
        return lambda: self._launched(on)

    def _launched(self, on: Rung) -> Instance:
        self.tried.append(on)
        if scripted := self.errors.get(on.instance_type.name):
            raise scripted.pop(0)
        if on in self.holding:
            return instance(on)
        raise refuse(Remedy.OTHER_PLACE, "InsufficientInstanceCapacity")


def test_rungs_go_by_market_then_price_then_the_order_they_came_in() -> None:
    rungs = [
        rung("a", "on-demand", price=0.1),
        rung("b", "spot", price=0.5),
        rung("c", "spot", price=None),
        rung("d", "spot", price=0.2),
        rung("e", "spot", price=None),
    ]
    assert [item.instance_type.name for item in ordered(rungs, ("spot", "on-demand"))] == ["d", "b", "c", "e", "a"]


def test_the_first_rung_that_holds_is_taken_and_no_other_is_tried() -> None:
    rungs = [rung("a"), rung("b"), rung("c")]
    launch = Attempts(holding=rungs[1:])
    taken, _ = climb(rungs, launch, clock=FastClock())
    assert taken == rungs[1]
    assert launch.tried == rungs[:2]


def test_lack_of_capacity_is_not_asked_for_twice_in_one_place() -> None:
    clock = FastClock()
    rungs = [rung("a"), rung("b")]
    launch = Attempts()
    with pytest.raises(CapacityError):
        climb(rungs, launch, clock=clock)
    assert launch.tried == rungs
    assert clock.slept == []


@pytest.mark.parametrize(
    ("remedy", "left"),
    [
        (Remedy.OTHER_PLACE, ["same-quota", "other-market", "other-quota", "other-region"]),
        (Remedy.OTHER_TYPE, ["same-quota", "other-market", "other-quota", "other-region"]),
        (Remedy.OTHER_QUOTA, ["other-market", "other-quota", "other-region"]),
        (Remedy.OTHER_MARKET, ["other-market", "other-region"]),
        (Remedy.OTHER_REGION, ["other-region"]),
    ],
)
def test_a_refusal_closes_what_the_same_cause_would_refuse(remedy: Remedy, left: list[str]) -> None:
    rungs = [
        rung("first"),
        rung("same-quota", zone="eu-west-1b"),
        rung("other-market", "on-demand", quota="Q on demand"),
        rung("other-quota", quota="Q of GPUs"),
        rung("other-region", zone="us-east-1a"),
    ]
    launch = Attempts(errors={"first": [refuse(remedy)]})
    with pytest.raises(CapacityError):
        climb(rungs, launch, clock=FastClock())
    assert [item.instance_type.name for item in launch.tried[1:]] == left


def test_a_throttled_rung_is_tried_again_after_growing_pauses() -> None:
    clock = FastClock()
    rungs = [rung("a"), rung("b")]
    launch = Attempts(rungs, errors={"a": [refuse(Remedy.LATER), refuse(Remedy.LATER)]})
    taken, _ = climb(rungs, launch, clock=clock)
    assert taken == rungs[0]
    first, second = clock.slept
    assert 0.5 <= first <= 1.5
    assert 1.0 <= second <= 3.0


def test_a_rung_that_stays_throttled_gives_way_to_the_next() -> None:
    rungs = [rung("a"), rung("b")]
    launch = Attempts(rungs, errors={"a": [refuse(Remedy.LATER) for _ in range(len(PAUSES_SECONDS) + 1)]})
    assert climb(rungs, launch, clock=FastClock())[0] == rungs[1]


def test_a_lost_answer_is_asked_for_again_on_the_same_rung() -> None:
    rungs = [rung("a"), rung("b")]
    launch = Attempts(rungs, errors={"a": [AnswerLost("reset")]})
    assert climb(rungs, launch, clock=FastClock())[0] == rungs[0]
    assert (launch.requests, launch.tried) == ([rungs[0]], [rungs[0]] * 2)


def test_after_a_pause_for_capacity_the_request_is_a_new_one() -> None:
    only = rung("a")
    full = [refuse(Remedy.OTHER_PLACE) for _ in range(2)]
    launch = Attempts([only], errors={"a": [full[0], AnswerLost("reset"), refuse(Remedy.LATER), full[1]]})
    assert climb([only], launch, clock=FastClock(), patience=3600.0)[0] == only
    assert (len(launch.requests), len(launch.tried)) == (3, 5)


@pytest.mark.parametrize(
    ("remedy", "ends_as", "is_tried_again"),
    [
        (Remedy.OTHER_PLACE, CapacityError, True),
        (Remedy.LATER, CapacityError, True),
        (Remedy.OTHER_QUOTA, CapacityError, False),
        (Remedy.OTHER_REGION, CapacityError, False),
        (Remedy.OTHER_PLACE, PermissionDenied, False),
        (Remedy.OTHER_TYPE, SettingsError, False),
    ],
)
def test_only_places_that_are_full_are_tried_again(
    remedy: Remedy, ends_as: type[CmlkitError], is_tried_again: bool
) -> None:
    full, other = rung("a"), rung("b", zone="us-east-1a")
    launch = Attempts(errors={"b": [refuse(remedy, ends_as=ends_as) for _ in range(99)]})
    with pytest.raises(CapacityError):
        climb([other, full], launch, clock=FastClock(), patience=300.0)
    assert launch.requests.count(full) > 1
    assert (launch.requests.count(other) > 1) is is_tried_again


@pytest.mark.parametrize("patience", [0.5, 100.0, 86_400.0])
def test_full_places_are_tried_again_in_growing_pauses_until_patience_ends(patience: float) -> None:
    clock, launch = FastClock(), Attempts()
    told: list[float] = []
    with pytest.raises(CapacityError):
        climb([rung("a")], launch, clock=clock, patience=patience, waiting=told.append)
    assert sum(clock.slept) == pytest.approx(patience)
    assert told == clock.slept
    assert len(launch.tried) == len(clock.slept) + 1
    for pause, middle in zip(clock.slept[:-1], [15.0, 30.0, 60.0, *[120.0] * len(clock.slept)], strict=False):
        assert 0.8 * middle <= pause <= 1.2 * middle


def test_without_patience_nothing_is_waited_for() -> None:
    clock = FastClock()
    with pytest.raises(CapacityError):
        climb([rung("a")], Attempts(), clock=clock)
    assert clock.slept == []


@pytest.mark.parametrize("error", [AnswerLost("reset"), refuse(Remedy.LATER)])
def test_launches_that_began_together_do_not_repeat_together(error: Exception) -> None:
    slept = []
    for _ in range(100):
        clock = FastClock()
        climb([rung("a")], Attempts([rung("a")], {"a": [error]}), clock=clock)
        slept += clock.slept
    assert len(set(slept)) == 100
    assert all(0.5 <= pause <= 1.5 for pause in slept)


def incomplete(*, settles: bool) -> LaunchIncomplete:
    return LaunchIncomplete(instance(rung("a")), PermissionDenied("It may not schedule."), settles=settles)


@pytest.mark.parametrize("not_known_yet", [refuse(Remedy.OTHER_TYPE, settles=True), incomplete(settles=True)])
def test_a_name_that_the_cloud_does_not_know_yet_is_waited_for(not_known_yet: Exception) -> None:
    clock, rungs = FastClock(), [rung("a"), rung("b")]
    launch = Attempts(rungs, {"a": [not_known_yet] * len(SETTLING_PAUSES_SECONDS)})
    assert climb(rungs, launch, clock=clock)[0] == rungs[0]
    assert (clock.slept, launch.requests) == (list(SETTLING_PAUSES_SECONDS), rungs[:1])


def test_a_name_that_is_wrong_on_every_rung_is_waited_for_only_once() -> None:
    clock, unknown = FastClock(), refuse(Remedy.OTHER_TYPE, settles=True, ends_as=SettingsError)
    launch = Attempts(errors={name: [unknown] * 9 for name in ("a", "b")})
    with pytest.raises(SettingsError):
        climb([rung("a"), rung("b")], launch, clock=clock)
    assert clock.slept == list(SETTLING_PAUSES_SECONDS)
    assert [item.instance_type.name for item in launch.tried] == [*"aaaaaa", "b"]


def test_an_instance_without_its_expiry_ends_the_climb() -> None:
    launch = Attempts([rung("b")], {"a": [incomplete(settles=False)]})
    with pytest.raises(LaunchIncomplete):
        climb([rung("a"), rung("b")], launch, clock=FastClock())
    assert len(launch.tried) == 1


@pytest.mark.parametrize("last", [lambda: AnswerLost("reset"), lambda: refuse(Remedy.LATER)])
def test_no_other_rung_is_tried_while_an_instance_may_exist(last: Callable[[], Exception]) -> None:
    rungs = [rung("a"), rung("b")]
    launch = Attempts(rungs, errors={"a": [AnswerLost("reset"), *(last() for _ in PAUSES_SECONDS)]})
    with pytest.raises(ServiceError, match="is unknown: reset") as raised:
        climb(rungs, launch, clock=FastClock())
    assert raised.value.next_step == "Try again when the connection to AWS is stable."
    assert {item.instance_type.name for item in launch.tried} == {"a"}


def test_what_no_other_rung_can_mend_ends_the_climb() -> None:
    launch = Attempts(errors={"a": [PermissionDenied("no")]})
    with pytest.raises(PermissionDenied):
        climb([rung("a"), rung("b")], launch, clock=FastClock())
    assert len(launch.tried) == 1


def test_the_end_of_the_ladder_is_a_table_with_quotas_and_steps() -> None:
    rungs = [rung("m5.large", quota="All Standard (L-1)"), rung("g5.xlarge", quota="All G (L-2)")]
    quota = refuse(Remedy.OTHER_QUOTA, "MaxSpotInstanceCountExceeded", "Ask for more.")
    told: list[Refusal] = []
    with pytest.raises(CapacityError) as raised:
        climb(rungs, Attempts(errors={"m5.large": [quota]}), clock=FastClock(), refused=told.append)
    assert raised.value.message == (
        "No instance could be launched. Tried:\n"
        "  m5.large spot in eu-west-1a (subnet-eu-west-1a): MaxSpotInstanceCountExceeded\n"
        "  g5.xlarge spot in eu-west-1a (subnet-eu-west-1a): InsufficientInstanceCapacity"
    )
    assert raised.value.next_step == "Used up: All Standard (L-1) in eu-west-1.\nAsk for more."
    assert [refusal.rung for refusal in told] == rungs


def test_a_refused_type_is_not_tried_in_other_zones_or_markets_and_the_next_type_is() -> None:
    rungs = [rung("t3.medium"), rung("t3.medium", zone="eu-west-1b"), rung("t3.medium", "on-demand"), rung("t3.small")]
    launch = Attempts(rungs, errors={"t3.medium": [refuse(Remedy.OTHER_TYPE, ends_as=SettingsError)]})
    assert climb(rungs, launch, clock=FastClock())[0] == rungs[3]
    assert len(launch.tried) == 2


def test_what_was_refused_after_an_earlier_climb_stays_closed_and_is_in_the_table() -> None:
    first, second = rung("a"), rung("a", "on-demand")
    attempts = Attempts(errors={"a": [refuse(Remedy.OTHER_PLACE, "InsufficientInstanceCapacity")]})
    earlier = Refusal(rung=first, error=refuse(Remedy.OTHER_MARKET, "Client.InternalError"))
    with pytest.raises(CapacityError, match=r"a spot .*: Client.InternalError"):
        climb([first, rung("b"), second], attempts, clock=FastClock(), earlier=[earlier])
    assert attempts.tried == [second]


@pytest.mark.parametrize("ends_as", [SettingsError, PermissionDenied, ServiceError])
def test_a_ladder_that_settings_or_permissions_close_ends_as_their_error(ends_as: type[CmlkitError]) -> None:
    launch = Attempts(
        errors={"a": [refuse(Remedy.OTHER_TYPE, "Denied", "Do this.", words="Because.", ends_as=ends_as)]}
    )
    with pytest.raises(CmlkitError) as raised:
        climb([rung("a"), rung("a", zone="eu-west-1b")], launch, clock=FastClock())
    assert type(raised.value) is ends_as
    assert "a spot in eu-west-1a (subnet-eu-west-1a): Denied (Because.)" in raised.value.message
    assert raised.value.next_step == "Do this."


def test_the_table_begins_with_what_a_person_can_mend_and_explains_it_once() -> None:
    rungs = [rung("full"), rung("region", zone="us-east-1a"), rung("quota", quota="Q2"), rung("a"), rung("b")]
    errors: dict[str, list[Exception]] = {
        name: [refuse(Remedy.OTHER_PLACE, "Denied", "Allow it.", words="It is denied.", ends_as=PermissionDenied)]
        for name in ("a", "b")
    }
    errors["region"] = [refuse(Remedy.OTHER_REGION, "OptInRequired")]
    errors["quota"] = [refuse(Remedy.OTHER_QUOTA, "VcpuLimitExceeded", "Ask for more.")]
    with pytest.raises(CapacityError) as raised:
        climb(rungs, Attempts(errors=errors), clock=FastClock())
    place = "spot in eu-west-1a (subnet-eu-west-1a)"
    assert raised.value.message.splitlines()[1:] == [
        f"  a {place}: Denied (It is denied.)",
        f"  b {place}: Denied",
        f"  quota {place}: VcpuLimitExceeded",
        "  region spot in us-east-1a (subnet-us-east-1a): OptInRequired",
        f"  full {place}: InsufficientInstanceCapacity",
    ]
    assert raised.value.next_step.splitlines()[1:] == ["Allow it.", "Ask for more."]
