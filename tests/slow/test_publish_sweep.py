"""Faults at every request of publishing, promoting and pruning: each effect comes once, if need be at a repetition.

A command runs once for every request and fault. It then either succeeds, or says why not and leaves the training as it
was; run again, it always succeeds, and the repository is as it would be without any fault.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.slow.fault_summary import Part
from tests.slow.publish_operations import OPERATIONS, Operation, prepared
from tests.slow.publish_world import Ended, World

SECONDARY = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}'
PRIMARY = b'{"message": "API rate limit exceeded for user ID 1."}'
LASTING = 10_000
# Refusals after which a check is written as a status.
DENIED = ("401", "403")
# A pull that breaks off leaves the bytes that it has, for the next one.
RESUMED = ".part"
UPLOADS = "refs/cmlkit/uploads/"
# Documented exit codes of a failed command: settings, permission, gate, service.
FAILED = (2, 3, 6, 7)

# Name -> the words of each of its faults for `Faults.add`, and how many requests after the point it happens.
FAULTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "reset before it acts": ({"drop_connection_before": True},),
    "reset after it acted": ({"drop_connection_after": True},),
    "500 before it acts": ({"status": 500},),
    "500 after it acted": ({"status": 500, "acted": True},),
    "502 as a page after it acted": ({"status": 502, "acted": True, "html": True},),
    "200 as a page after it acted": ({"status": 200, "acted": True, "html": True},),
    "200 without a body after it acted": ({"status": 200, "acted": True, "body": b""},),
    "an answer that breaks off": ({"truncate": True},),
    "401": ({"status": 401, "body": b'{"message": "Bad credentials"}'},),
    "403": ({"status": 403, "body": b'{"message": "Resource not accessible by integration"}'},),
    "404": ({"status": 404, "body": b'{"message": "Not Found"}'},),
    "409": ({"status": 409, "body": b'{"message": "Conflict"}'},),
    "422": ({"status": 422, "body": b'{"message": "Validation Failed"}'},),
    "secondary limit with Retry-After": ({"status": 403, "body": SECONDARY, "headers": {"retry-after": "30"}},),
    "secondary limit without Retry-After": ({"status": 429, "body": SECONDARY},),
    "primary limit": (
        {
            "status": 403,
            "body": PRIMARY,
            "headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1717142460"},
        },
    ),
    "outage that lasts": ({"status": 503, "times": LASTING},),
    "resets that last": ({"drop_connection_before": True, "times": LASTING},),
    "limit that lasts": ({"status": 429, "body": SECONDARY, "times": LASTING},),
    "reset after it acted, then 500": ({"drop_connection_after": True}, {"status": 500}),
    "limit, then reset after it acted": (
        {"status": 429, "body": SECONDARY, "headers": {"retry-after": "30"}},
        {"drop_connection_after": True},
    ),
}
KILLED = {"killed before the request": False, "killed after the answer": True}
KINDS = [*FAULTS, *KILLED]
# How many kinds of fault each request of the other operations meets.
IN_TURN = 5


def kinds_at(operation: Operation, point: int) -> list[str]:
    """Return the faults that one request meets; over the requests of an operation, they are all of them."""
    if operation.every_fault:
        return KINDS
    return [KINDS[(point * IN_TURN + number) % len(KINDS)] for number in range(IN_TURN)]


# Parts of the longest sweeps, so that several workers share them, and each is far from a test's limit of time.
SHARES = {"publish, superseding": 8, "comment create": 4, "asset publish": 3}


@pytest.mark.parametrize(
    ("operation", "share"),
    [
        pytest.param(operation, (number, SHARES.get(operation.name, 1)), id=f"{operation.name} {number + 1}")
        for operation in OPERATIONS
        for number in range(SHARES.get(operation.name, 1))
    ],
)
def test_each_effect_comes_once(operation: Operation, share: tuple[int, int], tmp_path: Path) -> None:
    number, shares = share
    part = Part(operation=operation.name, name=f"part {number + 1}")
    with prepared(operation, tmp_path) as there:
        sweep = Sweep.over(operation, there)
        for point in range(1 + number, sweep.points + 1, shares):
            for kind in kinds_at(operation, point):
                if kind in KILLED and point > sweep.own:
                    continue
                met, wrong = sweep.inject(point, kind)
                part.add(point, met or kind, fired=bool(met), orphans=wrong)
    part.write()
    assert part.orphans == []
    assert part.fired == part.injected


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """An operation in its world, and what it comes to without faults.

    Attributes:
        points: How many requests it sends; `own` are those that no git and no boto3 sends for it.
        initial, state, repeated: What everybody sees before, afterwards, and after one more time.
        work: The files of the job's folder afterwards; `before` are those that it begins with.
    """

    operation: Operation
    there: World
    points: int
    own: int
    initial: Any
    state: Any
    repeated: Any
    before: Mapping[str, bytes]
    work: Mapping[str, bytes]

    @classmethod
    def over(cls, operation: Operation, there: World) -> Sweep:
        there.begin()
        before, initial = there.work(), there.state()
        ended = there.command(*operation.arguments)
        assert ended.code == operation.code, ended.said
        own, points, state, work = there.mortality.sent, len(there.sent()), there.state(), there.work()
        assert there.command(*operation.arguments).code == operation.code
        repeated = there.state()
        assert effects(repeated) == effects(state)
        assert operation.told_again or repeated == state, difference(repeated, state)
        assert there.work() == work
        return cls(
            operation=operation,
            there=there,
            points=points,
            own=own,
            initial=initial,
            state=state,
            repeated=repeated,
            before=before,
            work=work,
        )

    def inject(self, point: int, kind: str) -> tuple[str, list[str]]:
        """Let a fault happen; return what of it was met, and what went wrong then or at the repetition.

        A second fault is not met if the first ends the command at once, as a limit ends git.
        """
        there = self.there
        there.begin()
        if kind in KILLED:
            there.mortality.expect(point, answered=KILLED[kind])
        pending = [there.github.faults.add("*", "", skip=point - 1, **fault) for fault in FAULTS.get(kind, ())]
        given = [fault.times for fault in pending]
        ended = there.command(*self.operation.arguments)
        if kind in KILLED:
            return kind if ended.code is None else "", self.wrong_after(ended, kind)
        met = [fault.times < times for fault, times in zip(pending, given, strict=True)]
        named = kind if all(met) else kind.partition(", then")[0] if met[0] else ""
        return named, self.wrong_after(ended, kind)

    def wrong_after(self, ended: Ended, kind: str) -> list[str]:
        """Return what is wrong after a command that met a fault, or after its repetition."""
        there = self.there
        wrong = [*self._unclear(ended), *self._doubled(kind), *self._unlike(ended, kind)]
        if ended.code == self.operation.code and there.state() == self.state:
            return wrong
        there.github.faults.clear()
        there.mortality.expect(0, answered=False)
        again = there.command(*self.operation.arguments)
        if again.code != self.operation.code:
            wrong.append(f"the repetition ends with {again.code}: {again.said}")
        if self._seen(kind) not in (self._expected(kind, self.state), self._expected(kind, self.repeated)):
            found = difference(there.state(), self.state)
            wrong.append(f"after the repetition: {found}; first: {ended.said}; then: {again.said}")
        if there.work() != self.work:
            wrong.append("after the repetition, the job's files are others than without a fault")
        return wrong

    def _seen(self, kind: str) -> Any:
        return self._expected(kind, self.there.state())

    def _expected(self, kind: str, state: Any) -> Any:
        """Return the state without the difference of check and status, if the fault makes cmlkit write the other."""
        if kind not in DENIED:
            return state
        return [[{**each, "checks": _told(each), "statuses": []} for each in state[0]], *state[1:]]

    def _unclear(self, ended: Ended) -> list[str]:
        """Return what is wrong with the end of a command that met a fault."""
        if ended.code is None or ended.code == self.operation.code:
            return []
        is_clear = ended.code in FAILED and "error: " in ended.said and "defect" not in ended.said
        return [] if is_clear else [f"it ends with {ended.code}: {ended.said}"]

    def _unlike(self, ended: Ended, kind: str) -> list[str]:
        """Return what is wrong with the result of a success, or with the files after a failure."""
        if ended.code != self.operation.code:
            work = {name: content for name, content in self.there.work().items() if not name.endswith(RESUMED)}
            return [] if work == self.before else ["it fails and changes the job's files"]
        if self._seen(kind) == self._expected(kind, self.state) or "warning: " in ended.said or UPLOADS in ended.said:
            return []
        return [f"it succeeds without a word, but {difference(self.there.state(), self.state)}"]

    def _doubled(self, kind: str) -> list[str]:
        """Return the writes that came twice, and the refs that nobody asked for."""
        found, expected = effects(self._seen(kind)), effects(self.state)
        more = [f"{number} {name}, not {expected[name]}" for name, number in found.items() if number > expected[name]]
        unknown = refs(self.there.state()) - refs(self.initial) - refs(self.state)
        return more + [f"a ref {name}" for name in unknown if not name.startswith(UPLOADS)]


def effects(state: Any) -> Counter[str]:
    """Count what nothing removes, in each place."""
    counted: Counter[str] = Counter()
    for number, repository in enumerate(state[0]):
        counted[f"discussions in repository {number}"] = len(repository["discussions"])
        for name in ("checks", "statuses", "tags", "comments"):
            counted[f"{name} in repository {number}"] = len(repository[name])
        for discussion in repository["discussions"]:
            counted[f"comments on {discussion['number']}"] = len(discussion["comments"])
    return counted


def _told(repository: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and commit of each check, or of the status in its place."""
    checks = [(name, commit) for name, commit, *_ in repository["checks"]]
    return sorted({*checks, *((name, commit) for commit, name, _ in repository["statuses"])})


def refs(state: Any) -> set[str]:
    return {name for repository in state[0] for name in repository["refs"]}


def difference(one: Any, other: Any, place: str = "") -> str:
    """Return the first differences of two states, with their places."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(name, one.get(name), other.get(name)) for name in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(str(number), *each) for number, each in enumerate(zip(one, other, strict=True))]
    else:
        return f"{place}: {str(one)[:300]} instead of {str(other)[:300]}"
    found = [difference(mine, yours, f"{place}/{name}") for name, mine, yours in pairs if mine != yours]
    return "; ".join(found[:3])


# What GitHub sends to the process of a job that is cancelled, by and by.
CANCELLED = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
SIGNALS = {"SIGINT": CANCELLED[:1], "SIGTERM": CANCELLED[1:2], "SIGKILL": CANCELLED[2:], "cancelled": CANCELLED}
SIGNALLED = ("publish, superseding", "pr create, commits of the job", "promote, with a pull request")
DEADLINE_SECONDS = 120.0


@pytest.mark.parametrize("name", SIGNALLED)
def test_each_effect_comes_once_with_a_process_that_is_signalled(name: str, tmp_path: Path) -> None:
    operation = named(name)
    part = Part(operation=f"{name}, as a process", name="signals")
    with prepared(operation, tmp_path) as there:
        sweep = Sweep.over(operation, there)
        for turn, point in enumerate(range(1, sweep.points + 1, 2)):
            kind = list(SIGNALS)[turn % len(SIGNALS)]
            there.begin()
            ended, met = signalled(there, operation, point, SIGNALS[kind])
            part.add(point, kind, fired=bool(met), orphans=sweep.wrong_after(ended, kind))
    part.write()
    assert part.orphans == []
    assert part.fired == part.injected


def signalled(
    there: World, operation: Operation, point: int, numbers: Sequence[signal.Signals]
) -> tuple[Ended, list[signal.Signals]]:
    """Send signals to the process of a command when one of its requests arrives; return those that it got."""
    started = threading.Event()
    met: list[signal.Signals] = []

    def send() -> None:
        assert started.wait(DEADLINE_SECONDS)
        for number in numbers:
            process.send_signal(number)
            met.append(number)

    there.github.faults.add("*", "", skip=point - 1, before=send)
    process = there.process(*operation.arguments)
    started.set()
    said, _ = process.communicate(timeout=DEADLINE_SECONDS)
    killed = process.returncode in (130, *(-number for number in numbers))
    return Ended(code=None if killed else process.returncode, said=said), met


GIT_FAULTS = {
    "git is killed": "kill -KILL $$",
    "git finds the disk full": "echo 'fatal: write error: No space left on device' >&2; exit 128",
}
WITH_GIT = ("publish, superseding", "pr create", "pr create, commits of the job")


@pytest.mark.parametrize("name", WITH_GIT)
def test_each_effect_comes_once_with_a_git_that_fails(name: str, tmp_path: Path) -> None:
    operation = named(name)
    part = Part(operation=f"{name}, with git", name="git")
    with prepared(operation, tmp_path) as there:
        sweep = Sweep.over(operation, there)
        there.begin()
        there.command(*operation.arguments, **failing_git(tmp_path, at=0, how=""))
        for point in range(1, calls_of_git(tmp_path) + 1):
            for kind, how in GIT_FAULTS.items():
                there.begin()
                ended = there.command(*operation.arguments, **failing_git(tmp_path, at=point, how=how))
                part.add(point, kind, fired=(tmp_path / "fired").exists(), orphans=sweep.wrong_after(ended, kind))
    part.write()
    assert part.orphans == []
    assert part.fired == part.injected


def failing_git(folder: Path, *, at: int, how: str) -> dict[str, str]:
    """Return the variables with which one call of git fails, counted from one."""
    program, calls, fired = folder / "bin" / "git", folder / "calls", folder / "fired"
    calls.unlink(missing_ok=True)
    fired.unlink(missing_ok=True)
    program.parent.mkdir(exist_ok=True)
    # The server's own calls lack the variable.
    program.write_text(
        f"""#!/bin/sh
if [ -n "$FAILING_GIT" ]; then
  echo >>{calls}
  if [ "$(wc -l <{calls})" -eq {at} ]; then
    touch {fired}
    {how or ":"}
  fi
fi
exec {shutil.which("git")} "$@"
"""
    )
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "FAILING_GIT": "1"}


def calls_of_git(folder: Path) -> int:
    return len((folder / "calls").read_text().splitlines())


@pytest.mark.parametrize("how", ["killed", "failed to push data to the cloud - 1 files failed to upload"])
def test_each_effect_comes_once_with_a_dvc_that_fails(how: str, tmp_path: Path) -> None:
    operation = named("publish, DVC")
    part = Part(operation=f"{operation.name}, with dvc", name=how)
    calls, fired = tmp_path / "calls", tmp_path / "calls-fired"
    with prepared(operation, tmp_path / "world") as there:
        sweep = Sweep.over(operation, there)
        there.begin()
        there.command(*operation.arguments, STAND_IN_CALLS=str(calls), STAND_IN_FAILS_AT="0", STAND_IN_FAILS=how)
        for point in range(1, len(calls.read_text()) + 1):
            calls.unlink()
            fired.unlink(missing_ok=True)
            there.begin()
            variables = {"STAND_IN_CALLS": str(calls), "STAND_IN_FAILS_AT": str(point), "STAND_IN_FAILS": how}
            ended = there.command(*operation.arguments, **variables)
            part.add(point, how, fired=fired.exists(), orphans=sweep.wrong_after(ended, how))
    part.write()
    assert part.orphans == []
    assert part.fired == part.injected


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize("name", ["publish, superseding", "comment create", "promote, with a pull request"])
def test_a_full_disk_under_the_jobs_files_ends_no_command_before_its_work(
    name: str, variable: str, tmp_path: Path
) -> None:
    operation = named(name)
    with prepared(operation, tmp_path) as there:
        sweep = Sweep.over(operation, there)
        there.begin()
        ended = there.command(*operation.arguments, **{variable: "/dev/full", "GITHUB_ACTIONS": "true"})
        assert "defect" not in ended.said
        assert ended.code == (2 if variable == "GITHUB_OUTPUT" else 0)
        assert there.state() == sweep.state


def test_a_pull_onto_a_full_disk_is_an_error_and_is_finished_by_the_next(tmp_path: Path) -> None:
    operation = named("model pull")
    with prepared(operation, tmp_path) as there:
        sweep = Sweep.over(operation, there)
        there.begin()
        process = there.process(*operation.arguments, largest_file=0)
        said, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, "cannot be written" in said) == (2, True), said
        assert sweep.wrong_after(Ended(code=process.returncode, said=said), "disk full") == []


def named(name: str) -> Operation:
    return next(operation for operation in OPERATIONS if operation.name == name)
