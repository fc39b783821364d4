"""Signals at launch and stop as processes: what the kernel ends leaves nothing that the next layer does not remove.

tests/slow/test_launch_sweep.py has all other faults, in one process; here are the ends that a process alone can meet.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.slow.fault_summary import Part
from tests.slow.launch_world import Processes, World, is_clear, is_leased, world_of_processes

# Command, service, and a call of it.
POINTS = [
    ("launch", "GitHub", "generate-jitconfig"),
    ("launch", "AWS", "RunInstances"),
    ("launch", "AWS", "CreateSchedule"),
    ("launch", "GitHub", r"actions/runners/[0-9]+$"),
    ("stop", "AWS", "TerminateInstances"),
    ("stop", "AWS", "DeleteSchedule"),
    ("stop", "GitHub", r"actions/runners/[0-9]+$"),
]
ENDS = {
    "SIGKILL": (signal.SIGKILL,),
    "SIGTERM": (signal.SIGTERM,),
    "SIGINT, SIGTERM, SIGKILL": (signal.SIGINT, signal.SIGTERM, signal.SIGKILL),
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of_processes(tmp_path_factory.mktemp("world")) as there:
        yield there


def at(there: World, party: str, call: str, **fault: Any) -> None:
    """Let something happen at one call of a service."""
    if party == "AWS":
        before, after = fault.pop("before", None), fault.pop("after", None)
        there.aws.fail(call, before=_ignoring(before), after=_ignoring(after), **fault)
    else:
        there.github.faults.add("*", call, **fault)


def _ignoring(action: Callable[[], object] | None) -> Callable[[object], object] | None:
    return (lambda call: action()) if action else None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("end", ENDS)
def test_the_next_layer_removes_what_a_killed_process_leaves(there: World, end: str, moment: str) -> None:
    commands = there.commands
    assert isinstance(commands, Processes)
    part = Part(operation="launch and stop as processes", name=f"{end} {moment}")
    for number, (command, party, call) in enumerate(POINTS):
        there.begin()
        if command == "stop":
            assert there.command("runner", "launch").status == 0
        fired: list[bool] = []

        def kill() -> None:
            for each in ENDS[end]:
                commands.kill(each)
            fired.append(True)  # noqa: B023 - of this turn of the loop, in which it is called

        # Who was killed before a call has not made it.
        is_lost = moment == "before" and signal.SIGKILL in ENDS[end]
        lost = {"drop" if party == "AWS" else "drop_connection_before": True} if is_lost else {}
        at(there, party, call, **{moment: kill}, **lost)
        ended = there.command("runner", command)
        assert is_clear(ended), f"{call}: {ended}"
        assert all(is_leased(there, instance) for instance in there.instances()), call
        if command == "launch" and ended.status > 0:
            assert not there.instances(), f"a launch that ends by itself takes back what it launched: {ended.said}"
        (there.stop, there.reap)[number % 2]()
        part.add(f"{command}: {call}", f"{end} {moment} it acted", fired=bool(fired), orphans=there.left())
        there.purge()
    part.write()
    assert part.orphans == []
    assert part.fired == part.injected
