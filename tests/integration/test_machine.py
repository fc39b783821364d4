"""The sandbox's machine: a boot script's whole life, and that nothing of it is left."""

from __future__ import annotations

import base64
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.forges.github.agent import runner_agent
from cmlkit.runner.boot import BOOT_STEPS, BootSpec, user_data
from cmlkit_sandbox.machine import MARK, Machine
from tests.stand_in_runner import write_tarball

DEADLINE_SECONDS = 30

BootScript = Callable[..., Machine]


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[BootScript]:
    """A function that boots a machine with the given bash lines."""
    machines: list[Machine] = []

    def boot(lines: str | bytes, **details: object) -> Machine:
        content = lines if isinstance(lines, bytes) else f"#!/bin/bash\n{lines}\n".encode()
        machine = Machine(
            tmp_path / f"i-{len(machines)}",
            user_data=base64.b64encode(content).decode(),
            **{"host": {"PATH": os.environ["PATH"]}, **details},  # type: ignore[arg-type]
        )
        machines.append(machine)
        machine.boot()
        return machine

    yield boot
    for machine in machines:
        machine.power_off()
        machine.wait(DEADLINE_SECONDS)


def until(condition: Callable[[], object], machine: Machine) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"It never came. The console says:\n{machine.console}"
        time.sleep(0.02)


def processes_of(machine: Machine) -> list[str]:
    """The living processes that have the machine's directory in their environment."""
    mark = f"{MARK}={machine.directory}".encode()

    def is_of_it(process: Path) -> bool:
        try:
            return mark in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False

    return [process.name for process in Path("/proc").glob("[0-9]*") if is_of_it(process)]


def test_the_boot_script_goes_through_all_stages_to_the_power_off(boot: BootScript, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz")
    spec = BootSpec(
        cloud=first_boot(),
        agent=runner_agent(),
        credential="aml0LWNvbmZpZw==",
        runner_url=tarball.path.as_uri(),
        runner_sha256=tarball.sha256,
        idle_timeout=600,
        max_lifetime=3600,
    )
    machine = boot(user_data(spec), environ={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"})
    machine.wait(DEADLINE_SECONDS)
    stages = [line.split()[1] for line in machine.console.splitlines() if line.startswith("cmlkit: stage=")]
    assert stages == [f"stage={stage}" for stage in BOOT_STEPS]
    assert "the job is done" in machine.console
    assert "powering off: the runner ended with status 0" in machine.console


def test_a_machine_stays_on_after_its_script_has_ended(boot: BootScript) -> None:
    machine = boot("echo the end")
    until(lambda: "the end" in machine.console, machine)
    with pytest.raises(subprocess.TimeoutExpired):
        machine.wait(0.2)
    assert machine.is_on


@pytest.mark.parametrize(
    "command", ["systemctl poweroff", "systemctl poweroff --force --force", "poweroff", "halt", "shutdown -h now"]
)
def test_each_way_to_power_off_ends_the_machine(boot: BootScript, command: str) -> None:
    machine = boot(f"{command}\nsleep 600")
    machine.wait(DEADLINE_SECONDS)
    assert not machine.is_on


def test_no_process_escapes_the_power_off(boot: BootScript, tmp_path: Path) -> None:
    daemon = 'setsid env -i bash -c "echo >%s; exec sleep 600" </dev/null >/dev/null 2>&1 &'
    first, second = tmp_path / "first", tmp_path / "second"
    machine = boot(f"({daemon % first})\nsetsid bash -c '({daemon % second}) &'\nsleep 600")
    until(lambda: first.exists() and second.exists(), machine)
    before = pids_below(machine)
    machine.power_off()
    machine.wait(DEADLINE_SECONDS)
    assert len(before) >= 3
    assert [pid for pid in before if Path("/proc", pid).exists()] == []


def pids_below(machine: Machine) -> list[str]:
    """Ids of the sleeping programs whose top ancestor is the machine's first process."""
    init = (machine.directory / "init.pid").read_text()

    def parent(pid: str) -> str:
        try:
            return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return "0"

    def is_below(pid: str) -> bool:
        while pid not in ("0", "1", init):
            pid = parent(pid)
        return pid == init

    return [process.name for process in Path("/proc").glob("[0-9]*") if process.name != init and is_below(process.name)]


def test_processes_are_asked_to_end_before_they_are_made_to(boot: BootScript, tmp_path: Path) -> None:
    saved, ready = tmp_path / "checkpoint", tmp_path / "ready"
    machine = boot(f"trap 'touch {saved}; exit' TERM\ntouch {ready}\nwhile :; do sleep 0.05; done")
    until(ready.exists, machine)
    machine.power_off()
    machine.wait(DEADLINE_SECONDS)
    assert saved.exists()


def test_a_process_that_will_not_end_is_killed(boot: BootScript, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    machine = boot(f"trap '' TERM\ntouch {ready}\nwhile :; do sleep 600; done", grace_seconds=0.1)
    until(ready.exists, machine)
    machine.power_off()
    machine.wait(DEADLINE_SECONDS)
    assert processes_of(machine) == []


def test_a_timer_fires_by_the_machine_s_clock(boot: BootScript) -> None:
    machine = boot(
        "systemd-run --quiet --unit=end --on-active=7200.00 --timer-property=AccuracySec=1s"
        " /bin/sh -c 'echo the time is over; systemctl poweroff'\nsleep 600",
        clock_rate=36_000,
    )
    machine.wait(DEADLINE_SECONDS)
    assert "the time is over" in machine.console


def test_a_timer_outlives_the_script_that_set_it(boot: BootScript) -> None:
    machine = boot("systemd-run --on-active=0.2 poweroff\nkill -KILL -- -$$")
    machine.wait(DEADLINE_SECONDS)
    assert not machine.is_on


def test_a_scope_runs_its_command_at_once_with_its_status(boot: BootScript) -> None:
    machine = boot("systemd-run --quiet --scope --property=Delegate=yes bash -c 'exit 7'\necho status $?\npoweroff")
    machine.wait(DEADLINE_SECONDS)
    assert "status 7" in machine.console


def test_a_shutdown_that_is_under_way_shows(boot: BootScript) -> None:
    machine = boot("systemctl is-system-running\ntrap '' TERM\npoweroff\nsystemctl is-system-running\nexit")
    machine.wait(DEADLINE_SECONDS)
    assert machine.console.split() == ["running", "stopping"]


def test_the_computer_itself_cannot_be_rebooted_by_accident(boot: BootScript) -> None:
    machine = boot("reboot; systemctl reboot; shutdown -r now; echo still here; poweroff")
    machine.wait(DEADLINE_SECONDS)
    assert machine.console.count("a sandbox machine boots once") == 3
    assert "still here" in machine.console


def test_no_credentials_of_the_sandbox_s_environment_reach_the_machine(boot: BootScript) -> None:
    secrets = ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "CMLKIT_TOKEN", "GITHUB_TOKEN", "HTTPS_PROXY", "PIP_INDEX_URL")
    machine = boot("env\npoweroff", host={"PATH": os.environ["PATH"], **dict.fromkeys(secrets, "hidden")})
    machine.wait(DEADLINE_SECONDS)
    assert "hidden" not in machine.console
    assert f"PATH={machine.directory}/bin:{Path(sys.executable).parent}:" in machine.console


def test_gzipped_user_data_is_unpacked(boot: BootScript) -> None:
    machine = boot(gzip.compress(b"#!/bin/bash\necho unpacked\npoweroff\n"))
    machine.wait(DEADLINE_SECONDS)
    assert "unpacked" in machine.console


def test_user_data_that_is_no_script_is_named_on_the_console(boot: BootScript) -> None:
    machine = boot(b"#cloud-config\npackages: [git]\n")
    assert "the user data is no script" in machine.console
    assert machine.is_on


def test_a_sandbox_that_is_killed_leaves_no_process_of_its_machines(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = base64.b64encode(f"#!/bin/bash\nsetsid sleep 600 &\ntouch {ready}\nsleep 600\n".encode()).decode()
    program = (
        "import os, pathlib, signal\nfrom cmlkit_sandbox.machine import Machine\n"
        f"machine = Machine(pathlib.Path({str(tmp_path / 'i-0')!r}), user_data={script!r}, host=os.environ)\n"
        "machine.boot()\nsignal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as sandbox:
        machine = Machine(tmp_path / "i-0", user_data="", host={})
        until(ready.exists, machine)
        assert processes_of(machine)
        sandbox.send_signal(signal.SIGKILL)
        sandbox.wait()
    until(lambda: not processes_of(machine), machine)
