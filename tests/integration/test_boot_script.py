"""The rendered boot script as a plain process: only what would change the machine is replaced, by programs on PATH."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.clouds.launching import FirstBoot
from cmlkit.forges.github.agent import runner_agent
from cmlkit.forges.runners import RunnerAgent
from cmlkit.runner.boot import (
    BOOT_STEPS,
    BootSpec,
    image_recipe,
    user_data,
)
from tests.stand_in_runner import Tarball, write_tarball

pytestmark = pytest.mark.slow

DEADLINE_SECONDS = 30
NOTICE = {"action": "terminate", "time": "2030-01-01T00:02:00Z"}

STEP_WITH_A_CHECKPOINT = '''
import subprocess
TRAINING = """
import pathlib, signal, sys
def save(*_):
    print("checkpoint written", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path("{ready}").touch()
signal.pause()
"""
command = "python3 -c '" + TRAINING + "' {pipeline}"
step = subprocess.Popen(["bash", "-e", "-c", command], stdout=subprocess.PIPE, text=True)
for line in step.stdout:
    print("job log:", line, end="", flush=True)
print("step ended with", step.wait(), flush=True)
'''

# What another cloud and another forge would bring, as small as it can be.
NIMBUS = """
instance_id() { echo vm-1; }
launch_time() { return 1; }
taken_back() { [ -e "$MACHINE/ready" ] && echo soon; }
"""
SMITHY = """
agent_install() { as_runner touch "$MACHINE/installed"; }
agent_environment() { cat >"$MACHINE/variables"; }
agent_run() {
  echo "the agent has $CMLKIT_CREDENTIAL"
  exec "$@" sh -c 'echo $$ >"$MACHINE/job"; exec python3 "$MACHINE/agent"'
}
agent_jobs() { cat "$MACHINE/job" 2>/dev/null || true; }
agent_warning() { echo "WARNING $1: $2"; }
"""

PROGRAMS_OF_A_SMALL_IMAGE = (
    "bash cat chmod date grep gzip id ldconfig mkdir readlink rm sed sha256sum sleep tar tee touch"
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
        self.run(user_data(BootSpec(**(values | changes))))  # type: ignore[arg-type]

    def run(self, script_text: str) -> None:
        """Run user data."""
        script = self.root / "user-data"
        script.write_text(script_text)
        environment = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "MACHINE": str(self.root),
            "CMLKIT_HOME": str(self.home),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata_url,
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


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(root=tmp_path)
    (tmp_path / "bin").mkdir()
    for program, lines in SHIMS.items():
        machine.replace(program, lines)
    service = type("Service", (Metadata,), {"entries": machine.metadata})
    with ThreadingHTTPServer(("127.0.0.1", 0), service) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        machine.metadata_url = f"http://127.0.0.1:{server.server_address[1]}"
        yield machine
        machine.unplug()
        server.shutdown()


def test_one_job_is_run_and_the_machine_powers_off(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    assert "powering off: the runner ended with status 0" in machine.console


def test_every_step_is_reported_with_the_uptime(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    reports = [line.split() for line in machine.console.splitlines() if line.startswith("cmlkit: stage=")]
    assert tuple(step.removeprefix("stage=") for _, step, _ in reports) == BOOT_STEPS
    uptimes = [float(uptime.removeprefix("uptime=")) for _, _, uptime in reports]
    assert uptimes == sorted(uptimes)


def test_the_lifetime_timer_is_armed_before_any_other_command(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), max_lifetime=7200)
    machine.wait_for_power_off()
    assert machine.commands[0].startswith("systemd-run ")
    assert "--on-active=7200.00" in machine.commands[0]
    assert machine.commands[0].endswith("systemctl poweroff")


def test_the_assembled_script_is_clean(tmp_path: Path) -> None:
    values = {"runner_url": "file:///runner.tgz", "runner_sha256": "0" * 64, "idle_timeout": 60, "max_lifetime": 60}
    script = tmp_path / "user-data"
    script.write_text(user_data(BootSpec(cloud=first_boot(), agent=runner_agent(), credential="aml0", **values)))  # type: ignore[arg-type]
    # The comment that allows it at the one place has been dropped like all others: one word per process is meant.
    shellcheck = [str(Path(sys.executable).with_name("shellcheck")), "--exclude=SC2046", str(script)]
    done = subprocess.run(shellcheck, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_an_agent_of_another_forge_on_another_cloud_has_the_same_life(machine: Machine, tmp_path: Path) -> None:
    machine.replace("sleep", f"exec {shutil.which('sleep')} 0.1")
    (tmp_path / "agent").write_text(STEP_WITH_A_CHECKPOINT.format(ready=tmp_path / "ready", pipeline=""))
    machine.boot(
        write_tarball(tmp_path / "runner.tgz"),
        cloud=FirstBoot(cloud="Nimbus", metadata_script=NIMBUS, user_data_limit=16_384),
        agent=RunnerAgent(forge="Smithy", script=SMITHY, service="", status_page=""),
        credential="c2VjcmV0",
    )
    machine.wait_for_power_off()
    assert (tmp_path / "installed").exists()
    assert "CMLKIT_INSTANCE_ID=vm-1" in (tmp_path / "variables").read_text()
    assert "the agent has c2VjcmV0" in machine.console
    assert "job log: WARNING Spot interruption: Nimbus takes this instance back: soon." in machine.console
    assert "job log: checkpoint written" in machine.console
    assert "powering off: the runner ended with status 0" in machine.console


def test_the_jit_config_reaches_the_runner_and_nothing_else(machine: Machine, tmp_path: Path) -> None:
    run = (
        'echo "given: $ACTIONS_RUNNER_INPUT_JITCONFIG, arguments: $#"\ncat /proc/[0-9]*/cmdline >"$MACHINE/processes"\n'
    )
    machine.boot(
        write_tarball(tmp_path / "runner.tgz", run=run), credential="c2VjcmV0", startup_script='env >"$MACHINE/startup"'
    )
    machine.wait_for_power_off()
    assert "given: c2VjcmV0, arguments: 0" in machine.console
    assert b"c2VjcmV0" not in (tmp_path / "processes").read_bytes()
    assert "c2VjcmV0" not in (tmp_path / "startup").read_text()
    assert [path for path in machine.home.rglob("*") if path.is_file() and b"c2VjcmV0" in path.read_bytes()] == []


def test_jobs_see_the_instance_and_the_given_variables(machine: Machine, tmp_path: Path) -> None:
    machine.metadata["/latest/meta-data/instance-id"] = "i-0123456789abcdef0"
    machine.metadata["/latest/dynamic/instance-identity/document"] = '{\n  "pendingTime" : "2026-01-02T03:04:05Z"\n}'
    machine.boot(write_tarball(tmp_path / "runner.tgz"), job_environment={"CMLKIT_INSTANCE_TYPE": "t3.medium"})
    machine.wait_for_power_off()
    assert (machine.runner_directory / ".env").read_text().splitlines() == [
        "LANG=C.UTF-8",
        f"CMLKIT_HOME={machine.home}",
        "CMLKIT_INSTANCE_ID=i-0123456789abcdef0",
        "CMLKIT_INSTANCE_STARTED=1767323045",
        "CMLKIT_INSTANCE_TYPE=t3.medium",
    ]


def test_without_a_metadata_service_the_start_of_the_script_counts_as_the_start(
    machine: Machine, tmp_path: Path
) -> None:
    machine.metadata_url = "http://127.0.0.1:9"
    before = int(time.time())
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    variables = dict(line.split("=", 1) for line in (machine.runner_directory / ".env").read_text().splitlines())
    assert before <= int(variables["CMLKIT_INSTANCE_STARTED"]) <= time.time()
    assert "CMLKIT_INSTANCE_ID" not in variables


@pytest.mark.parametrize(("user", "switches"), [("0", True), ("1000", False)])
def test_only_root_has_another_user_to_run_the_runner_as(
    machine: Machine, tmp_path: Path, user: str, switches: bool
) -> None:
    machine.replace("id", f'[ "$*" = -u ] && echo {user}')
    machine.boot(write_tarball(tmp_path / "runner.tgz", run="echo up\n"))
    machine.wait_for_power_off()
    assert any(command.startswith("setpriv --reuid=runner ") for command in machine.commands) is switches
    assert any(command.startswith("useradd ") for command in machine.commands) is switches
    assert "powering off: the runner ended with status 0" in machine.console


def test_a_runner_with_another_checksum_is_not_unpacked(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), runner_sha256="0" * 64)
    machine.wait_for_power_off()
    assert f"does not have the checksum {'0' * 64}; it was not unpacked" in machine.console
    assert not machine.runner_directory.exists()


def test_a_download_that_fails_once_is_repeated(machine: Machine, tmp_path: Path) -> None:
    machine.replace(
        "curl",
        '[ -e "$MACHINE/tried" ] || { touch "$MACHINE/tried"; exit 22; }\nfor last; do :; done; exec cat "${last#file://}"',
    )
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert f"downloading file://{tmp_path}/runner.tgz failed; trying again in 1 s" in machine.console
    assert "the job is done" in machine.console


def test_a_runner_that_cannot_be_downloaded_is_named_before_the_power_off(machine: Machine, tmp_path: Path) -> None:
    machine.replace("curl", "exit 22")
    machine.replace("sleep", "")
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert machine.console.count("downloading file://") == 5
    assert f"the runner could not be downloaded from file://{tmp_path}/runner.tgz" in machine.console


def test_python_does_the_work_where_the_image_has_no_curl(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in PROGRAMS_OF_A_SMALL_IMAGE.split():
        if path := shutil.which(program):
            (tmp_path / "bin" / program).symlink_to(path)
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    machine.metadata["/latest/meta-data/instance-id"] = "i-0123456789abcdef0"
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    assert "CMLKIT_INSTANCE_ID=i-0123456789abcdef0" in (machine.runner_directory / ".env").read_text()


def test_a_runner_that_the_image_has_is_not_downloaded_again(machine: Machine, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz", worker="echo from the image\n")
    preinstall(machine, tarball)
    machine.boot(tarball, runner_url="file:///nowhere")
    machine.wait_for_power_off()
    assert "the image has this runner already" in machine.console
    assert "from the image" in machine.console


def test_an_older_runner_in_the_image_is_replaced(machine: Machine, tmp_path: Path) -> None:
    preinstall(machine, write_tarball(tmp_path / "old.tgz", worker="echo from the image\n"))
    (machine.runner_directory / "left-over").touch()
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    assert not (machine.runner_directory / "left-over").exists()


def test_the_recipe_of_an_image_spares_the_download(machine: Machine, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz")
    for program in ("apt-get", "cloud-init", "useradd", "chown", "ln"):
        machine.replace(program, "")
    machine.replace(
        "curl", 'for last; do :; done; cp "${last#file://}" "$(echo "$*" | grep -o "/[^ ]*actions-runner.tar.gz")"'
    )
    machine.replace("install", 'for last; do :; done; mkdir -p "$last"')
    machine.replace("python3", 'mkdir -p "$3/bin"; printf "#!/bin/sh\\n" >"$3/bin/pip"; chmod +x "$3/bin/pip"')
    recipe = image_recipe(
        runner_url=tarball.path.as_uri(), runner_sha256=tarball.sha256, startup_script="echo prepared"
    )
    machine.run(recipe)
    machine.wait_for_power_off()
    assert "prepared\ncmlkit: the image is prepared" in machine.console
    (machine.root / "off").unlink()
    machine.replace("curl", "exit 22")
    machine.boot(tarball)
    machine.wait_for_power_off()
    assert "the image has this runner already" in machine.console
    assert "the job is done" in machine.console


def preinstall(machine: Machine, tarball: Tarball) -> None:
    machine.runner_directory.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", tarball.path, "-C", machine.runner_directory], check=True)
    (machine.runner_directory / ".cmlkit-sha256").write_text(tarball.sha256)


def test_the_startup_script_runs_before_the_runner(machine: Machine, tmp_path: Path) -> None:
    lines = 'echo "it\'s $(expr 6 \\* 7)"\n# a comment\ncat\ntouch "$MACHINE/prepared"'
    run = '[ -e "$MACHINE/prepared" ] && echo prepared for the runner\n'
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=run), startup_script=lines)
    machine.wait_for_power_off()
    assert "it's 42" in machine.console
    assert "prepared for the runner" in machine.console


def test_a_startup_script_that_fails_ends_the_machine_before_the_runner_starts(
    machine: Machine, tmp_path: Path
) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), startup_script="(exit 7)\necho too far")
    machine.wait_for_power_off()
    assert "powering off: the startup script failed with status 7" in machine.console
    assert "too far" not in machine.console
    assert "listening" not in machine.console


def test_a_second_boot_powers_off_without_starting_the_runner(machine: Machine, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz")
    machine.boot(tarball)
    machine.wait_for_power_off()
    (tmp_path / "off").unlink()
    machine.boot(tarball)
    machine.wait_for_power_off()
    assert f"powering off: this machine has booted before ({machine.home}/booted exists)" in machine.console
    assert machine.console.count("listening") == 1


def test_a_unit_that_ends_a_second_boot_is_enabled(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    unit = machine.home / "cmlkit-second-boot.service"
    assert f"systemctl --quiet --no-reload enable {unit}" in machine.commands
    assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() in unit.read_text()


def test_a_runner_that_crashes_ends_the_machine(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz", run="exit 3\n"))
    machine.wait_for_power_off()
    assert "powering off: the runner ended with status 3" in machine.console


def test_a_script_that_is_told_to_end_powers_off_at_once(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz", run='touch "$MACHINE/up"\nexec sleep 600\n'))
    machine.wait_for((tmp_path / "up").exists, "the runner")
    assert machine.process is not None
    machine.process.terminate()
    machine.wait_for_power_off()
    assert "powering off: the boot script was told to end" in machine.console


def test_a_machine_without_a_job_powers_off(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz", run="exec sleep 600\n"), idle_timeout=0.5)
    machine.wait_for_power_off()
    assert "powering off: no job came within 0.50 s" in machine.console


@pytest.mark.slow
@pytest.mark.parametrize("directory", ["bin", "bin.2.331.0"])
def test_a_machine_with_a_job_stays_beyond_the_idle_timeout(machine: Machine, tmp_path: Path, directory: str) -> None:
    machine.replace("sleep", f'exec {shutil.which("sleep")} "$@"')
    run = f'[ bin = {directory} ] || cp -r bin {directory}\n"$PWD/{directory}/Runner.Worker"\n'
    # The job is busy until the watchdog has looked three times, each time after a whole idle timeout.
    worker = 'until [ "$(grep -c "sleep 1.50" "$MACHINE/commands")" -gt 3 ]; do sleep 0.1; done\necho the job is done\n'
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=run, worker=worker), idle_timeout=1.5)
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    assert "powering off: the runner ended with status 0" in machine.console


def test_a_worker_of_another_runner_does_not_count_as_a_job(machine: Machine, tmp_path: Path) -> None:
    other = tmp_path / "other" / "bin" / "Runner.Worker"
    other.parent.mkdir(parents=True)
    other.write_text("#!/bin/bash\nsleep 600\n")
    other.chmod(0o755)
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=f'"{other}"\n'), idle_timeout=0.5)
    machine.wait_for_power_off()
    assert "powering off: no job came" in machine.console


@pytest.mark.parametrize("pipeline", ["", "| tee training.log"])
def test_a_spot_interruption_lets_the_training_write_its_checkpoint(
    machine: Machine, tmp_path: Path, pipeline: str
) -> None:
    machine.replace("sleep", f"exec {shutil.which('sleep')} 0.1")
    worker = STEP_WITH_A_CHECKPOINT.format(ready=tmp_path / "ready", pipeline=pipeline)
    machine.boot(write_tarball(tmp_path / "runner.tgz", worker=worker, worker_shebang="#!/usr/bin/env python3"))
    machine.wait_for((tmp_path / "ready").exists, "the training")
    machine.metadata["/latest/meta-data/spot/instance-action"] = json.dumps(NOTICE)
    machine.wait_for_power_off()
    assert "job log: checkpoint written" in machine.console
    assert "job log: ::warning title=Spot interruption::AWS takes this instance back" in machine.console
    assert "step ended with" in machine.console
    assert json.loads((machine.home / "interrupted").read_text()) == NOTICE


def test_where_systemd_cannot_keep_the_lifetime_a_process_does(machine: Machine, tmp_path: Path) -> None:
    machine.replace("systemd-run", "exit 1")
    machine.boot(write_tarball(tmp_path / "runner.tgz", run="exec sleep 600\n"), max_lifetime=0.5)
    machine.wait_for_power_off()
    assert "powering off: the lifetime of 0.50 s is over" in machine.console


def test_another_way_to_power_off_is_taken_where_systemd_refuses(machine: Machine, tmp_path: Path) -> None:
    machine.replace("systemctl", "exit 1")
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert machine.commands[-2:] == ["systemctl poweroff", "poweroff "]


def test_a_machine_that_refuses_to_power_off_in_order_is_forced(machine: Machine, tmp_path: Path) -> None:
    machine.replace("systemctl", '[ "$*" = "poweroff --force --force" ] && touch "$MACHINE/off"')
    machine.replace("poweroff", "exit 1")
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert machine.commands[-1] == "systemctl poweroff --force --force"


def test_a_shutdown_that_is_under_way_is_not_cut_short(machine: Machine, tmp_path: Path) -> None:
    machine.replace("systemctl", '[ "$1" = is-system-running ] && echo stopping && touch "$MACHINE/off"')
    machine.replace("poweroff", "exit 1")
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert machine.commands[-1] == "systemctl is-system-running"


def test_no_watcher_outlives_the_script(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    assert machine.process is not None
    machine.process.wait(DEADLINE_SECONDS)
    machine.wait_for(lambda: not processes_of(tmp_path / "user-data"), "the end of the watchers")


def processes_of(script: Path) -> list[Path]:
    def arguments(process: Path) -> list[str]:
        try:
            return (process / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            return []

    return [process for process in Path("/proc").glob("[0-9]*") if str(script) in arguments(process)]


def test_everything_that_the_script_writes_is_below_its_home(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    ours = {"bin", "commands", "console", "off", "runner.tgz", "user-data"}
    assert {path.name for path in tmp_path.iterdir()} - ours == {"cmlkit"}
    assert {path.name for path in machine.home.iterdir()} == {"booted", "cmlkit-second-boot.service", "home"}
