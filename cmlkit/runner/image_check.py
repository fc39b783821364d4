"""Checking a machine image for what runners need, by booting one instance from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.base import Cloud, CloudFor
from cmlkit.clouds.launching import Instance, InstanceSpec
from cmlkit.errors import ServiceError, WaitTimeout
from cmlkit.forges.runners import Runner, RunnerForge
from cmlkit.progress import Progress, Say, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.boot import ImageContents, check_image_script, image_contents
from cmlkit.runner.created import Created
from cmlkit.runner.ladder import Request, Rung, climb
from cmlkit.runner.plan import plan
from cmlkit.runner.specification import client_token
from cmlkit.runner.stopping import Removed, Traces, remove, taken_back
from cmlkit.settings.schema import RunnerSpec

POLL_SECONDS = 5.0
# The answer is read within a minute or two, and the instance ends by itself after five.
LIFETIME_SECONDS = 900.0


@dataclass
class ImageCheck:
    """One check of an image. The caller of `look` must remove what `traces` names, even after an error."""

    spec: RunnerSpec
    workflow_run: WorkflowRun
    clouds: Sequence[Cloud]
    clock: Clock

    def __post_init__(self) -> None:
        self._expires = self.clock.now() + LIFETIME_SECONDS
        # No runner is registered: the name only shows, also to the reaper, that the instance is ours.
        self._runner = Runner(
            id=0,
            name=lease.new_name(self.workflow_run, 1, expires=self._expires),
            status="offline",
            busy=False,
            labels=(),
        )
        self._created = Created()

    def look(self, say: Say) -> ImageContents:
        """Return the image's contents.

        Raises:
            CapacityError: No instance could be launched.
            WaitTimeout: The instance has not reported within `spec.wait_timeout`.
            ServiceError: The instance ended before it reported.
        """
        planned = plan(replace(self.spec, count=1), self.clouds)
        rung, instance = climb(planned.rungs, self._request, clock=self.clock)
        cloud = self._cloud(rung)
        deadline = self.clock.now() + self.spec.wait_timeout
        while (found := image_contents(console := cloud.console_output(instance.id))) is None:
            self._check(cloud, instance, console, deadline)
            say(f"{instance.id} ({rung}) has not reported yet")
            self.clock.sleep(POLL_SECONDS)
        return found

    @property
    def traces(self) -> Traces:
        """The traces of the instance that was launched."""
        return self._created.traces([self._runner.name], clouds=self.clouds, tags=lease.tags_of_run(self.workflow_run))

    def _check(self, cloud: Cloud, instance: Instance, console: str, deadline: float) -> None:
        tail = "\n".join(["The end of its console output:", *console.splitlines()[-20:]])
        if self.clock.now() >= deadline:
            raise WaitTimeout(
                f"{instance.id} has not reported what its image has within {self.spec.wait_timeout:.0f} s.\n{tail}",
                next_step="An image without cloud-init, or without a serial console, cannot report it.",
            )
        if any(not item.alive for item in cloud.instances(ids=[instance.id])):
            raise ServiceError(f"{instance.id} ended before it reported what its image has.\n{tail}")

    def _request(self, rung: Rung) -> Request:
        spec = InstanceSpec(
            name=self._runner.name,
            client_token=client_token(self.workflow_run, self._runner, rung, expires=self._expires),
            instance_type=rung.instance_type.name,
            market=rung.market,
            image=rung.image,
            subnet=rung.subnet,
            security_groups=rung.security_groups,
            user_data=check_image_script().encode(),
            disk_size=self.spec.disk_size,
            disk_type=self.spec.disk_type,
            tags=lease.tags(
                self.workflow_run,
                self._runner,
                scope=self.workflow_run.repository,
                expires=self._expires,
                extra=self.spec.tags,
            ),
        )
        return lambda: self._created.launched(self._runner.name, self._cloud(rung), spec)

    def _cloud(self, rung: Rung) -> Cloud:
        return next(cloud for cloud in self.clouds if cloud.region == rung.region)


def check_image(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> ImageContents:
    """Return the contents of `spec.image`, reported by an instance that is terminated right afterwards.

    Raises:
        CapacityError, WaitTimeout, ServiceError: The instance could not be launched, or did not report.
        Interrupted: SIGINT or SIGTERM came; the instance is terminated then, too.
    """
    clouds, clock = [cloud_for(region) for region in spec.region or ("",)], clock or SystemClock()
    image_check = ImageCheck(spec=spec, workflow_run=workflow_run, clouds=clouds, clock=clock)

    def withdraw() -> Removed:
        return remove(image_check.traces, forge=forge, clock=clock)

    with taken_back(withdraw, keep=False) as signals, (progress or Silent()).stage("Look at the image") as say:

        def tell(text: str) -> None:
            # botocore takes what a signal raises in it for a lost connection.
            signals.raise_if_received()
            say(text)

        return image_check.look(tell)
