"""Launching and reaping against the sandbox's GitHub, whose list of runners can be as wrong as the real one's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cmlkit.clouds.aws import regions
from cmlkit.clouds.base import CloudFor
from cmlkit.errors import WaitTimeout
from cmlkit.forges.github import GitHub
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.launch import Launched, launch_all
from cmlkit.runner.reaping import SURELY_OVER_SECONDS, reap
from cmlkit.settings.schema import RunnerSpec
from cmlkit_sandbox.aws import AwsServer
from cmlkit_sandbox.github import GitHubServer
from cmlkit_sandbox.github.runners import Runner
from tests.fake_forge import FastClock
from tests.integration.aws_client import until_state

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow

REPOSITORY = "octo-org/forest"
LIFETIME_SECONDS = 7200
# https://github.com/actions/runner/issues/4422, https://github.com/actions/runner/issues/3448
WRONG = ["idle", "offline", "missing"]


@dataclass(kw_only=True)
class World:
    """A repository of an organisation, an account, and one run."""

    aws: AwsServer
    github: GitHubServer
    run: WorkflowRun
    clock: FastClock = field(default_factory=FastClock)
    cloud_for: CloudFor = field(default_factory=regions)

    def forge(self, scope: str = "repository") -> GitHub:
        return GitHub(
            repository=REPOSITORY,
            token="ghp_admin",
            api_url=self.github.api_url,
            clock=self.clock,
            runner_scope="organisation" if scope == "organisation" else "repository",
        )

    def launch(self, scope: str = "repository", *, then: Callable[[], None] | None = None) -> Launched:
        """Launch a runner that comes online, or does something else, while the launch waits."""
        forge, then = self.forge(scope), then or self.connect
        self.clock.when_slept = then
        launched = launch_all(
            RunnerSpec(max_lifetime=float(LIFETIME_SECONDS)),
            workflow_run=self.run,
            forge=forge,
            job_forge=self.forge(),
            cloud_for=self.cloud_for,
            clock=self.clock,
        )
        self.clock.when_slept = self.connect
        return launched[0]

    def connect(self) -> None:
        for runner in self.github.hub.runners.runners.values():
            runner.polls = 1

    def work(self) -> None:
        """Let the runner take a job of its run."""
        run = self.github.hub.repository(REPOSITORY).runs[int(self.run.run_id)]
        self.github.queue_job(REPOSITORY, labels=(self.run.label,), steps=("true",), run=run)
        assert self.github.hub.runners.take_job(self.runner) is not None

    @property
    def runner(self) -> Runner:
        [runner] = self.github.hub.runners.runners.values()
        return runner

    def reap(self, scope: str = "repository") -> dict[str, str]:
        """Return the outcome of each instance."""
        rows = reap(
            repository=REPOSITORY,
            forge=self.forge(scope),
            job_forge=self.forge(),
            cloud_for=self.cloud_for,
            clock=self.clock,
        )
        return {row.id: row.outcome for row in rows if row.kind == "instance"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with AwsServer(tmp_path / "machines", boot=False, pending_seconds=0) as aws, GitHubServer(tmp_path / "hub") as hub:
        for name, value in aws.environ().items():
            monkeypatch.setenv(name, value)
        aws.settling.launches = 0
        hub.hub.account("octo-org", kind="Organization")
        hub.add_repository(REPOSITORY)
        hub.add_token("ghp_admin", "octo-org")
        run = WorkflowRun(repository=REPOSITORY, run_id=str(hub.start_run(REPOSITORY).id))
        yield World(aws=aws, github=hub, run=run)


@pytest.mark.parametrize("shown", WRONG)
def test_no_runner_at_work_is_reaped_however_github_lists_it(world: World, shown: str) -> None:
    launched = world.launch()
    world.work()
    world.github.hub.runners.shows_working = shown  # type: ignore[assignment]
    world.clock.time += LIFETIME_SECONDS + 1
    assert world.reap() == {launched.instance_id: "kept: it is busy"}
    world.github.hub.runners.finish(world.runner.job, "success")  # type: ignore[arg-type]
    assert world.reap() == {launched.instance_id: "terminated"}


@pytest.mark.parametrize("shown", WRONG)
def test_a_launch_sees_its_runner_at_work_however_github_lists_it(world: World, shown: str) -> None:
    def take_a_job() -> None:
        world.connect()
        if not world.runner.busy:
            world.work()

    world.github.hub.runners.shows_working = shown  # type: ignore[assignment]
    launched = world.launch(then=take_a_job)
    assert launched.runner_name == world.runner.name
    assert world.runner.busy


def test_a_launch_takes_no_runner_that_was_removed_for_one_that_came(world: World) -> None:
    with pytest.raises(WaitTimeout, match="does not list the runner any more"):
        world.launch(then=world.github.hub.runners.runners.clear)
    [instance] = world.aws.instances()
    until_state(world.aws, instance.id, "terminated")


def test_the_reaper_of_a_repository_leaves_the_runners_of_its_organisation_to_theirs(world: World) -> None:
    launched = world.launch("organisation")
    world.clock.time += LIFETIME_SECONDS + 1
    assert world.reap() == {launched.instance_id: "kept: its runners are listed by octo-org"}
    world.work()
    world.clock.time += SURELY_OVER_SECONDS
    assert world.reap() == {launched.instance_id: "kept: it is busy"}
    world.github.hub.runners.finish(world.runner.job, "success")  # type: ignore[arg-type]
    assert world.reap("organisation") == {launched.instance_id: "terminated"}


def test_the_jobs_of_a_run_name_their_runners(world: World) -> None:
    launched = world.launch()
    assert world.forge().jobs(world.run.run_id) == []
    world.work()
    [job] = world.forge().jobs(world.run.run_id)
    assert (job.runner_name, job.name, job.is_over, job.completed) == (launched.runner_name, "train", False, None)
    assert job.created is not None
    assert job.started is not None
    world.github.hub.runners.finish(world.runner.job, "failure")  # type: ignore[arg-type]
    [job] = world.forge().jobs(world.run.run_id)
    assert (job.runner_name, job.is_over, job.conclusion) == (launched.runner_name, True, "failure")
