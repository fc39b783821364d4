"""Jobs on the stand-in runner: real processes, from the download to the job's end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest
import requests

from cmlkit_sandbox.github import GitHubServer, Job
from cmlkit_sandbox.github.runners import Runner, RunnerPool
from tests.integration.github.conftest import REPOSITORY, Api

pytestmark = pytest.mark.slow

WAIT_SECONDS = 30
ASK_FOR_THE_REPOSITORY = """
import os, urllib.request
request = urllib.request.Request("{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}".format(**os.environ))
request.add_header("Authorization", "Bearer " + os.environ["GITHUB_TOKEN"])
print(urllib.request.urlopen(request).status)
"""


def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


class Machine:
    """A folder with the unpacked runner, and its process."""

    def __init__(self, api: Api, folder: Path, label: str = "mine") -> None:
        self.folder = folder
        offered = api.get("./actions/runners/downloads")[0]
        content = requests.get(offered["download_url"], timeout=10).content
        folder.mkdir()
        subprocess.run(["tar", "--extract", "--gzip"], input=content, cwd=folder, check=True)
        made = api.post("./actions/runners/generate-jitconfig", name=folder.name, runner_group_id=1, labels=[label])
        self.runner = f"./actions/runners/{made['runner']['id']}"
        self.config: str = made["encoded_jit_config"]
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, by_variable: bool = False) -> subprocess.Popen[str]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        arguments = ["--jitconfig", self.config]
        if by_variable:
            environ["ACTIONS_RUNNER_INPUT_JITCONFIG"] = arguments.pop()
            arguments = []
        self.process = subprocess.Popen(
            ["./run.sh", *arguments],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self.process

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._end_steps()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def _end_steps(self) -> None:
        """Steps are in sessions of their own; they are known by the folder that they work in."""
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if (process / "cwd").readlink().is_relative_to(self.folder):
                    os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def machine(api: Api, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(api, tmp_path / "machine")
    yield machine
    machine.stop()


def queue(github: GitHubServer, *steps: str, **environ: str) -> Job:
    return github.queue_job(REPOSITORY, labels=["mine"], steps=steps, environ=environ)


def test_a_job_runs_in_a_fresh_clone_and_the_runner_is_gone_afterwards(
    github: GitHubServer, api: Api, machine: Machine
) -> None:
    job = queue(github, "python3 train.py", "git status --porcelain; git branch --show-current", "cat data/rows.csv")
    process = machine.start()
    assert job.wait(WAIT_SECONDS) == "success"
    assert process.wait(WAIT_SECONDS) == 0
    assert "training\n" in job.log
    assert "\nmain\n" in job.log
    assert "3,4\n" in job.log
    assert api.get("./actions/runners")["total_count"] == 0


def test_the_runner_is_online_while_it_waits_and_busy_while_it_works(
    github: GitHubServer, api: Api, machine: Machine
) -> None:
    def state() -> tuple[str, bool]:
        runner = api.get(machine.runner)
        return runner["status"], runner["busy"]

    assert state() == ("offline", False)
    machine.start()
    until(lambda: state() == ("online", False))
    gate = machine.folder / "gate"
    job = queue(github, f"until [ -e {gate} ]; do sleep 0.05; done")
    until(lambda: state() == ("online", True))
    assert "still running a job" in api.refused("DELETE", machine.runner)[1]
    gate.touch()
    assert job.wait(WAIT_SECONDS) == "success"


def test_the_job_has_the_environment_that_actions_give_it(github: GitHubServer, machine: Machine) -> None:
    (machine.folder / ".env").write_text('CMLKIT_INSTANCE_ID=i-1\nQUOTED="as it is"\nno value here\n', "utf-8")
    job = queue(github, "env | sort", MARKET="spot", RUN="run-${{ github.run_id }}-${{ github.run_attempt }}")
    machine.start(by_variable=True)
    assert job.wait(WAIT_SECONDS) == "success", job.log
    seen = dict(line.split("=", 1) for line in job.log.splitlines() if "=" in line)
    workspace = machine.folder / "_work" / "forest" / "forest"
    expected = {
        "CI": "true",
        "CMLKIT_INSTANCE_ID": "i-1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": github.api_url,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": str(job.run_id),
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_SHA": job.run.sha,
        "GITHUB_TOKEN": "***",
        "GITHUB_WORKSPACE": str(workspace),
        "MARKET": "spot",
        "PWD": str(workspace),
        "QUOTED": '"as it is"',
        "RUN": f"run-{job.run_id}-1",
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_NAME": "machine",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "ACTIONS_RUNNER_INPUT_JITCONFIG" not in seen


def test_file_commands_reach_later_steps_and_the_server(github: GitHubServer, machine: Machine) -> None:
    job = queue(
        github,
        'echo "DEPTH=5" >>"$GITHUB_ENV"; printf "TEXT<<END\\none\\ntwo\\nEND\\n" >>"$GITHUB_ENV"',
        'echo "$DEPTH:$TEXT"; echo "accuracy=0.97" >>"$GITHUB_OUTPUT"; echo "# Report" >>"$GITHUB_STEP_SUMMARY"',
        'mkdir tools; printf "#!/bin/sh\\necho found" >tools/tool; chmod +x tools/tool',
        'echo "$PWD/tools" >>"$GITHUB_PATH"',
        'tool; echo "::add-mask::s3cret"; echo "a s3cret"',
    )
    machine.start()
    assert job.wait(WAIT_SECONDS) == "success", job.log
    assert "5:one\ntwo\n" in job.log
    assert "\nfound\n" in job.log
    assert "a ***\n" in job.log
    assert (job.outputs, job.summary) == ({"accuracy": "0.97"}, "# Report\n")


def test_the_first_step_that_fails_ends_the_job(github: GitHubServer, api: Api, machine: Machine) -> None:
    job = queue(github, "false | true", "echo never")
    machine.start()
    assert job.wait(WAIT_SECONDS) == "failure"
    assert "Process completed with exit code 1." in job.log
    assert "never\n" not in job.log.replace("echo never\n", "")
    shown = api.get(f"./actions/runs/{job.run_id}/jobs")["jobs"][0]
    assert [(step["name"], step["conclusion"]) for step in shown["steps"]] == [
        ("Set up job", "success"),
        ("Run actions/checkout@v6", "success"),
        ("Run false | true", "failure"),
        ("Complete job", "success"),
    ]
    of_steps = [step[moment] for step in shown["steps"] for moment in ("started_at", "completed_at")]
    times = [shown["created_at"], shown["started_at"], *of_steps, shown["completed_at"]]
    assert times == sorted(times)
    assert (shown["runner_name"], shown["status"]) == ("machine", "completed")


def test_the_worker_is_recognised_by_its_path_and_steps_by_their_pipes(github: GitHubServer, machine: Machine) -> None:
    job = queue(github, 'tr "\\0" "|" </proc/$PPID/cmdline; echo; readlink /proc/$$/fd/1')
    machine.start()
    assert job.wait(WAIT_SECONDS) == "success"
    assert f"|{machine.folder.resolve()}/bin/Runner.Worker|" in job.log
    assert "\npipe:[" in job.log


def test_a_job_waits_for_a_runner_that_has_all_of_its_labels(github: GitHubServer, api: Api, machine: Machine) -> None:
    other = github.queue_job(REPOSITORY, labels=["mine", "gpu"], steps=["true"])
    fitting = queue(github, "true")
    machine.start()
    assert fitting.wait(WAIT_SECONDS) == "success"
    assert (other.status, other.conclusion) == ("queued", None)
    with pytest.raises(TimeoutError, match="is queued after"):
        other.wait(0)


def test_the_jobs_token_works_while_the_job_runs_and_not_after(github: GitHubServer, machine: Machine) -> None:
    gate = machine.folder / "gate"
    script = machine.folder / "ask.py"
    script.write_text(ASK_FOR_THE_REPOSITORY)
    job = queue(github, f"{sys.executable} {script}; until [ -e {gate} ]; do sleep 0.05; done")
    machine.start()
    until(lambda: "\n200\n" in job.log)
    token = job.token
    assert Api(github, token).refused("GET", "./actions/runners")[0] == 403
    gate.touch()
    job.wait(WAIT_SECONDS)
    assert Api(github, token).refused("GET", "./actions/runs") == (401, "Bad credentials")


def test_a_cancelled_job_ends_its_step_and_says_so(github: GitHubServer, api: Api, machine: Machine) -> None:
    github.hub.cancel_grace_seconds = (0.1, WAIT_SECONDS)
    checkpoint = machine.folder / "checkpoint"
    job = queue(github, f"trap 'touch {checkpoint}; exit 1' TERM; echo ready; while :; do sleep 0.05; done")
    process = machine.start()
    until(lambda: "\nready\n" in job.log)
    assert api.call("POST", f"./actions/runs/{job.run_id}/cancel").status_code == 202
    assert job.wait(WAIT_SECONDS) == "cancelled"
    assert checkpoint.exists()
    assert process.wait(WAIT_SECONDS) == 0
    assert api.get(f"./actions/runs/{job.run_id}")["conclusion"] == "cancelled"
    assert api.refused("POST", f"./actions/runs/{job.run_id}/cancel")[0] == 409


def test_a_runner_that_is_told_to_end_cancels_its_job(github: GitHubServer, machine: Machine) -> None:
    github.hub.cancel_grace_seconds = (0.1, 0.1)
    job = queue(github, "trap '' INT TERM; echo ready; while :; do sleep 0.05; done")
    process = machine.start()
    until(lambda: "\nready\n" in job.log)
    process.terminate()
    assert job.wait(WAIT_SECONDS) == "cancelled"


def test_a_runner_that_is_told_to_end_while_it_waits_just_ends(
    github: GitHubServer, api: Api, machine: Machine
) -> None:
    process = machine.start()
    until(lambda: api.get(machine.runner)["status"] == "online")
    process.terminate()
    assert process.wait(WAIT_SECONDS) == 0
    assert api.get(machine.runner)["status"] == "offline"


def test_a_runner_that_is_told_to_end_as_it_comes_online_says_goodbye_too(
    github: GitHubServer, api: Api, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = github.hub.runners
    started: Queue[subprocess.Popen[str]] = Queue()

    def open_session(secret: str, *, version: str) -> Runner | None:
        opened = RunnerPool.open_session(pool, secret, version=version)
        started.get(timeout=WAIT_SECONDS).terminate()  # before it can know that it is online
        return opened

    monkeypatch.setattr(pool, "open_session", open_session)
    process = machine.start()
    started.put(process)
    assert process.wait(WAIT_SECONDS) == 0
    assert api.get(machine.runner)["status"] == "offline"


def test_a_job_fails_when_its_machine_is_gone(github: GitHubServer, api: Api, tmp_path: Path) -> None:
    github.hub.runners.grace_seconds = 1.0
    machine = Machine(api, tmp_path / "machine")
    job = queue(github, "echo ready; sleep 600")
    machine.start()
    until(lambda: "\nready\n" in job.log)
    machine.stop()
    assert job.wait(WAIT_SECONDS) == "failure"
    assert "lost communication with the server" in job.log
    assert api.get("./actions/runners")["total_count"] == 0


def test_a_runner_whose_registration_was_removed_ends(github: GitHubServer, api: Api, machine: Machine) -> None:
    process = machine.start()
    until(lambda: api.get(machine.runner)["status"] == "online")
    api.call("DELETE", machine.runner)
    assert process.wait(WAIT_SECONDS) == 1
    assert process.stdout is not None
    assert "the registration of this runner was removed" in process.stdout.read()


def test_a_jit_config_is_good_for_one_runner(github: GitHubServer, api: Api, machine: Machine) -> None:
    first = machine.start()
    until(lambda: api.get(machine.runner)["status"] == "online")
    second = machine.start()
    assert second.wait(WAIT_SECONDS) == 1
    first.terminate()
    assert first.wait(WAIT_SECONDS) == 0
    assert first.stdout is not None
    first.stdout.close()


def test_failed_jobs_run_again_on_request(github: GitHubServer, api: Api, machine: Machine, tmp_path: Path) -> None:
    label = "cmlkit-${{ github.run_id }}-${{ github.run_attempt }}"
    run = github.start_run(REPOSITORY)
    first = github.queue_job(REPOSITORY, labels=[label], steps=['[ "$GITHUB_RUN_ATTEMPT" = 2 ]'], run=run)
    assert first.labels == (f"cmlkit-{run.id}-1",)
    assert api.refused("POST", f"./actions/runs/{run.id}/rerun-failed-jobs")[0] == 403
    for attempt, conclusion in ((1, "failure"), (2, "success")):
        runner = Machine(api, tmp_path / f"attempt-{attempt}", f"cmlkit-{run.id}-{attempt}")
        runner.start()
        assert run.latest_jobs()[0].wait(WAIT_SECONDS) == conclusion
        runner.stop()
        assert api.get(f"./actions/runs/{run.id}")["conclusion"] == conclusion
        if attempt == 1:
            assert api.call("POST", f"./actions/runs/{run.id}/rerun-failed-jobs").status_code == 201
    assert api.get(f"./actions/runs/{run.id}")["run_attempt"] == 2
    assert [each["conclusion"] for each in api.get(f"./actions/runs/{run.id}/jobs?filter=all")["jobs"]] == [
        "failure",
        "success",
    ]
    assert [each["id"] for each in api.get("./actions/runs?status=success")["workflow_runs"]] == [run.id]


def test_the_settings_of_workflows_are_told(github: GitHubServer, api: Api) -> None:
    github.hub.repository(REPOSITORY).settings.can_create_pull_requests = False
    assert api.get("./actions/permissions/workflow") == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    }
