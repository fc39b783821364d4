"""AWS on loopback, a forge that has runners only, and launches that use both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cmlkit.clouds.aws import AwsCloud, regions
from cmlkit.progress import Progress, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.launch import Launched, launch_all
from cmlkit.runner.stopping import Removed, stop
from cmlkit.settings.schema import RunnerSpec
from tests.fake_forge import FakeForge, FastClock
from tests.integration.aws.ec2 import REGION, Ec2, running

RUN = WorkflowRun(repository="octo/random-forest", run_id="7700", attempt=1)


class Said(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(kw_only=True)
class Setting:
    """What a launch takes beside its settings."""

    forge: FakeForge = field(default_factory=FakeForge)
    clock: FastClock = field(default_factory=FastClock)
    cloud_for: Callable[[str], AwsCloud]
    workflow_run: WorkflowRun = RUN

    def launch(self, **settings: Any) -> Launched:
        return self.launch_all(**settings)[0]

    def launch_all(
        self,
        *,
        progress: Progress | None = None,
        tell: Callable[[tuple[Launched, ...]], None] = lambda launched: None,
        **settings: Any,
    ) -> tuple[Launched, ...]:
        return launch_all(
            RunnerSpec(**settings),
            progress=progress,
            workflow_run=self.workflow_run,
            forge=self.forge,
            job_forge=self.forge,
            cloud_for=self.cloud_for,
            clock=self.clock,
            tell=tell,
        )

    def stop(self, **arguments: Any) -> Removed:
        return stop(
            workflow_run=self.workflow_run,
            forge=self.forge,
            job_forge=self.forge,
            cloud_for=self.cloud_for,
            clock=self.clock,
            **arguments,
        )


@pytest.fixture(scope="session")
def _server() -> Iterator[Ec2]:
    with running() as ec2:
        yield ec2


@pytest.fixture(scope="session")
def _shared_regions() -> Callable[[str], AwsCloud]:
    # boto3 takes half a second to make its clients.
    return regions()


@pytest.fixture
def ec2(_server: Ec2, monkeypatch: pytest.MonkeyPatch) -> Ec2:
    # The hundreds of images that moto knows cost more time than the tests.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    _server.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", _server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return _server


@pytest.fixture
def here(ec2: Ec2, _shared_regions: Callable[[str], AwsCloud]) -> Setting:
    return Setting(cloud_for=_shared_regions)
