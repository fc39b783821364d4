"""A directory that a boot script takes for the whole machine, and programs in place of those that would change it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.forges.github.agent import runner_agent
from cmlkit.runner.boot import BootSpec, boot_script
from tests.stand_in_runner import Tarball

DEADLINE_SECONDS = 30


NOTICE = {"action": "terminate", "time": "2030-01-01T00:02:00Z"}


PROGRAMS_OF_A_SMALL_IMAGE = (
    "bash cat chmod cp date env grep gzip id ldconfig mkdir readlink rm sed sha256sum sleep tar tee timeout touch"
)


SHIMS = {
    "systemctl": 'if [ "$1" = poweroff ]; then touch "$MACHINE/off"; fi',
    "poweroff": 'touch "$MACHINE/off"',
    "useradd": "",
    "setpriv": 'while [[ $1 != -- ]]; do shift; done\nshift\nexec "$@"',
    # Like the real one, a scope runs its command in the foreground; a timer is only recorded.
    "systemd-run": '[[ " $* " == *" --scope "* ]] || exit 0\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"',
}


class Metadata(BaseHTTPRequestHandler):
    """The instance metadata service, version 2: nothing without a token."""

    entries: dict[str, str]

    def do_PUT(self) -> None:
        self.answer(200 if self.path == "/latest/api/token" else 404, "a-token")

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != "a-token":
            self.answer(401, "")
        elif self.path in self.entries:
            self.answer(200, self.entries[self.path])
        else:
            self.answer(404, "")

    def answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Machine:
    """A directory that a boot script takes for the whole machine."""

    root: Path
    metadata: dict[str, str] = field(default_factory=dict)
    metadata_url: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.root / "cmlkit"

    @property
    def runner_directory(self) -> Path:
        return self.home / "home" / "actions-runner"

    @property
    def console(self) -> str:
        return (self.root / "console").read_text()

    @property
    def commands(self) -> list[str]:
        return (self.root / "commands").read_text().splitlines()

    def replace(self, program: str, lines: str) -> None:
        path = self.root / "bin" / program
        path.unlink(missing_ok=True)  # it may be a link to the real one
        path.write_text(f'#!/bin/bash\necho "{program} $*" >>"$MACHINE/commands"\n{lines}\n')
        path.chmod(0o755)

    def boot(self, tarball: Tarball, **changes: object) -> None:
        values: dict[str, object] = {
            "cloud": first_boot(),
            "agent": runner_agent(),
            "credential": "aml0LWNvbmZpZw==",
            "runner_url": tarball.path.as_uri(),
            "runner_sha256": tarball.sha256,
            "idle_timeout": 600,
            "max_lifetime": 3600,
        }
        self.run(boot_script(BootSpec(**(values | changes))))  # type: ignore[arg-type]

    def run(self, script_text: str) -> None:
        """Run user data."""
        script = self.root / "user-data"
        script.write_text(script_text)
        environment = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "MACHINE": str(self.root),
            "CMLKIT_HOME": str(self.home),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata_url,
            **self.environ,
        }
        with (self.root / "console").open("ab") as console:
            self.process = subprocess.Popen(
                ["bash", str(script)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come; the console says:\n{self.console}"
            time.sleep(0.02)

    def wait_for_power_off(self) -> None:
        self.wait_for((self.root / "off").exists, "the power-off")
        self.unplug()

    def unplug(self) -> None:
        if self.process is not None:
            # The group, because watchers may be left of a script that has ended.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def a_small_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a machine the programs of PROGRAMS_OF_A_SMALL_IMAGE, and those that a test replaces."""
    for program in PROGRAMS_OF_A_SMALL_IMAGE.split():
        if not (tmp_path / "bin" / program).exists() and (path := shutil.which(program)):
            (tmp_path / "bin" / program).symlink_to(path)
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def preinstall(machine: Machine, tarball: Tarball) -> None:
    machine.runner_directory.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", tarball.path, "-C", machine.runner_directory], check=True)
    (machine.runner_directory / ".cmlkit-sha256").write_text(tarball.sha256)
