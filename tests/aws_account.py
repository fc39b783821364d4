"""An empty account in the sandbox's AWS, and every command of cmlkit that asks it for something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmlkit import doctor
from cmlkit.clouds.aws import AwsCloud, regions
from cmlkit.errors import PermissionDenied, WaitTimeout
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.image_check import check_image
from cmlkit.runner.launch import Launched, launch_all
from cmlkit.runner.preview import Preview, preview
from cmlkit.runner.reaping import Reaped, reap
from cmlkit.runner.stopping import Removed, stop
from cmlkit.settings import schema
from cmlkit.settings.schema import RunnerSpec
from cmlkit.stores import s3_checkpoints
from cmlkit_sandbox.aws import AwsServer
from tests.fake_forge import FakeForge, FastClock
from tests.integration.aws_client import client

POLICIES = Path(__file__).parents[1] / "cmlkit/clouds/aws/policies"
RUN = WorkflowRun(repository="octo/random-forest", run_id="7700", attempt=1)
ROLE = "arn:aws:iam::123456789012:role/cmlkit-scheduler"
PROFILE = "cmlkit-instance"
LIFETIME_SECONDS = 7200
POLLS_UNTIL_THE_CONSOLE_IS_READ = 40


class Account:
    """The account, and each command in the account's region."""

    def __init__(self, aws: AwsServer, cloud_for: Callable[[str], AwsCloud]) -> None:
        self.aws = aws
        self.cloud_for = cloud_for
        self.forge = FakeForge(polls_until_online=POLLS_UNTIL_THE_CONSOLE_IS_READ)
        self.clock = FastClock()

    def launch(self, **settings: Any) -> Launched:
        spec = RunnerSpec(stop_schedule_role=ROLE, iam_instance_profile=PROFILE, **settings)
        (launched,) = launch_all(spec, workflow_run=RUN, forge=self.forge, cloud_for=self.cloud_for, clock=self.clock)
        return launched

    def stop(self) -> Removed:
        return stop(workflow_run=RUN, forge=self.forge, cloud_for=self.cloud_for, clock=self.clock)

    def reap(self, *, dry_run: bool = False) -> tuple[Reaped, ...]:
        return reap(
            repository=RUN.repository,
            forge=self.forge,
            job_forge=self.forge,
            cloud_for=self.cloud_for,
            clock=self.clock,
            dry_run=dry_run,
        )

    def refuse(self, why: str) -> Any:
        raise PermissionDenied(why)

    def preview(self) -> Preview:
        spec = RunnerSpec(iam_instance_profile=PROFILE)
        return preview(spec, workflow_run=RUN, cloud_for=self.cloud_for)

    def examine(self) -> None:
        """Ask all that `cmlkit doctor` asks AWS."""
        doctor.examine(
            schema.load(
                environ={"CMLKIT_RUNNER_STOP_SCHEDULE_ROLE": ROLE, "CMLKIT_RUNNER_IAM_INSTANCE_PROFILE": PROFILE}
            ),
            workflow_run=RUN,
            publish_forge=lambda: self.refuse("GitHub is not what this is about"),
            runner_forge=lambda: self.refuse("GitHub is not what this is about"),
            cloud_for=self.cloud_for,
            directory=Path(),
            now=self.clock.now(),
        )

    def check_image(self) -> None:
        """Check an image by an instance that says nothing, as none boots here."""
        spec = RunnerSpec(market="on-demand", wait_timeout=30)
        with pytest.raises(WaitTimeout):
            check_image(spec, workflow_run=RUN, forge=self.forge, cloud_for=self.cloud_for, clock=self.clock)

    def keep_checkpoints(self, url: str, folder: Path) -> None:
        """Write, read, break off, list and remove checkpoints below a URL, in a bucket that is new."""
        region = "eu-west-1"
        bucket = url.removeprefix("s3://").partition("/")[0]
        client(self.aws, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        self.aws.calls.clear()
        file = folder / "large"
        file.write_bytes(bytes(6 * 1024**2))
        store = s3_checkpoints.S3Checkpoints(url)
        assert store.read_list() is None
        store.write_list(b"{}")
        assert store.read_list() == b"{}"
        with file.open("rb") as opened:
            store.put(opened, "a" * 64, size=file.stat().st_size, still=lambda: None)
            with pytest.raises(ZeroDivisionError):  # whatever ends it
                store.put(opened, "b" * 64, size=file.stat().st_size, still=lambda: print(1 / 0))
        assert sum(map(len, store.get("a" * 64))) == file.stat().st_size
        store.drop(["a" * 64])
        store.clear()


@contextmanager
def empty_account(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Yield an account with an instance profile and nothing else, to which this process has the keys."""
    # The least that S3 takes, for an upload in parts to need little.
    patch.setattr(s3_checkpoints, "PART_BYTES", 5 * 1024**2)
    with AwsServer(folder, boot=False) as aws:
        for name, value in aws.environ().items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        client(aws, "iam").create_instance_profile(InstanceProfileName=PROFILE)
        aws.calls.clear()
        yield Account(aws, regions())
