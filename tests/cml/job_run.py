"""Runs a job's steps as a runner does: in the workspace, with the variables and files of GitHub Actions."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cml.checkout_step import check_out
from tests.cml.event import Event
from tests.cml.expression import condition, expanded
from tests.cml.workflow_file import Job, Step

PROGRAMS = Path(__file__).parent / "programs"
FILE_COMMANDS = ("ENV", "OUTPUT", "PATH", "STATE", "STEP_SUMMARY")
STEP_SECONDS = 180
GITHUB_VARIABLES = (
    "actor",
    "api_url",
    "base_ref",
    "event_name",
    "head_ref",
    "ref",
    "ref_name",
    "repository",
    "repository_owner",
    "run_attempt",
    "run_id",
    "run_number",
    "server_url",
    "sha",
    "workflow",
)
_SHELLS = {
    "": ["bash", "-e"],
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
    "sh": ["sh", "-e"],
    "python": ["python3"],
}
# Actions that only prepare programs, which the machine has.
_PREPARING = ("actions/setup-python", "actions/setup-node", "iterative/setup-dvc")
_SETUP = ("iterative/setup-cml", "cmlkit/cmlkit")


@dataclass(kw_only=True)
class JobResult:
    """The outcome of a job.

    Attributes:
        conclusion: `success`, `failure` or `skipped`.
        outputs: The job's outputs.
        steps: Id of a step -> its outputs and outcome, as the context `steps` has them.
        log: Everything that the steps printed.
    """

    conclusion: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    log: str = ""
    summary: str = ""

    @property
    def failed(self) -> bool:
        return self.conclusion == "failure"


@dataclass(kw_only=True)
class JobRun:
    """One job in a workspace of its own.

    Args:
        folder: An empty folder: the runner's machine.
        contexts: The contexts of expressions, such as `github` and `secrets`.
        environ: Variables of every process on the machine, such as the addresses of servers.
        url: The repository's address for git.
        after_checkout: Called once the workspace is filled: what happens during a training.
    """

    job: Job
    event: Event
    folder: Path
    contexts: Mapping[str, Any]
    environ: Mapping[str, str]
    url: str
    after_checkout: Callable[[], None]
    result: JobResult = field(default_factory=JobResult)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self) -> JobResult:
        for name in ("home", "temp", "workspace"):
            (self.folder / name).mkdir(parents=True)
        self.variables = self._variables()
        try:
            for step in self.job.steps:
                self._step(step)
        finally:
            self._end_what_still_runs()
        values = {**self.contexts, "steps": self.result.steps}
        self.result.outputs = {name: expanded(text, values) for name, text in self.job.outputs.items()}
        return self.result

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def _variables(self) -> dict[str, str]:
        github = self.contexts["github"]
        payload = self.folder / "temp" / "event.json"
        payload.write_text(json.dumps(github["event"]))
        path = [str(PROGRAMS), str(_interpreter(self.folder)), "/usr/local/bin", "/usr/bin", "/bin"]
        variables = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_JOB": self.job.id,
            "GITHUB_WORKSPACE": str(self.workspace),
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join(path),
            "RUNNER_TEMP": str(self.folder / "temp"),
            **{f"GITHUB_{name.upper()}": str(github[name]) for name in GITHUB_VARIABLES},
            **self.environ,
        }
        if self.job.in_container:
            variables["PATH"] = os.pathsep.join([str(_commands(self.folder)), variables["PATH"]])
        return {**variables, **self._expanded(self.job.env, self.contexts)}

    def _step(self, step: Step) -> None:
        values = {**self.contexts, "steps": self.result.steps, "env": self.variables, "job": self._status}
        if not condition(step.condition, values, failed=self.result.failed):
            return
        variables = {**self.variables, **self._expanded(step.env, values)}
        values["env"] = variables
        self.result.log += f"##[group]{step.name or step.run.partition(chr(10))[0]}\n"
        inputs = self._expanded(step.inputs, values)
        status = self._use(step, inputs) if step.uses else self._script(step, values, variables)
        if status:
            self.result.log += f"##[error]Process completed with exit code {status}.\n"
        if status and not step.may_fail:
            self.result.conclusion = "failure"

    @property
    def _status(self) -> dict[str, str]:
        return {"status": self.result.conclusion}

    def _use(self, step: Step, inputs: Mapping[str, str]) -> int:
        name = step.uses.partition("@")[0]
        if name == "actions/checkout":
            token = self.contexts["github"]["token"]
            check_out(self.workspace, inputs, self.event, url=self.url, token=token, environ=self.variables)
            self.after_checkout()
            if self.job.in_container:
                # The checkout belongs to the machine's user, and the container's is root: git refuses to trust it.
                self.variables["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
        elif name in _SETUP:
            commands = _commands(self.folder)
            if inputs.get("cml") == "true":
                alias = [str(commands / "cmlkit"), "alias", str(commands)]
                subprocess.run(alias, env=self.variables, cwd=self.folder, check=True, capture_output=True)
            self.variables["PATH"] = os.pathsep.join([str(commands), self.variables["PATH"]])
        elif name not in _PREPARING:
            raise ValueError(f"The action {step.uses} is not known here")
        return 0

    def _script(self, step: Step, values: Mapping[str, Any], variables: Mapping[str, str]) -> int:
        script = self.folder / "temp" / f"{uuid.uuid4()}.sh"
        script.write_text(expanded(step.run, values, failed=self.result.failed))
        files = {name: self.folder / "temp" / f"{name.lower()}_{uuid.uuid4()}" for name in FILE_COMMANDS}
        for file in files.values():
            file.touch()
        shell = _SHELLS[step.shell or ("sh" if self.job.in_container else "")]
        with (self.folder / "log").open("w+b") as log:
            process = subprocess.Popen(
                [*shell, str(script)],
                cwd=self.workspace / expanded(step.working_directory, values),
                env={**variables, **{f"GITHUB_{name}": str(file) for name, file in files.items()}},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self.processes.append(process)
            status = _status(process)
            log.seek(0)
            self.result.log += log.read().decode("utf-8", "replace")
        outputs = self._take(files)
        self.result.steps[step.id or script.stem] = {
            "outputs": outputs,
            "outcome": "failure" if status else "success",
        }
        return status

    def _take(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Take in what a step wrote to its files; return its outputs."""
        texts = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
        self.variables |= dict(_assignments(texts["ENV"]))
        added = [line for line in texts["PATH"].splitlines() if line]
        self.variables["PATH"] = os.pathsep.join([*reversed(added), self.variables["PATH"]])
        self.result.summary += texts["STEP_SUMMARY"]
        return dict(_assignments(texts["OUTPUT"]))

    def _end_what_still_runs(self) -> None:
        """End what steps left in the background, as the runner does at the end of a job."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _expanded(self, texts: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
        return {name: expanded(text, values, failed=self.result.failed) for name, text in texts.items()}


def _status(process: subprocess.Popen[bytes]) -> int:
    """Return the exit status of a step, which is ended if it takes too long."""
    try:
        return process.wait(STEP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        return process.wait(STEP_SECONDS)


def _interpreter(folder: Path) -> Path:
    """Return a folder with the python of trainings, which has nothing of cmlkit."""
    programs = folder / "python"
    programs.mkdir()
    for name in ("python", "python3"):
        (programs / name).symlink_to(Path(sys.executable).resolve())
    return programs


def _commands(folder: Path) -> Path:
    """Return a folder with cmlkit's executables."""
    commands = folder / "commands"
    if not commands.exists():
        commands.mkdir()
        for command in Path(sys.executable).parent.glob("cmlkit*"):
            (commands / command.name).symlink_to(command)
    return commands


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of the lines NAME=VALUE and blocks NAME<<END in a file of a step."""
    lines = iter(text.splitlines())
    for line in lines:
        name, heredoc, end = line.partition("<<")
        if heredoc and "=" not in name:
            yield name, "\n".join(iter(lambda end=end: next(lines), end))  # type: ignore[misc]
        elif "=" in line:
            name, _, value = line.partition("=")
            yield name, value
