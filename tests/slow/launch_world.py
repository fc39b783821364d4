"""The world that launches are swept in: an AWS and a GitHub with things of other people, and one run's commands."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from cmlkit.clouds.aws import regions
from cmlkit.clouds.base import CloudFor
from cmlkit.forges.github import GitHub
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.reaping import reap
from cmlkit.runner.stopping import stop
from cmlkit_sandbox.aws import AwsServer
from cmlkit_sandbox.aws.fleet import SandboxInstance
from cmlkit_sandbox.github import GitHubServer
from cmlkit_sandbox.github.runners import RunnerPool
from tests.fake_forge import FastClock
from tests.integration.aws_client import client, launch
from tests.slow import command_process

REPOSITORY = "octo/random-forest"
TOKEN = "ghp_sweep"
ROLE = "arn:aws:iam::123456789012:role/cmlkit-scheduler"
LIFETIME_SECONDS = 7200
ALIVE = ("pending", "running")
POLLS_UNTIL_ONLINE = 2 * command_process.POLLS_PER_LOOK
# Longer than the slowest command under the slowest fault; none is meant to need it.
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, order=True)
class Step:
    """One call of a command: the nth of its kind, at AWS (`RunInstances`) or at GitHub (`GET …/runners/N`)."""

    party: str
    call: str
    nth: int

    def __str__(self) -> str:
        return f"{self.party} {self.call} #{self.nth + 1}"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended; `status` is negative for a signal, as in `subprocess`."""

    status: int
    said: str


class Commands:
    """Starts commands of cmlkit, one at a time."""

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


@dataclass(kw_only=True)
class World:
    """Both services, what belongs to others in them, and the commands of one run after the other."""

    aws: AwsServer
    github: GitHubServer
    commands: Commands
    clock: FastClock = field(default_factory=FastClock)
    cloud_for: CloudFor = field(default_factory=regions)
    foreign_instances: Sequence[str]
    run_number: int = 0

    @property
    def workflow_run(self) -> WorkflowRun:
        return WorkflowRun(repository=REPOSITORY, run_id=str(self.run_number), attempt=1)

    def begin(self) -> None:
        """The next run, without faults."""
        self.run_number = self.github.start_run(REPOSITORY).id
        self._without_faults()
        self._remove_security_group()
        self.aws.forget_ended()
        self.forget()

    def forget(self) -> None:
        """Forget the calls that were made."""
        self.aws.calls.clear()
        self.github.requests.clear()

    def command(self, name: str) -> Ended:
        """`cmlkit runner NAME`, as a job of the run starts it."""
        return self.commands.run("runner", name, environ={"GITHUB_RUN_ID": str(self.run_number)})

    def steps(self) -> list[Step]:
        """What was called since the run began."""
        seen: Counter[tuple[str, str]] = Counter()
        steps = []
        for party, call in [
            *(("AWS", call.action) for call in self.aws.calls),
            *(("GitHub", f"{item.method} {re.sub(r'[0-9]+', 'N', item.path)}") for item in self.github.requests),
        ]:
            steps.append(Step(party, call, seen[party, call]))
            seen[party, call] += 1
        return steps

    def at(self, step: Step, **fault: Any) -> None:
        """Let something happen at one step: Fault's words for it, which both services share."""
        if step.party == "AWS":
            before, after = fault.pop("before", None), fault.pop("after", None)
            self.aws.fail(step.call, skip=step.nth, before=_ignoring(before), after=_ignoring(after), **fault)
        else:
            method, _, path = step.call.partition(" ")
            pattern = "^" + re.escape(path).replace("N", "[0-9]+") + "$"
            self.github.faults.add(method, pattern, skip=step.nth, **fault)

    def instances(self) -> list[SandboxInstance]:
        """The run's instances that are alive."""
        marks = {"cmlkit:run": str(self.run_number), "cmlkit:repository": REPOSITORY}
        return [
            instance
            for instance in self.aws.instances()
            if instance.state in ALIVE and marks.items() <= instance.tags.items()
        ]

    def runners(self) -> list[str]:
        """Names of the run's runners that GitHub lists."""
        prefix = f"{self.workflow_run.label}-"
        return [item.name for item in self.github.hub.runners.of(REPOSITORY) if item.name.startswith(prefix)]

    def schedules(self) -> list[str]:
        """Names of the run's schedules."""
        return [name for name in self._schedules() if name.startswith(f"{self.workflow_run.label}-")]

    def user_data(self, instance: SandboxInstance) -> str:
        """The boot script of an instance."""
        answer = client(self.aws).describe_instance_attribute(InstanceId=instance.id, Attribute="userData")
        return gzip.decompress(base64.b64decode(answer["UserData"]["Value"])).decode()

    def terminates_itself(self, instance: SandboxInstance) -> bool:
        """Whether powering off is the end of an instance."""
        answer = client(self.aws).describe_instance_attribute(
            InstanceId=instance.id, Attribute="instanceInitiatedShutdownBehavior"
        )
        return bool(answer["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate")

    def forge(self) -> GitHub:
        return GitHub(repository=REPOSITORY, token=TOKEN, api_url=self.github.api_url, clock=self.clock)

    def stop(self) -> None:
        """The last job of the workflow, which needs nothing from those before it."""
        self._without_faults()
        stop(workflow_run=self.workflow_run, forge=self.forge(), cloud_for=self.cloud_for, clock=self.clock)

    def reap(self) -> None:
        """The hourly workflow, twice, after the lease is over."""
        self._without_faults()
        # Not six hours later, when everything goes that nobody can tell of.
        self.clock.time = time.time()
        for _ in range(2):
            self.clock.time += LIFETIME_SECONDS + 1
            forge = self.forge()
            reap(repository=REPOSITORY, forge=forge, job_forge=forge, cloud_for=self.cloud_for, clock=self.clock)

    def left(self) -> list[str]:
        """What is left of the run; its schedules only as far as they do not end by themselves."""
        left = [*(instance.id for instance in self.instances()), *self.runners()]
        attached = [volume["VolumeId"] for volume in self._volumes() if volume["State"] != "available"]
        left += attached[len(self.foreign_instances) :]
        self.aws.run_due_schedules(self.clock.time)
        return [*left, *self.schedules()]

    def others(self) -> Any:
        """What is not the run's own: it must be the same before and after."""
        own = f"{self.workflow_run.label}-"
        return [
            [(item.id, item.state, dict(item.tags)) for item in map(self.aws.instance, self.foreign_instances)],
            [item.name for item in self.github.hub.runners.of(REPOSITORY) if not item.name.startswith(own)],
            [name for name in self._schedules() if not name.startswith(own)],
            sorted(volume["VolumeId"] for volume in self._volumes() if volume["State"] == "available"),
        ]

    def _volumes(self) -> list[Any]:
        found: list[Any] = client(self.aws).describe_volumes()["Volumes"]
        return found

    def _schedules(self) -> list[str]:
        return [item["Name"] for item in client(self.aws, "scheduler").list_schedules()["Schedules"]]

    def _remove_security_group(self) -> None:
        """So that every launch has to make it."""
        named = [{"Name": "group-name", "Values": ["cmlkit-runner"]}]
        for group in client(self.aws).describe_security_groups(Filters=named)["SecurityGroups"]:
            client(self.aws).delete_security_group(GroupId=group["GroupId"])

    def _without_faults(self) -> None:
        self.aws.faults.clear()
        self.github.faults.clear()


def _ignoring(action: Callable[[], object] | None) -> Callable[[object], object] | None:
    return (lambda call: action()) if action else None


class Presence:
    """Lets runners come online when they have been asked for often enough, for as long as their instances live."""

    def __init__(self, aws: AwsServer) -> None:
        self.pool: RunnerPool | None = None
        self._aws = aws
        self._asked: Counter[str] = Counter()

    def around(self, app: WSGIApplication) -> WSGIApplication:
        def present(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self._look(str(environ["PATH_INFO"]).rpartition("/")[2])
            return app(environ, start_response)

        return present

    def _look(self, asked: str) -> None:
        assert self.pool is not None
        self._asked[asked] += 1
        alive = {item.tags.get("cmlkit:runner-id") for item in self._aws.instances() if item.state in ALIVE}
        for number, registered in list(self.pool.runners.items()):
            has_booted = self._asked[str(number)] >= POLLS_UNTIL_ONLINE
            registered.polls = int(has_booted and str(number) in alive)


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """A world in which others have instances, a volume, a schedule and runners."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        aws = stack.enter_context(AwsServer(directory / "machines", boot=False, pending_seconds=0.0))
        # Hundreds of launches would each wait a second for their new security group.
        aws.settling.launches = 0
        presence = Presence(aws)
        github = stack.enter_context(GitHubServer(directory / "github", wrap=presence.around))
        presence.pool = github.hub.runners
        for name, value in aws.environ().items():
            patch.setenv(name, value)
        github.add_repository(REPOSITORY)
        github.add_token(TOKEN, "octo")
        commands = Commands(directory, _job(github))
        stack.callback(commands.close)
        yield World(aws=aws, github=github, commands=commands, foreign_instances=_move_in(aws, github))


def _job(github: GitHubServer) -> dict[str, str]:
    return {
        "GITHUB_API_URL": github.api_url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": "0" * 40,
        "GITHUB_RUN_ATTEMPT": "1",
        "CMLKIT_RUNNER_TOKEN": TOKEN,
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
