"""The demo: whole days of the daily job in the sandbox, each command in its own process, as in a workflow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmlkit.errors import CmlkitError
from cmlkit.progress import Progress, Say
from cmlkit.records.cost import cost
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github import WorkflowRun

JOB_TIMEOUT_SECONDS = 300
POWER_OFF_TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.1
PAGE = "pull-request.html"
SHOWN_OF_PUBLICATION = (
    "pull_request_url",
    "comment_url",
    "commit_sha",
    "branch",
    "files",
    "metrics",
    "verdict",
    "headline",
    "superseded",
)


@dataclass(frozen=True, kw_only=True)
class Day:
    """The outcome of one run of the daily job.

    Attributes:
        title: Such as `Day 1, 08:00`.
        launched: The output of `cmlkit runner launch --json`.
        published: The step outputs of `cmlkit publish`.
        instance_state: EC2's state at the end; `terminated` if all went well.
        runner_registered: Whether GitHub still lists the runner.
        lifetime: Seconds from launch to termination.
        seconds: Stage -> duration.
    """

    title: str
    launched: Mapping[str, Any]
    published: Mapping[str, Any]
    instance_state: str
    runner_registered: bool
    lifetime: float
    seconds: Mapping[str, float]

    def result(self) -> dict[str, Any]:
        """Return the JSON object that `cmlkit demo --json` prints."""
        return {
            **{key: self.published[key] for key in SHOWN_OF_PUBLICATION},
            "instance_id": self.launched["instance_id"],
            "instance_type": self.launched["instance_type"],
            "market": self.launched["market"],
            "instance_state": self.instance_state,
            "runner_registered": self.runner_registered,
            "lifetime_seconds": round(self.lifetime, 1),
            "cost_usd": cost(self.launched["price"], self.lifetime),
            "seconds": {stage: round(value, 2) for stage, value in self.seconds.items()},
        }


@dataclass
class Demo:
    """The daily job in one sandbox.

    Args:
        sandbox: A running sandbox whose repository holds the example.
        progress: Display for the stages.
    """

    sandbox: Sandbox
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    def days(self, count: int) -> Iterator[Day]:
        """Yield the first day; then, with the first model merged, each further day's 08:00 run and one on demand."""
        yield self.run("Day 1, 08:00", day=1)
        for number in range(2, count + 1):
            if number == 2:
                self.merge_open_pull_request()
            yield self.run(f"Day {number}, 08:00", day=number)
            yield self.run(f"Day {number}, on demand", day=number + 0.5)

    def run(self, title: str, *, day: float) -> Day:
        """Launch, train, publish and terminate; `day` says which day's data is used, 1.5 for noon of the first."""
        self.seconds = {}
        self.progress.note(title)
        workflow_run = self.sandbox.github.start_run(self.sandbox.repository, workflow="Train on EC2")
        environ = self._environ(workflow_run)
        with (
            self._stage("launch", "Launching an instance, and waiting for its runner") as say,
            self.sandbox.github.hosted_job(
                workflow_run, self.sandbox.repository, name="Launch an instance", step="Run cmlkit/cmlkit@v1"
            ) as job,
        ):
            launched = self._command(["runner", "launch"], {**environ, "RUNNER_NAME": job.runner_name or ""}, say)
            say(f"{launched['instance_type']} {launched['market']} {launched['instance_id']}")
        try:
            published = self._job(launched, workflow_run, day)
        finally:
            with self._stage("stop", "Stopping what is left") as say:
                self._command(["runner", "stop"], environ, say)
        instance = self.sandbox.aws.instance(launched["instance_id"])
        return Day(
            title=title,
            launched=launched,
            published=published,
            instance_state=instance.state,
            runner_registered=launched["runner_id"] in self.sandbox.github.hub.runners.runners,
            lifetime=instance.lifetime,
            seconds=self.seconds,
        )

    def merge_open_pull_request(self) -> None:
        """Merge the first model, as a person would."""
        number = self.sandbox.merge_newest_pull_request()
        self.progress.note(f"Somebody merges pull request {number}: its model is the champion now")

    def _job(self, launched: Mapping[str, Any], workflow_run: WorkflowRun, day: float) -> Mapping[str, Any]:
        job = self.sandbox.github.queue_job(
            self.sandbox.repository,
            labels=["self-hosted", launched["label"]],
            steps=["cmlkit train", "cmlkit publish"],
            environ={"DATA_DAY": f"{day:g}"},
            run=workflow_run,
        )
        with self._stage("train and publish", "Running the job on the instance") as say:
            _until(lambda: job.conclusion is not None, JOB_TIMEOUT_SECONDS, lambda: say(_last_line(job.log)))
            if job.conclusion != "success":
                raise CmlkitError(f"The job on the instance ended with {job.conclusion}:\n{job.log[-4000:]}")
            outputs = {key.replace("-", "_"): value for key, value in job.outputs.items()}
            say(f"pull request {outputs['pull_request_number']}")
        with self._stage("power off", "Waiting for the instance to end itself") as say:
            instance_id = launched["instance_id"]
            _until(lambda: self.sandbox.aws.instance(instance_id).state == "terminated", POWER_OFF_TIMEOUT_SECONDS)
            say("terminated")
        return {**outputs, **{key: json.loads(outputs[key]) for key in ("files", "metrics", "superseded")}}

    def _environ(self, workflow_run: WorkflowRun) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **self.sandbox.environ(),
            "GITHUB_RUN_ID": str(workflow_run.id),
            "GITHUB_RUN_ATTEMPT": str(workflow_run.attempt),
            "GITHUB_SHA": workflow_run.sha,
            "GITHUB_EVENT_NAME": workflow_run.event,
        }

    def _command(self, arguments: Sequence[str], environ: Mapping[str, str], say: Say) -> dict[str, Any]:
        """Run `cmlkit ARGUMENTS --json` as a workflow would; return its result."""
        argv = [sys.executable, "-m", "cmlkit", *arguments, "--json"]
        with subprocess.Popen(
            argv, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            errors = []
            try:
                for line in process.stderr:
                    errors.append(line)
                    say(line.strip())
                output = process.stdout.read()
            except BaseException:
                process.send_signal(signal.SIGINT)  # cmlkit cleans up after itself; only then may the sandbox go
                process.wait(POWER_OFF_TIMEOUT_SECONDS)
                raise
        if process.returncode:
            raise CmlkitError(f"cmlkit {' '.join(arguments)} ended with {process.returncode}:\n{''.join(errors)}")
        result: dict[str, Any] = json.loads(output)
        return result

    @contextmanager
    def _stage(self, name: str, title: str) -> Iterator[Say]:
        started = time.monotonic()
        with self.progress.stage(title) as say:
            yield say
        self.seconds[name] = time.monotonic() - started


def write_page(sandbox: Sandbox, url: str, folder: Path) -> Path:
    """Write the pull request's page as one file with its images inside; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE
    number = int(url.rsplit("/", 1)[-1])
    page.write_text(sandbox.github.pull_request_html(sandbox.repository, number), encoding="utf-8")
    return page


def _until(done: Callable[[], bool], timeout: float, look: Callable[[], None] = lambda: None) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            raise CmlkitError(f"The demo waited {timeout:.0f} s in vain.")
        look()
        time.sleep(POLL_SECONDS)


def _last_line(log: str) -> str:
    lines = log.rstrip().splitlines()
    return lines[-1][:100] if lines else ""
