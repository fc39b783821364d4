"""The specification of one runner's instance on one rung of the ladder."""

from __future__ import annotations

import hashlib

from cmlkit.clouds.launching import FirstBoot, InstanceSpec
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.boot import BootSpec, user_data
from cmlkit.runner.ladder import Rung
from cmlkit.settings.schema import RunnerSpec

# The instance's own timer comes first.
EXPIRY_GRACE_SECONDS = 600


def instance_spec(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    first_boot: FirstBoot,
    agent: RunnerAgent,
    jit_runner: JitRunner,
    download: RunnerDownload,
    rung: Rung,
    expires: int,
) -> InstanceSpec:
    """Return the specification of the runner's instance; equal arguments give equal ones, client token included.

    Raises:
        SettingsError: The startup script does not fit into user data, or a tag is reserved for cmlkit.
    """
    return InstanceSpec(
        name=jit_runner.runner.name,
        client_token=client_token(workflow_run, jit_runner.runner, rung),
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
                startup_script=spec.startup_script,
                job_environment=job_environment(rung),
            )
        ),
        disk_size=spec.disk_size,
        disk_type=spec.disk_type,
        max_price=spec.max_price,
        iam_instance_profile=spec.iam_instance_profile,
        tags=lease.tags(workflow_run, jit_runner.runner, expires=expires, extra=spec.tags),
        expires=expires + EXPIRY_GRACE_SECONDS,
        expiry_role=spec.stop_schedule_role,
    )


def client_token(workflow_run: WorkflowRun, runner: Runner, rung: Rung) -> str:
    """Return the token that marks repeated requests for one run, attempt, runner and rung as the same."""
    told_apart_by = (workflow_run.repository, workflow_run.run_id, workflow_run.attempt, runner.id, rung.region, rung)
    return hashlib.sha256("\n".join(map(str, told_apart_by)).encode()).hexdigest()


def job_environment(rung: Rung) -> dict[str, str]:
    """Return the job's variables about its instance; the boot script adds the instance's id and start time."""
    facts = {
        "CMLKIT_INSTANCE_TYPE": rung.instance_type.name,
        "CMLKIT_INSTANCE_MARKET": rung.market,
        "CMLKIT_INSTANCE_REGION": rung.region,
    }
    return facts if rung.price is None else {**facts, "CMLKIT_INSTANCE_PRICE_USD_PER_HOUR": f"{rung.price:.6f}"}
