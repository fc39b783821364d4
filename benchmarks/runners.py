"""Load: many runners launched and stopped at once, beside one, with 100 ms per call to AWS and GitHub.

Instances really boot in the sandbox, so on two cores the boots limit the wall time instead of the calls.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from benchmarks.measuring import Part
from cmlkit.clouds.aws import regions
from cmlkit.forges.github import GitHub
from cmlkit.formats import plural
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.launch import launch_all
from cmlkit.runner.stopping import stop
from cmlkit.settings.schema import RunnerSpec
from cmlkit_sandbox import TOKEN, Sandbox

LATENCY_SECONDS = 0.1
MANY = 50


@dataclass(frozen=True, kw_only=True)
class Load:
    """The measurements of `count` runners.

    Attributes:
        launch: Seconds until all of them were online.
        stop: Seconds until all of them were gone.
        calls: Calls to AWS and GitHub, of launch and stop together.
        peak_memory: Bytes of this process, sandbox included.
    """

    count: int
    launch: float
    stop: float
    calls: int
    peak_memory: int


def measured(count: int) -> Load:
    """Launch and stop `count` runners in a sandbox of their own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(Path(folder)) as sandbox,
        patch.dict(os.environ, sandbox.environ()),
    ):
        sandbox.aws.latency = sandbox.github.latency = LATENCY_SECONDS
        workflow_run = WorkflowRun(repository=sandbox.repository, run_id=str(count))
        github = GitHub(repository=sandbox.repository, token=TOKEN, api_url=sandbox.github.api_url)
        cloud_for = regions()
        spec = RunnerSpec(count=count, region=("eu-west-1",), instance_type=("t3.medium",))
        begun = time.monotonic()
        launched = launch_all(spec, workflow_run=workflow_run, forge=github, cloud_for=cloud_for)
        online = time.monotonic()
        removed = stop(workflow_run=workflow_run, forge=github, cloud_for=cloud_for, regions=spec.region)
        gone = time.monotonic()
        assert len(launched) == len(removed.instances) == count
        assert {instance.state for instance in sandbox.aws.instances()} == {"terminated"}
        calls = len(sandbox.aws.calls) + len(sandbox.github.requests)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Load(count=count, launch=online - begun, stop=gone - online, calls=calls, peak_memory=peak)


def measure() -> Part:
    """Measure one runner and many runners."""
    measured(1)  # the first sandbox of a process loads moto, which must not count for either side
    one, many = measured(1), measured(MANY)
    rows = [
        {
            "what": f"{plural(load.count, 'runner')}, 100 ms a call",
            "launch_seconds": round(load.launch, 2),
            "stop_seconds": round(load.stop, 2),
            "calls": load.calls,
            "calls_per_runner": round(load.calls / load.count, 1),
            "times_one_runner": round((load.launch + load.stop) / (one.launch + one.stop), 2),
            "peak_memory_mib": round(load.peak_memory / 2**20),
        }
        for load in (one, many)
    ]
    return Part(rows=rows)
