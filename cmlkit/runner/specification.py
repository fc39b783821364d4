"""The specification of one runner's instance on one rung of the ladder."""

from __future__ import annotations

import hashlib

from cmlkit.clouds.launching import FirstBoot, InstanceSpec
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.boot import BootSpec, user_data
from cmlkit.runner.ladder import Rung
from cmlkit.settings import variables
from cmlkit.settings.schema import RunnerSpec

# The instance's own timer comes first. It starts during the boot, which takes some minutes at most.
EXPIRY_GRACE_SECONDS = 600.0


def instance_spec(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    first_boot: FirstBoot,
    agent: RunnerAgent,
    scope: str,
    jit_runner: JitRunner,
    download: RunnerDownload,
    rung: Rung,
    expires: int,
) -> InstanceSpec:
    """Return the specification of the runner's instance; equal arguments give equal ones, client token included.

    Args:
        scope: The repository or organisation that has the runner.
        expires: End of the lease, in seconds since the epoch.

    Raises:
        SettingsError: The startup script does not fit into user data, or a tag is reserved for cmlkit.
    """
    return InstanceSpec(
        name=jit_runner.runner.name,
        client_token=client_token(workflow_run, jit_runner.runner, rung, expires=expires),
        instance_type=rung.instance_type.name,
        market=rung.market,
        image=rung.image,
        subnet=rung.subnet,
        security_groups=rung.security_groups,
        user_data=user_data(
            BootSpec(
                cloud=first_boot,
                agent=agent,
                credential=jit_runner.credential,
                runner_url=download.url,
                runner_sha256=download.sha256,
                idle_timeout=spec.idle_timeout,
                max_lifetime=spec.max_lifetime,
                keep_on_failure=spec.keep_on_failure,
                startup_script=spec.startup_script,
                job_environment=job_environment(
                    rung,
                    minute_price=spec.minute_price,
                    keep_on_failure=spec.keep_on_failure,
                    launcher=workflow_run.runner,
                ),
                proxy=spec.proxy,
                no_proxy=spec.no_proxy,
                docker=spec.docker,
                sudo=spec.sudo,
            )
        ),
        disk_size=spec.disk_size,
        disk_type=spec.disk_type,
        max_price=spec.max_price,
        iam_instance_profile=spec.iam_instance_profile,
        tags=lease.tags(
            workflow_run,
            jit_runner.runner,
            scope=scope,
            expires=expires,
            keep_on_failure=spec.keep_on_failure,
            extra=spec.tags,
        ),
        expires=expires + _grace(spec),
        expiry_role=spec.stop_schedule_role,
    )


def client_token(workflow_run: WorkflowRun, runner: Runner, rung: Rung, *, expires: float) -> str:
    """Return the token that marks repeated requests for one run, attempt, runner, rung and lease as the same."""
    run = (workflow_run.repository, workflow_run.run_id, workflow_run.attempt)
    told_apart_by = (*run, runner.id, rung.region, rung, int(expires))
    return hashlib.sha256("\n".join(map(str, told_apart_by)).encode()).hexdigest()


def latest_end(spec: RunnerSpec, *, started: float) -> float:
    """Return when the cloud has ended every instance of a launch that began at `started`, whenever it came.

    Both in seconds since the epoch.
    """
    return started + spec.wait_timeout + spec.capacity_timeout + spec.max_lifetime + _grace(spec)


def _grace(spec: RunnerSpec) -> float:
    """Return how many seconds after the lease the cloud ends an instance that is still there.

    A launch gives up an instance whose runner is not online within `wait_timeout`, so the timer of any other has
    started by then.
    """
    return max(EXPIRY_GRACE_SECONDS, spec.wait_timeout)


def job_environment(
    rung: Rung, *, minute_price: float = 0.0, keep_on_failure: float = 0.0, launcher: str = ""
) -> dict[str, str]:
    """Return the job's variables about its instance; the boot script adds the instance's id and start time.

    Args:
        minute_price: USD that the forge charges for a minute of the job.
        keep_on_failure: Seconds for which the instance stays after a training that failed.
        launcher: Name of the runner that launches it, by which the job's report finds the launch's times.
    """
    facts = {
        variables.INSTANCE_TYPE: rung.instance_type.name,
        variables.INSTANCE_MARKET: rung.market,
        variables.INSTANCE_REGION: rung.region,
    }
    prices = {
        variables.INSTANCE_PRICE: rung.price,
        variables.INSTANCE_DISK_PRICE: rung.disk_price,
        variables.INSTANCE_ADDRESS_PRICE: rung.address_price,
        variables.INSTANCE_MINUTE_PRICE: minute_price or None,
    }
    kept = {variables.KEEP_SECONDS: f"{keep_on_failure:.0f}"} if keep_on_failure else {}
    named = {variables.INSTANCE_LAUNCHER: launcher} if launcher.isprintable() and launcher else {}
    return {**facts, **{name: f"{price:.6f}" for name, price in prices.items() if price is not None}, **kept, **named}
