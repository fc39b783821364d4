"""The whole way of an interrupted training: notice, checkpoint in the bucket, rerun on demand, restored, finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.aws import ACCESS_KEY, SECRET_KEY
from cmlkit_sandbox.github import Job, WorkflowRun

pytestmark = pytest.mark.slow

DEADLINE_SECONDS = 120
BUCKET, PROFILE = "checkpoints", "cmlkit-instance"
SETTINGS = f"""\
runner:
  market: spot-then-on-demand
  iam-instance-profile: {PROFILE}
train:
  run: python3 train.py | tee training.log
  model: model/m.joblib
  plots: []
  data: []
  checkpoint: checkpoints/
  checkpoint-store: s3://{BUCKET}/forest
"""
# Ten epochs. The first attempt waits in its fourth, as if the epoch took hours, until it is told to end.
TRAINING = """
import json, os, pathlib, signal, sys, time
folder = pathlib.Path("checkpoints")
folder.mkdir(exist_ok=True)
state = folder / "state.json"
epoch = json.loads(state.read_text())["epoch"] if state.exists() else 0
print("begins after epoch", epoch, flush=True)
def end(*_):
    (folder / "state.part").write_text(json.dumps({"epoch": epoch}))
    (folder / "state.part").replace(state)
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
while epoch < 10:
    epoch += 1
    if epoch == 4 and os.environ["GITHUB_RUN_ATTEMPT"] == "1":
        print("in epoch", epoch, flush=True)
        signal.pause()
model = pathlib.Path("model")
model.mkdir(exist_ok=True)
(model / "m.joblib").write_text("weights")
(model / "metrics.txt").write_text(f"epochs: {epoch}")
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "cmlkit.yaml").write_text(SETTINGS)
    (source / "train.py").write_text(TRAINING)
    with Sandbox(tmp_path / "sandbox", source=source) as running:
        client(running, "s3").create_bucket(Bucket=BUCKET)
        client(running, "iam").create_instance_profile(InstanceProfileName=PROFILE)
        yield running


def client(sandbox: Sandbox, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=sandbox.aws.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def saved(sandbox: Sandbox) -> list[str]:
    """The last parts of the names of the objects in the bucket."""
    listed = client(sandbox, "s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())
    return sorted(item["Key"].rpartition("/")[2] for item in listed)


def command(sandbox: Sandbox, workflow_run: WorkflowRun, folder: Path, *arguments: str) -> dict[str, Any]:
    """The JSON that `cmlkit ARGUMENTS` prints in a job of this attempt that is on no instance of ours."""
    environ = {
        "PATH": os.environ["PATH"],
        **sandbox.environ(),
        "GITHUB_RUN_ID": str(workflow_run.id),
        "GITHUB_RUN_ATTEMPT": str(workflow_run.attempt),
        "GITHUB_SHA": workflow_run.sha,
    }
    argv = [sys.executable, "-m", "cmlkit", *arguments, "--json"]
    done = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def until(condition: Callable[[], object], job: Job) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert job.conclusion is None, job.log
        assert time.monotonic() < deadline, job.log
        time.sleep(0.1)


def test_an_interrupted_training_goes_on_from_its_checkpoint_on_demand_and_ends(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "source"
    workflow_run = sandbox.github.start_run(sandbox.repository)
    first = command(sandbox, workflow_run, folder, "runner", "launch")
    assert first["market"] == "spot"
    job = sandbox.github.queue_job(
        sandbox.repository,
        labels=["cmlkit-${{ github.run_id }}-${{ github.run_attempt }}"],
        steps=[f"{sys.executable} -m cmlkit train"],
        # Credentials are the instance's own, from its metadata service.
        environ={"AWS_ENDPOINT_URL": sandbox.aws.url, "AWS_DEFAULT_REGION": "us-east-1"},
        run=workflow_run,
    )
    until(lambda: "in epoch 4" in job.log, job)
    sandbox.aws.interrupt(first["instance_id"])
    assert job.wait(DEADLINE_SECONDS) == "failure"
    assert "::warning title=Spot interruption::" in job.log
    assert len(saved(sandbox)) == 2
    command(sandbox, workflow_run, folder, "runner", "stop")

    rerun = ("workflow", "rerun", "--id", str(workflow_run.id), "--if-interrupted")
    assert command(sandbox, workflow_run, folder, *rerun)["rerun"]
    assert workflow_run.attempt == 2
    second = command(sandbox, workflow_run, folder, "runner", "launch")
    assert second["market"] == "on-demand"
    (again,) = workflow_run.latest_jobs()
    assert again.wait(DEADLINE_SECONDS) == "success", again.log
    assert "Restore the checkpoint: 1 file, 12 B, saved" in again.log, again.log
    assert "begins after epoch 4" in again.log, again.log
    assert json.loads(again.outputs["metrics"]) == {"epochs": 10}
    assert saved(sandbox) == []
    command(sandbox, workflow_run, folder, "runner", "stop")
    assert {instance.state for instance in sandbox.aws.instances()} == {"terminated"}
