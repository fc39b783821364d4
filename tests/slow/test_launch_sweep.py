"""One fault at every call of launch and stop, then what is left of the layers: no instance and no runner stays.

A launch, or a stop after a launch, runs once for every call that it makes and every fault. Afterwards one layer alone
does its work: the `stop` job, or the reaper after the lease is over. Each instance that is alive until then would also
end by itself: it has its lifetime in its user data, and tests/slow/test_nspawn_boot.py shows the timer at work.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cmlkit.runner.specification import EXPIRY_GRACE_SECONDS
from cmlkit_sandbox.aws.fleet import SandboxInstance
from tests.slow.command_process import PATIENCE_SECONDS
from tests.slow.fault_summary import Part
from tests.slow.launch_world import LIFETIME_SECONDS, Ended, Step, World, world

SECONDARY_LIMIT = b'{"message": "You have exceeded a secondary rate limit"}'


def error_500(there: World, step: Step) -> None:
    there.at(step, **({"code": "InternalError"} if step.party == "AWS" else {"status": 500}))


def throttle(there: World, step: Step) -> None:
    github = {"status": 403, "headers": {"retry-after": "1"}, "body": SECONDARY_LIMIT}
    there.at(step, **({"code": "RequestLimitExceeded"} if step.party == "AWS" else github))


def reset_after_it_acted(there: World, step: Step) -> None:
    there.at(step, **({"drop": True, "acted": True} if step.party == "AWS" else {"drop_connection_after": True}))


def timeout_after_it_acted(there: World, step: Step) -> None:
    there.at(step, after=lambda: time.sleep(1.3 * PATIENCE_SECONDS))


def sigkill_before(there: World, step: Step) -> None:
    there.at(step, before=lambda: there.commands.kill(signal.SIGKILL), **_gone(step))


def sigkill_after(there: World, step: Step) -> None:
    there.at(step, after=lambda: there.commands.kill(signal.SIGKILL))


def sigterm(there: World, step: Step) -> None:
    there.at(step, before=lambda: there.commands.kill(signal.SIGTERM))


def _gone(step: Step) -> dict[str, Any]:
    """Who was killed before a call has not made it."""
    return {"drop": True} if step.party == "AWS" else {"drop_connection_before": True}


FAULTS: list[Callable[[World, Step], None]] = [
    error_500,
    throttle,
    reset_after_it_acted,
    timeout_after_it_acted,
    sigkill_before,
    sigkill_after,
    sigterm,
]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as there:
        yield there


@pytest.fixture(scope="module")
def steps(there: World) -> dict[str, list[Step]]:
    """Command -> every call that it makes when nothing goes wrong."""
    there.begin()
    assert there.command("launch").status == 0
    launching = there.steps()
    there.forget()
    assert there.command("stop").status == 0
    return {"launch": launching, "stop": there.steps()}


@pytest.mark.parametrize("layer", ["stop", "reap"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", ["launch", "stop"])
def test_nothing_stays(
    there: World, steps: dict[str, list[Step]], command: str, fault: Callable[[World, Step], None], layer: str
) -> None:
    part, others = Part(operation=f"{command}, then {layer}", name=fault.__name__), there.others()
    for step in steps[command]:
        there.begin()
        if command == "stop":
            assert there.command("launch").status == 0
            there.forget()
        fault(there, step)
        ended = there.command(command)
        assert is_clear(ended), f"{step}: {ended}"
        assert all(is_leased(there, instance) for instance in there.instances()), str(step)
        if command == "launch" and ended.status > 0:
            assert not there.instances(), f"{step}: a launch that fails takes back what it launched: {ended.said}"
        {"stop": there.stop, "reap": there.reap}[layer]()
        part.add(step, fault.__name__, fired=True, orphans=there.left())
        assert there.others() == others, f"{step}: what belongs to others was touched"
    part.write()
    assert part.orphans == []


def is_clear(ended: Ended) -> bool:
    """Whether a command that was not killed ended with an exit code of the documented ones, and says why."""
    if ended.status == -signal.SIGKILL:
        return True
    explained = ended.status == 0 or "error: " in ended.said
    return ended.status in (0, 4, 5, 7, 130) and explained and "Traceback" not in ended.said


def is_leased(there: World, instance: SandboxInstance) -> bool:
    """Whether an instance that is alive would end without anybody's help, and shows when it should have."""
    in_time = int(instance.tags["cmlkit:expires"]) <= time.time() + LIFETIME_SECONDS
    script = there.user_data(instance)
    return in_time and f"CMLKIT_MAX_LIFETIME={LIFETIME_SECONDS}.00" in script and there.terminates_itself(instance)


def test_the_sweep_meets_every_call_that_matters(steps: dict[str, list[Step]]) -> None:
    called = {step.call.rpartition("/")[2] if step.party == "GitHub" else step.call for step in steps["launch"]}
    assert {"RunInstances", "CreateSchedule", "DescribeInstances", "GetConsoleOutput", "generate-jitconfig"} <= called
    assert {step.call for step in steps["stop"] if step.party == "AWS"} == {
        "DescribeInstances",
        "TerminateInstances",
        "DeleteSchedule",
    }


def test_the_schedule_alone_ends_what_everything_else_has_missed(there: World) -> None:
    there.begin()
    assert there.command("launch").status == 0
    [instance] = there.instances()
    over = int(instance.tags["cmlkit:expires"])
    assert there.aws.run_due_schedules(over) == []
    assert there.instances() == [instance]
    assert len(there.aws.run_due_schedules(over + EXPIRY_GRACE_SECONDS)) == 1
    assert there.instances() == []
    there.reap()
    assert there.left() == []
