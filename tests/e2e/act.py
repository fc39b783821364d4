"""Runs a workflow file with act, on this machine itself, with stand-ins for other people's actions."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
OURS = "cmlkit/cmlkit@v1"
DEADLINE_SECONDS = 120
CANCEL_SECONDS = 30
STAND_INS = Path(__file__).parent / "actions"


@dataclass(frozen=True, kw_only=True)
class ActRun:
    """What act reported of one run of a workflow.

    Attributes:
        jobs: Job id -> `success` or `failure`; jobs that were skipped are not in it.
        outputs: Name -> value of what steps of the workflow wrote to GITHUB_OUTPUT.
        results: The same of what `cmlkit` wrote there inside of the action, the last command's where several did.
        printed: What the steps printed.
        log: The same, with what act says about it.
    """

    jobs: Mapping[str, str]
    outputs: Mapping[str, str]
    results: Mapping[str, str]
    printed: str
    log: str


@dataclass(frozen=True, kw_only=True)
class Act:
    """A place to run workflows in.

    Attributes:
        directory: Where the machine's home, programs and temporary folders are.
        action: The copy of this project that `uses: cmlkit/cmlkit@v1` gets.
        has_uv: Whether uv is among the machine's programs, as on none of GitHub's.
    """

    directory: Path
    action: Path
    has_uv: bool = True

    def run(
        self,
        workflow: Path,
        *,
        repository: Path,
        event: str = "workflow_dispatch",
        payload: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        follow: Callable[[frozenset[str]], None] = lambda jobs: None,
    ) -> ActRun:
        """Run a workflow file as `event` would, in the git repository `repository`.

        `follow` is told the ids of the jobs that are running, each time that one begins or ends.
        """
        command = [str(Path(sys.prefix) / "bin" / "act"), event, "--json", "--workflows", str(workflow)]
        command += ["--platform", "ubuntu-latest=-self-hosted", "--platform", "self-hosted=-self-hosted"]
        command += ["--action-cache-path", str(self.directory / "act"), "--no-cache-server"]
        command += ["--artifact-server-addr", "127.0.0.1"]
        if payload:
            (self.directory / "event.json").write_text(json.dumps(payload))
            command += ["--eventpath", str(self.directory / "event.json")]
        command += [f"--local-repository={name}={folder}" for name, folder in self._actions().items()]
        for_stand_ins = {"CMLKIT_TEST_PYTHON": sys.executable, "CMLKIT_TEST_UV": str(UV)}
        command += self._file("env", {**for_stand_ins, **(environ or {})})
        command += self._file("secret", secrets or {}) + self._file("var", variables or {})
        machine = {"PATH": self._path(), "HOME": str(self.directory / "home"), "LANG": "C.UTF-8"}
        machine |= installing_from_what_is_here()
        return _read(*_finished(command, directory=repository, environ=machine, follow=follow))

    def _actions(self) -> dict[str, Path]:
        """Every action that the templates and our action use, at the commit that they pin, with its stand-in."""
        files = [self.action / "action.yml", *(ROOT / "workflows").glob("*.yml")]
        # OWNER/NAME, and the folder of the action in that repository, if it is not the only one there.
        uses = re.compile(r"uses: ([^/\s]+/([^/\s@]+))(?:/[^\s@]+)?@([0-9a-f]{40})")
        used = set(uses.findall("".join(file.read_text() for file in files)))
        stand_ins = {f"{owned}@{commit}": STAND_INS / name for owned, name, commit in used}
        return {OURS: self.action} | {name: folder for name, folder in stand_ins.items() if folder.is_dir()}

    def _file(self, kind: str, values: Mapping[str, str]) -> list[str]:
        path = self.directory / f"{kind}s"
        path.write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in values.items()))
        return [f"--{kind}-file", str(path)]

    def _path(self) -> str:
        """The machine's own programs, but nothing else of the tests' environment."""
        programs = self.directory / "programs"
        if not programs.exists():
            programs.mkdir()
            (programs / "python3").symlink_to(Path(sys.executable).resolve())
            if self.has_uv:
                (programs / "uv").symlink_to(UV)
        return f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def copy_of_action(directory: Path) -> Path:
    """What a checkout of this project's commit would have, changes that are not committed included."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return directory


def installing_from_what_is_here() -> dict[str, str]:
    """uv's cache as `make` filled it, and no index for pip: installing takes a second and no network."""
    variables = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path(sys.prefix) / "cache")
    return variables | ({"UV_CACHE_DIR": str(cache), "UV_OFFLINE": "1"} if cache.exists() else {})


def _finished(
    command: list[str], *, directory: Path, environ: Mapping[str, str], follow: Callable[[frozenset[str]], None]
) -> tuple[str, str]:
    """Standard output and error of act at its end; after the deadline act is told to cancel, as a person would."""
    with (
        subprocess.Popen(
            command, cwd=directory, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
        ThreadPoolExecutor(2) as readers,
    ):
        shown = readers.submit(_followed, cast("IO[str]", process.stdout), follow)
        errors = readers.submit(cast("IO[str]", process.stderr).read)
        try:
            process.wait(timeout=DEADLINE_SECONDS)
            return shown.result(CANCEL_SECONDS), errors.result(CANCEL_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=CANCEL_SECONDS)
            raise AssertionError(_read(shown.result(), errors.result()).log) from None
        finally:
            process.kill()


def _followed(output: IO[str], follow: Callable[[frozenset[str]], None]) -> str:
    """Return all lines, and tell of each job's first and last one when it comes."""
    lines: list[str] = []
    running: frozenset[str] = frozenset()
    for text in output:
        lines.append(text)
        line = json.loads(text) if text.startswith("{") else {}
        job = frozenset({line["jobID"]} if "jobID" in line else ())
        now = running - job if "jobResult" in line else running | job
        if now != running:
            running = now
            follow(running)
    return "".join(lines)


def _read(stdout: str, stderr: str) -> ActRun:
    lines = [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
    log = "".join(f"[{line.get('jobID', '')}] {line['msg'].rstrip()}\n" for line in lines)
    return ActRun(
        jobs={line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line},
        outputs=_outputs(lines, lambda step: len(step) == 1),
        results=_outputs(lines, lambda step: step[1:] == ["run"]),
        printed="".join(line["msg"] for line in lines if line.get("raw_output")),
        log=log + stderr,
    )


def _outputs(lines: list[dict[str, Any]], of_step: Callable[[list[str]], bool]) -> dict[str, str]:
    found = (line for line in lines if line.get("command") == "set-output" and of_step(line["stepID"]))
    return {line["name"]: line["arg"] for line in found}
