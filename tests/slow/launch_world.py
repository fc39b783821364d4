"""The world that launches are swept in: an AWS and a GitHub with things of other people, and one run's commands."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from moto.backends import get_backend

from cmlkit.__main__ import run
from cmlkit.clouds.aws import regions
from cmlkit.clouds.base import CloudFor
from cmlkit.forges.github import GitHub
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.lease import RunnerName
from cmlkit.runner.reaping import reap
from cmlkit.runner.stopping import stop
from cmlkit_sandbox.aws import AwsServer
from cmlkit_sandbox.aws.account import ACCOUNT
from cmlkit_sandbox.aws.fleet import SandboxInstance
from cmlkit_sandbox.github import GitHubServer, Job
from cmlkit_sandbox.github.runners import Runner, RunnerPool
from tests.fake_forge import FastClock
from tests.integration.aws_client import client, launch
from tests.slow import command_process, wire
from tests.slow.wire import Wire

REPOSITORY = "octo/random-forest"
ORGANISATION = "octo"
REGIONS = ("eu-west-1", "eu-central-1")
TOKEN = "ghp_sweep"
ROLE = "arn:aws:iam::123456789012:role/cmlkit-scheduler"
LIFETIME_SECONDS = 7200
ALIVE = ("pending", "running")
# Once the instances were looked at.
POLLS_UNTIL_ONLINE = 5
# Longer than the slowest command under the slowest fault; none is meant to need it.
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended; `status` is negative for a signal, as in `subprocess`, and `printed` is standard output."""

    status: int
    said: str
    printed: str = ""

    @property
    def result(self) -> Any:
        """The object that `--json` prints."""
        return json.loads(self.printed)


class Commands(Protocol):
    """Runs commands of cmlkit, one at a time."""

    def run(self, *arguments: str, environ: Mapping[str, str]) -> Ended: ...


class Processes:
    """Runs each command in a process of its own, which signals can end."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._output = directory / "output.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-m", command_process.__name__],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._pid = 0
        self._started = threading.Event()

    def kill(self, number: int) -> None:
        """Send a signal to the command that is at work."""
        assert self._started.wait(DEADLINE_SECONDS)
        os.kill(self._pid, number)

    def run(self, *arguments: str, environ: Mapping[str, str]) -> Ended:
        self._started.clear()
        request = {"arguments": arguments, "environ": dict(environ), "output": str(self._output)}
        _pipe(self._process.stdin).write(json.dumps(request) + "\n")
        _pipe(self._process.stdin).flush()
        self._pid = int(_pipe(self._process.stdout).readline())
        self._started.set()
        status = int(_pipe(self._process.stdout).readline())
        return Ended(status=status, said=self._output.read_text())

    def close(self) -> None:
        try:
            self._process.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # with the command that hangs
            raise


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


class InProcess:
    """Runs commands in this process, whose connections are a wire.

    Attributes:
        lingering: Names of threads that a command left at work.
    """

    def __init__(self, wire: Wire, environ: Mapping[str, str]) -> None:
        self._wire = wire
        self._environ = environ
        self.lingering: list[str] = []

    def run(self, *arguments: str, environ: Mapping[str, str]) -> Ended:
        before, said, printed = set(threading.enumerate()), io.StringIO(), io.StringIO()
        with self._wire.noticing(), wire.ended_by_signals(), redirect_stderr(said), redirect_stdout(printed):
            try:
                status = run(arguments, environ={**os.environ, **self._environ, **environ})
                self._wait_for_others(before)
            except wire.Died:
                status = -signal.SIGKILL
                self._wait_for_others(before)
        return Ended(status=status, said=said.getvalue(), printed=printed.getvalue())

    def _wait_for_others(self, before: Collection[threading.Thread]) -> None:
        """Wait until no thread of the command is left: one that ends may just have started another."""
        while left := [thread for thread in threading.enumerate() if self._is_of_the_command(thread, before)]:
            for thread in left:
                _wait_for_start(thread)
                thread.join(DEADLINE_SECONDS)
                self.lingering += [thread.name] if thread.is_alive() else []

    def _is_of_the_command(self, thread: threading.Thread, before: Collection[threading.Thread]) -> bool:
        is_a_service = thread.name.startswith(("i-", "service"))
        return not (is_a_service or thread in before or thread.name in self.lingering)


def _wait_for_start(thread: threading.Thread) -> None:
    """Wait until the thread can be joined: `threading.enumerate` also lists one that another thread just starts."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while "initial" in repr(thread):
        assert time.monotonic() < deadline, f"{thread.name} never began"
        time.sleep(0.001)


@dataclass(kw_only=True)
class World:
    """Both services, what belongs to others in them, and the commands of one run after the other."""

    aws: AwsServer
    github: GitHubServer
    commands: Commands
    clock: FastClock = field(default_factory=FastClock)
    cloud_for: CloudFor = field(default_factory=regions)
    foreign_instances: Sequence[str]
    presence: Presence
    run_number: int = 0
    attempt: int = 1
    scope: str = "repository"

    @property
    def workflow_run(self) -> WorkflowRun:
        return WorkflowRun(repository=REPOSITORY, run_id=str(self.run_number), attempt=self.attempt)

    def begin(self) -> None:
        """The next run, without faults."""
        self.run_number = self.github.start_run(REPOSITORY).id
        self.attempt, self.scope = 1, "repository"
        self.clock.time = time.time()
        self.presence.comes = lambda number: True
        self._without_faults()
        for region in REGIONS:
            for group in _groups(region):
                # So that every launch has to make it.
                _ec2(region).delete_security_group(group_id=group.id)
        self.aws.forget_ended()
        self.aws.calls.clear()
        self.github.requests.clear()

    def command(self, *arguments: str, **environ: str) -> Ended:
        """`cmlkit …`, as a job of the run starts it."""
        own = {"GITHUB_RUN_ID": str(self.run_number), "GITHUB_RUN_ATTEMPT": str(self.attempt)}
        return self.commands.run(*arguments, environ={**own, "CMLKIT_RUNNER_SCOPE": self.scope, **environ})

    def instances(self) -> list[SandboxInstance]:
        """The run's instances that are alive."""
        marks = {"cmlkit:run": str(self.run_number), "cmlkit:repository": REPOSITORY}
        return [
            instance
            for instance in self.aws.instances()
            if instance.state in ALIVE and marks.items() <= instance.tags.items()
        ]

    def runners(self) -> list[Runner]:
        """The run's runners that GitHub lists."""
        return [item for item in self._all_runners() if item.name.startswith(self._prefix)]

    def schedules(self) -> list[str]:
        """Names of the run's schedules."""
        return [name for name in _schedules() if name.startswith(self._prefix)]

    @property
    def _prefix(self) -> str:
        return f"cmlkit-{self.run_number}-"

    def _all_runners(self) -> list[Runner]:
        return [item for scope in (REPOSITORY, ORGANISATION) for item in self.github.hub.runners.of(scope)]

    def queue_job(self) -> Job:
        """Queue a job for the run's runner."""
        run = self.github.hub.repository(REPOSITORY).runs[self.run_number]
        return self.github.queue_job(REPOSITORY, labels=(self.workflow_run.label,), steps=("true",), run=run)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that another thread is about to do."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "the condition never came"
            time.sleep(0.001)

    def user_data(self, instance: SandboxInstance) -> str:
        """The boot script of an instance."""
        content = base64.b64decode(str(_ec2(instance.region).get_instance_by_id(instance.id).user_data))
        return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()

    def terminates_itself(self, instance: SandboxInstance) -> bool:
        """Whether powering off is the end of an instance."""
        found = _ec2(instance.region).get_instance_by_id(instance.id)
        return bool(found.instance_initiated_shutdown_behavior == "terminate")

    def forge(self) -> GitHub:
        return GitHub(
            repository=REPOSITORY,
            token=TOKEN,
            api_url=self.github.api_url,
            clock=self.clock,
            runner_scope="organisation" if self.scope == "organisation" else "repository",
        )

    def stop(self) -> None:
        """The last job of the workflow, which needs nothing from those before it."""
        self._without_faults()
        stop(
            workflow_run=self.workflow_run,
            forge=self.forge(),
            cloud_for=self.cloud_for,
            regions=REGIONS,
            clock=self.clock,
        )

    def reap(self) -> None:
        """The hourly workflow, twice, after the lease is over; not six hours later, when even the unknown goes."""
        self._without_faults()
        for _ in range(2):
            self.clock.time += LIFETIME_SECONDS + 1
            forge = self.forge()
            reap(
                repository=REPOSITORY,
                forge=forge,
                job_forge=forge,
                cloud_for=self.cloud_for,
                regions=REGIONS,
                clock=self.clock,
            )

    def left(self) -> list[str]:
        """What is left of the run; its schedules only as far as they do not end by themselves."""
        left = [*(instance.id for instance in self.instances()), *(runner.name for runner in self.runners())]
        attached = [volume.id for volume in _volumes() if volume.status != "available"]
        left += attached[len(self.foreign_instances) :]
        # All launches of a region share one security group; a second one would be billed to nobody, and never used.
        left += [group.id for region in REGIONS for group in _groups(region)[1:]]
        left += [name for region in REGIONS for name in _ec2(region).launch_templates]
        self.aws.run_due_schedules(self.clock.time)
        return [*left, *self.schedules()]

    def others(self) -> Any:
        """What is not the run's own: it must be the same before and after."""
        return [
            [(item.id, item.state, dict(item.tags)) for item in map(self.aws.instance, self.foreign_instances)],
            [item.name for item in self._all_runners() if not item.name.startswith(self._prefix)],
            [name for name in _schedules() if not name.startswith(self._prefix)],
            sorted(volume.id for volume in _volumes() if volume.status == "available"),
        ]

    def purge(self) -> None:
        """Remove what a run has left in spite of all, so that the next one is judged alone."""
        self._without_faults()
        for instance in self.aws.instances():
            if instance.id not in self.foreign_instances and instance.state in ALIVE:
                client(self.aws, region=instance.region).terminate_instances(InstanceIds=[instance.id])
        for groups in _schedule_groups():
            for name in [name for name in groups.schedules if name.startswith(self._prefix)]:
                groups.delete_schedule(name)
        for runner in self.runners():
            self.github.hub.runners.remove(runner)

    def _without_faults(self) -> None:
        self.aws.faults.clear()
        self.github.faults.clear()


# moto's own objects: what is left is looked for hundreds of times, and boto3 takes its time.
def _ec2(region: str) -> Any:
    return get_backend("ec2")[ACCOUNT][region]


def _volumes() -> list[Any]:
    return [volume for region in REGIONS for volume in _ec2(region).volumes.values()]


def _groups(region: str) -> list[Any]:
    """The security groups of a region that somebody made."""
    found = [group for groups in _ec2(region).groups.values() for group in groups.values()]
    return [group for group in found if group.name != "default"]


def _schedule_groups() -> list[Any]:
    backends = [get_backend("scheduler")[ACCOUNT][region] for region in REGIONS]
    return [group for backend in backends for group in backend.schedule_groups.values()]


def _schedules() -> list[str]:
    return [str(name) for group in _schedule_groups() for name in group.schedules]


class Presence:
    """Lets runners come online when they have been asked for often enough, for as long as their instances live.

    Attributes:
        comes: Whether the runner with that number of its launch, from 1, comes online at all.
        app: The GitHub that it is around.
    """

    def __init__(self, aws: AwsServer) -> None:
        self.pool: RunnerPool | None = None
        self.app: WSGIApplication
        self.comes: Callable[[int], bool] = lambda number: True
        self._aws = aws
        self._asked: Counter[int] = Counter()

    def around(self, app: WSGIApplication) -> WSGIApplication:
        def present(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = str(environ["PATH_INFO"])
            if environ["REQUEST_METHOD"] == "GET" and "/actions/runners" in path:
                self._look(path.rpartition("/")[2])
            return app(environ, start_response)

        self.app = present
        return present

    def _look(self, asked: str) -> None:
        assert self.pool is not None
        alive = {item.tags.get("cmlkit:runner-id") for item in self._aws.instances() if item.state in ALIVE}
        for number, registered in list(self.pool.runners.items()):
            self._asked[number] += asked in ("runners", str(number))
            has_booted = self._asked[number] >= POLLS_UNTIL_ONLINE and self.comes(_number(registered.name))
            if registered.job is None:
                registered.polls = int(has_booted and str(number) in alive)


def _number(name: str) -> int:
    ours = RunnerName.of(name)
    return ours.number if ours else 0


@contextmanager
def _services(directory: Path, *, now: Callable[[], float] = time.time) -> Iterator[tuple[Any, ...]]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        aws = stack.enter_context(AwsServer(directory / "machines", boot=False, pending_seconds=0.0))
        # Hundreds of launches would each wait a second for their new security group.
        aws.settling.launches = 0
        presence = Presence(aws)
        github = stack.enter_context(GitHubServer(directory / "github", wrap=presence.around, now=now))
        presence.pool = github.hub.runners
        for name, value in aws.environ().items():
            patch.setenv(name, value)
        patch.chdir(directory)
        github.add_organization(ORGANISATION)
        github.add_repository(REPOSITORY)
        github.add_token(TOKEN, "ann", scopes=("repo", "workflow", "admin:org"), rate_limit=10**9)
        yield aws, github, presence, patch


@contextmanager
def world_of_processes(directory: Path) -> Iterator[World]:
    """A world in which others have instances, a volume, a schedule and runners, and commands are processes."""
    with _services(directory) as (aws, github, presence, _):
        commands = Processes(directory, _job(github))
        try:
            yield World(
                aws=aws,
                github=github,
                commands=commands,
                foreign_instances=_move_in(aws, github),
                presence=presence,
            )
        finally:
            commands.close()


@contextmanager
def world_on_a_wire(directory: Path) -> Iterator[tuple[World, Wire]]:
    """The same world, with commands in this process, whose waiting takes no time."""
    clock = FastClock(time=time.time())
    with _services(directory, now=clock.now) as (aws, github, presence, patch):
        connection = Wire({"AWS": (aws.url, aws), "GitHub": (github.url, presence.app)}, clock)
        with connection.connected(patch):
            there = World(
                aws=aws,
                github=github,
                commands=InProcess(connection, _job(github)),
                clock=clock,
                foreign_instances=_move_in(aws, github),
                presence=presence,
            )
            yield there, connection


def _job(github: GitHubServer) -> dict[str, str]:
    return {
        "GITHUB_API_URL": github.api_url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": "0" * 40,
        "CMLKIT_TOKEN": TOKEN,
        "CMLKIT_RUNNER_STOP_SCHEDULE_ROLE": ROLE,
        "CMLKIT_RUNNER_WAIT_TIMEOUT": "20s",
        "CMLKIT_RUNNER_MAX_LIFETIME": f"{LIFETIME_SECONDS}s",
    }


def _move_in(aws: AwsServer, github: GitHubServer) -> list[str]:
    """What others have; their instances' ids."""
    own = {"cmlkit:run": "1", "cmlkit:repository": REPOSITORY, "cmlkit:expires": str(2**32 - 1)}
    expired = {"cmlkit:run": "1", "cmlkit:repository": "octo/other", "cmlkit:expires": "1"}
    instances = [launch(aws, **_tagged(tags)) for tags in ({}, {"Name": "web"}, own, expired)]
    client(aws).create_volume(AvailabilityZone="eu-west-1a", Size=8)
    client(aws, "scheduler").create_schedule(
        Name="somebody-elses",
        ScheduleExpression="at(2099-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:eu-west-1:123456789012:queue", "RoleArn": ROLE},
    )
    for name in ("build-machine", "cmlkit-1-1-1-ffffffff-abcdef"):
        github.hub.runners.register(name=name, scope=REPOSITORY, labels=("linux",), group_id=1, work_folder="_work")
    return instances


def _tagged(tags: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    return {"TagSpecifications": [{"ResourceType": "instance", "Tags": listed}]} if listed else {}


def is_clear(ended: Ended) -> bool:
    """Whether a command that was not killed ended with an exit code of the documented ones, and says why."""
    if ended.status == -signal.SIGKILL:
        return True
    explained = ended.status == 0 or "error: " in ended.said or "Interrupted" in ended.said
    is_documented = ended.status in (0, 2, 3, 4, 5, 7, 130)
    return is_documented and explained and "Traceback" not in ended.said and "defect" not in ended.said


def is_leased(there: World, instance: SandboxInstance) -> bool:
    """Whether an instance that is alive would end without anybody's help, and shows when it should have."""
    now = max(there.clock.now(), time.time())
    in_time = int(instance.tags["cmlkit:expires"]) <= now + LIFETIME_SECONDS
    script = there.user_data(instance)
    ends = f"CMLKIT_MAX_LIFETIME={LIFETIME_SECONDS}.00" in script or "systemctl poweroff" in script
    return in_time and ends and there.terminates_itself(instance)
