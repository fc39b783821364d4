"""A fault at every request of launch, stop, reap, list, image check and rerun: no instance and no runner stays.

A command runs once for every request that it makes and every kind of fault. It succeeds with exactly what it promises,
or it fails with one of the documented errors and leaves nothing; or nothing that lasts, and the message names it. Then
one layer alone, the `stop` job or the reaper, removes the rest. Each instance that is alive until then would also end
by itself: it has its lifetime in its user data, and tests/slow/test_nspawn_boot.py shows the timer at work.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cmlkit.runner.specification import EXPIRY_GRACE_SECONDS
from cmlkit_sandbox.aws.answer import ec2_answer
from cmlkit_sandbox.aws.call import read_call
from tests.slow.fault_summary import FLOORS, LEAST_IN_ALL, Part
from tests.slow.launch_world import (
    LIFETIME_SECONDS,
    REGIONS,
    REPOSITORY,
    Ended,
    World,
    is_clear,
    is_leased,
    world_on_a_wire,
)
from tests.slow.wire import Exchange, Reply, Step, Wire
from tests.slow.wire_faults import DEATHS, OUTAGES, PASSING, REFUSALS, SIGNALS, TWO, WRONG, Injection

ALL = (*PASSING, *WRONG, *REFUSALS, *TWO, *OUTAGES, *SIGNALS, *DEATHS)
NOTHING: tuple[str, ...] = ()


@dataclass(kw_only=True)
class There:
    """The world, its wire, and the facts that a scenario has made in it."""

    world: World
    wire: Wire
    facts: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=dict)
    layers: Iterator[str] = field(default_factory=lambda: itertools.cycle(["stop", "reap"]))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A command and its circumstances.

    Attributes:
        prepare: Makes the circumstances; nothing fails meanwhile.
        environ: Variables for the command.
        promise: Yields how the world differs from what a success of the command promises.
        always: Yields what is wrong however the command ended.
        succeeds: Whether the command does, without a fault.
        settle: Called between the command and the layer that removes the rest.
        each: How many kinds of fault each request meets; from request to request, others.
        shards: How many tests share the work.
    """

    name: str
    command: tuple[str, ...]
    prepare: Callable[[There], None] = lambda there: None
    environ: Mapping[str, str] = field(default_factory=dict)
    promise: Callable[[There, Ended], Iterable[str]] = lambda there, ended: NOTHING
    always: Callable[[There], Iterable[str]] = lambda there: NOTHING
    succeeds: bool = True
    settle: Callable[[There], None] = lambda there: None
    each: int = 2
    shards: int = 1

    def __str__(self) -> str:
        return self.name.replace(" ", "-").replace(",", "")

    def begin(self, there: There) -> None:
        there.wire.forget()
        there.world.begin()
        there.facts.clear()
        self.prepare(there)
        there.wire.forget()
        if "conditions" in there.facts:
            there.wire.conditions = there.facts["conditions"]

    def run(self, there: There) -> Ended:
        return there.world.command(*self.command, "--json", **self.environ)


def launched(there: There, ended: Ended) -> Iterator[str]:
    """Each instance that was promised, with its runner, and no other."""
    yield from _as_promised(there, ended, least=1, most=1)


def three_launched(there: There, ended: Ended) -> Iterator[str]:
    yield from _as_promised(there, ended, least=3, most=3)


def some_launched(there: There, ended: Ended) -> Iterator[str]:
    yield from _as_promised(there, ended, least=1, most=3)


def _as_promised(there: There, ended: Ended, *, least: int, most: int) -> Iterator[str]:
    runners = ended.result.get("runners", [ended.result])
    earlier = there.facts.get("earlier", ())
    own = [item.id for item in there.world.instances() if item.id not in earlier]
    if sorted(item["instance_id"] for item in runners) != sorted(own):
        yield f"it says {[item['instance_id'] for item in runners]}, and there are {own}"
    names = [item.name for item in there.world.runners() if item.name not in there.facts.get("earlier_runners", ())]
    if sorted(item["runner_name"] for item in runners) != sorted(names):
        yield f"it says {[item['runner_name'] for item in runners]}, and GitHub has {names}"
    if not least <= len(runners) <= most:
        yield f"{len(runners)} runners came"


def nothing_left(there: There, ended: Ended) -> Iterator[str]:
    yield from there.world.left()


def launch_first(there: There, **environ: str) -> None:
    ended = there.world.command("runner", "launch", "--json", **environ)
    assert ended.status == 0, ended.said
    there.facts["earlier"] = [item.id for item in there.world.instances()]
    there.facts["earlier_runners"] = [item.name for item in there.world.runners()]


def earlier_untouched(there: There) -> Iterator[str]:
    alive = {item.id for item in there.world.instances()}
    yield from (f"{item} of the earlier launch is gone" for item in there.facts["earlier"] if item not in alive)


def expire(there: There, **environ: str) -> None:
    launch_first(there, **environ)
    there.world.clock.time += LIFETIME_SECONDS + 60


def expire_offline(there: There) -> None:
    """The instance of a runner has ended, and nobody removed the runner."""
    expire(there)
    [instance] = there.world.instances()
    there.world.aws.interrupt(instance.id, seconds=0.0)
    there.world.until(lambda: not there.world.instances())
    # A runner's name has the end of the last lease that its launch might have begun.
    there.world.clock.time += 3600


def expire_busy(there: There) -> None:
    expire(there)
    there.world.queue_job()
    [runner] = there.world.runners()
    runner.polls = 1
    assert there.world.github.hub.runners.take_job(runner)


def finish_job(there: There) -> None:
    pool = there.world.github.hub.runners
    for runner in there.world.runners():
        if runner.job is not None:
            pool.finish(runner.job, "success")


def busy_kept(there: There) -> Iterator[str]:
    yield from earlier_untouched(there)
    if not there.world.runners():
        yield "the busy runner was removed"


def reaped(there: There, ended: Ended) -> Iterator[str]:
    outcomes = {row["outcome"] for row in ended.result["reaped"]}
    if not outcomes & {"kept: it is busy"} and not any(outcome.startswith("kept: the jobs") for outcome in outcomes):
        yield from there.world.left()


def previewed(there: There, ended: Ended) -> Iterator[str]:
    if not {row["id"] for row in ended.result["reaped"]} >= set(there.facts["earlier"]):
        yield f"the preview lacks instances: {ended.printed}"


def listed(there: There, ended: Ended) -> Iterator[str]:
    if not {item["id"] for item in ended.result["instances"]} >= set(there.facts["earlier"]):
        yield f"the list lacks instances: {ended.printed}"


def some_full(there: There) -> None:
    """There is no spot capacity, and on demand none of the first types."""
    there.world.aws.fail("RunInstances", "InsufficientInstanceCapacity", times=1000, market="spot")
    there.world.aws.fail("RunInstances", "InsufficientInstanceCapacity", times=1000, instance_type="t3.medium")


def all_full(there: There) -> None:
    there.world.aws.fail("RunInstances", "InsufficientInstanceCapacity", times=1000)


def first_region_full(there: There) -> None:
    there.world.aws.fail("RunInstances", "InsufficientInstanceCapacity", times=1000, region=REGIONS[0])


def none_comes(there: There) -> None:
    there.world.presence.comes = lambda number: False


def two_come(there: There) -> None:
    there.world.presence.comes = lambda number: number != 2


def in_organisation(there: There) -> None:
    there.world.scope = "organisation"


@functools.cache
def app_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def app_environ() -> dict[str, str]:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = app_key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return {"CMLKIT_APP_ID": "4711", "CMLKIT_APP_PRIVATE_KEY": pem.decode()}


def with_app(there: There) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = app_key().public_key().public_bytes(serialization.Encoding.PEM, form)
    there.world.github.add_app(4711, pem.decode(), owner="octo", permissions={"administration": "write"})


def interrupted_before(there: There) -> None:
    """The second attempt of a run whose spot instance was taken back, and marked by `runner stop`."""
    launch_first(there)
    [instance] = there.world.instances()
    there.world.aws.interrupt(instance.id, seconds=0.0)
    there.world.until(lambda: not there.world.instances())
    there.world.stop()
    there.world.attempt = 2
    there.facts.clear()


def launched_on_demand(there: There, ended: Ended) -> Iterator[str]:
    yield from launched(there, ended)
    if ended.result["market"] != "on-demand":
        yield f"it launched {ended.result['market']}"


def reporting(there: There) -> None:
    """Instances whose console shows the contents of their image."""
    said = "cmlkit: image runner=unknown git=2.43.0 uv=none\n"

    def conditions(exchange: Exchange) -> Reply:
        if not exchange.step.call.startswith("GetConsoleOutput"):
            return exchange.act()
        call = read_call(exchange.fresh_environ)
        answer = ec2_answer(call.action, f"<instanceId>i-0</instanceId><output>{_base64(said)}</output>")
        return Reply(status=200, headers={"Content-Type": answer.media_type}, content=answer.content)

    there.facts["conditions"] = conditions


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def interrupted_job(there: There) -> None:
    job = there.world.queue_job()
    job.log = "::warning title=Spot interruption::AWS takes this instance back: soon.\n"
    job.status, job.conclusion = "completed", "failure"


def rerun_once(there: There) -> Iterator[str]:
    run = there.world.github.hub.repository(REPOSITORY).runs[there.world.run_number]
    if run.attempt > 2:
        yield f"the run has {run.attempt} attempts"


def rerun(there: There, ended: Ended) -> Iterator[str]:
    run = there.world.github.hub.repository(REPOSITORY).runs[there.world.run_number]
    if run.attempt != (2 if ended.result["rerun"] else 1):
        yield f"it says {ended.printed}, and the run has {run.attempt} attempts"


LAUNCH = ("runner", "launch")
BOTH_REGIONS = {"CMLKIT_RUNNER_REGION": ",".join(REGIONS)}
ON_DEMAND = {"CMLKIT_RUNNER_MARKET": "on-demand"}
TYPES = {"CMLKIT_RUNNER_INSTANCE_TYPE": "t3.medium,t3a.medium"}
THREE = {"CMLKIT_RUNNER_COUNT": "3", **ON_DEMAND}
SCENARIOS = (
    Scenario(name="launch", command=LAUNCH, promise=launched, each=12, shards=6),
    Scenario(name="launch on demand", command=LAUNCH, environ=ON_DEMAND, promise=launched),
    Scenario(name="launch three", command=LAUNCH, environ=THREE, promise=three_launched),
    Scenario(
        name="launch some of three",
        command=LAUNCH,
        prepare=two_come,
        environ={**THREE, "CMLKIT_RUNNER_PARTIAL": "true"},
        promise=some_launched,
    ),
    Scenario(
        name="launch in another region",
        command=LAUNCH,
        prepare=first_region_full,
        environ={**BOTH_REGIONS, **ON_DEMAND},
        promise=launched,
    ),
    Scenario(name="launch where some is full", command=LAUNCH, prepare=some_full, environ=TYPES, promise=launched),
    Scenario(
        name="launch where all is full",
        command=LAUNCH,
        prepare=all_full,
        environ={**ON_DEMAND, "CMLKIT_RUNNER_CAPACITY_TIMEOUT": "20s"},
        promise=launched,
        succeeds=False,
    ),
    Scenario(
        name="launch that times out",
        command=LAUNCH,
        prepare=none_comes,
        environ=ON_DEMAND,
        promise=launched,
        succeeds=False,
        each=5,
        shards=4,
    ),
    Scenario(
        name="launch for an organisation", command=LAUNCH, prepare=in_organisation, environ=ON_DEMAND, promise=launched
    ),
    Scenario(
        name="launch with an App",
        command=LAUNCH,
        prepare=with_app,
        environ={**ON_DEMAND, **app_environ()},
        promise=launched,
    ),
    Scenario(
        name="launch beside another",
        command=LAUNCH,
        prepare=lambda there: launch_first(there, **ON_DEMAND),
        environ={**ON_DEMAND, "CMLKIT_RUNNER_LABELS": "other"},
        promise=launched,
        always=earlier_untouched,
    ),
    Scenario(name="launch again", command=LAUNCH, prepare=interrupted_before, promise=launched_on_demand),
    Scenario(
        name="stop",
        command=("runner", "stop"),
        prepare=lambda there: launch_first(there, **ON_DEMAND),
        promise=nothing_left,
        each=20,
        shards=3,
    ),
    Scenario(
        name="stop three spot instances",
        command=("runner", "stop"),
        prepare=lambda there: launch_first(there, CMLKIT_RUNNER_COUNT="3"),
        promise=nothing_left,
    ),
    Scenario(
        name="stop in another region",
        command=("runner", "stop"),
        prepare=lambda there: launch_first(there, CMLKIT_RUNNER_REGION=REGIONS[1], **ON_DEMAND),
        promise=nothing_left,
    ),
    Scenario(
        name="reap",
        command=("runner", "reap"),
        prepare=lambda there: expire(there, **ON_DEMAND),
        promise=reaped,
        each=10,
        shards=3,
    ),
    Scenario(name="reap a runner", command=("runner", "reap"), prepare=expire_offline, promise=reaped),
    Scenario(
        name="reap while it is busy",
        command=("runner", "reap"),
        prepare=expire_busy,
        always=busy_kept,
        settle=finish_job,
        each=8,
        shards=2,
    ),
    Scenario(
        name="reap, as a preview",
        command=("runner", "reap", "--dry-run"),
        prepare=lambda there: expire(there, **ON_DEMAND),
        promise=previewed,
        always=earlier_untouched,
    ),
    Scenario(
        name="list",
        command=("runner", "list"),
        prepare=lambda there: launch_first(there, **ON_DEMAND),
        promise=listed,
        always=earlier_untouched,
        each=31,
        shards=1,
    ),
    Scenario(name="image recipe", command=("runner", "image"), promise=nothing_left, each=31),
    Scenario(
        name="image check",
        command=("runner", "image", "--check", "ubuntu-24.04"),
        prepare=reporting,
        environ=ON_DEMAND,
        promise=nothing_left,
        each=7,
        shards=2,
    ),
    Scenario(
        name="rerun",
        command=("workflow", "rerun", "--if-interrupted"),
        prepare=interrupted_job,
        promise=rerun,
        always=rerun_once,
        each=20,
        shards=2,
    ),
)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    with world_on_a_wire(tmp_path_factory.mktemp("world")) as (world, wire):
        yield There(world=world, wire=wire)


def steps_of(scenario: Scenario, there: There) -> list[Step]:
    """Return every request that the command makes if nothing goes wrong."""
    if scenario.name not in there.steps:
        scenario.begin(there)
        ended = scenario.run(there)
        there.steps[scenario.name] = list(there.wire.steps)
        assert (ended.status == 0) is scenario.succeeds, ended.said
        assert not [*wrongs(scenario, there, ended, left_may=not scenario.succeeds)], ended.said
        scenario.settle(there)
        there.world.stop()
        there.world.purge()
    return there.steps[scenario.name]


def wrongs(scenario: Scenario, there: There, ended: Ended, *, left_may: bool) -> Iterator[str]:
    """Yield what must not be, right after the command."""
    if not is_clear(ended):
        yield f"it ended unclearly: {ended}"
        return
    yield from scenario.always(there)
    earlier = there.facts.get("earlier", ())
    for instance in there.world.instances():
        if not is_leased(there.world, instance):
            yield f"{instance.id} is not leased"
    if ended.status == 0:
        yield from scenario.promise(there, ended)
    elif ended.status > 0 and scenario.command[1] in ("launch", "image"):
        left = {item.id: item.tags["Name"] for item in there.world.instances() if item.id not in earlier}
        names = [item.name for item in there.world.runners()]
        left |= {name: name for name in names if name not in there.facts.get("earlier_runners", ())}
        for item, name in left.items():
            if item not in ended.said and name not in ended.said:
                yield f"{item} stays, and nobody says so: {ended.said}"
        if left and not left_may:
            yield f"{[*left]} stays though nothing hinders its removal: {ended.said}"


def pairs(scenario: Scenario, there: There) -> list[tuple[Step, Injection]]:
    """Return the requests, each with its faults; a termination, on which everything depends, with all of them."""
    return [
        (step, injection)
        for number, step in enumerate(steps_of(scenario, there))
        for injection in (ALL if step.call.startswith("TerminateInstances") else _some(number, scenario.each))
        if not is_believed(step, injection)
    ]


def _some(number: int, each: int) -> list[Injection]:
    return [ALL[(number * each + other) % len(ALL)] for other in range(each)]


def is_believed(step: Step, injection: Injection) -> bool:
    """Whether the fault says what a removal must believe: that it is gone, or that the runner has a job (422)."""
    call = step.call
    runner = step.party == "GitHub" and call.startswith("DELETE ")
    if not (runner or call.startswith("Delete")):
        return False
    return injection.name == "not found" or (runner and injection.name.startswith("invalid request"))


@pytest.mark.parametrize(
    ("scenario", "shard"),
    [pytest.param(item, shard, id=f"{item}-{shard}") for item in SCENARIOS for shard in range(item.shards)],
)
def test_nothing_stays(there: There, scenario: Scenario, shard: int) -> None:
    part, problems = Part(operation=scenario.name, name=str(shard)), []
    for step, injection in pairs(scenario, there)[shard :: scenario.shards]:
        scenario.begin(there)
        others = there.world.others()
        injection.arm(there.wire, step)
        ended = scenario.run(there)
        fired = injection.has_fired(there.wire, step)
        if not fired and injection.then and step in there.wire.met:
            # No request followed that its second fault could meet, so it was that of another kind.
            there.world.purge()
            continue
        found = [*wrongs(scenario, there, ended, left_may=not injection.is_whole)]
        there.wire.forget()
        scenario.settle(there)
        {"stop": there.world.stop, "reap": there.world.reap}[next(there.layers)]()
        left = there.world.left()
        part.add(step, injection.name, fired=fired, orphans=left)
        if there.world.others() != others:
            found.append("what belongs to others was touched")
        problems += [f"{injection} at {step}: {item}" for item in [*found, *left]]
        there.world.purge()
    part.write()
    assert not problems, "\n".join(problems)
    assert part.fired == part.injected


def test_the_sweep_meets_every_call_that_matters(there: There) -> None:
    scenarios = {scenario.name: scenario for scenario in SCENARIOS}
    called = {name: {step.call.split()[0] for step in steps_of(scenarios[name], there)} for name in ("launch", "stop")}
    assert {"RunInstances", "CreateSchedule", "DescribeInstances", "GetConsoleOutput"} <= called["launch"]
    assert {"DescribeInstances", "TerminateInstances", "DeleteSchedule"} <= called["stop"]


def test_the_schedule_alone_ends_what_everything_else_has_missed(there: There) -> None:
    there.world.begin()
    there.wire.forget()
    assert there.world.command("runner", "launch").status == 0
    [instance] = there.world.instances()
    over = int(instance.tags["cmlkit:expires"])
    assert there.world.aws.run_due_schedules(over) == []
    assert there.world.instances() == [instance]
    assert len(there.world.aws.run_due_schedules(over + EXPIRY_GRACE_SECONDS)) == 1
    assert there.world.instances() == []
    there.world.reap()
    assert there.world.left() == []


def test_the_floors_come_to_what_is_promised() -> None:
    assert sum(FLOORS.values()) >= LEAST_IN_ALL
