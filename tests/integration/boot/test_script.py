"""The rendered boot script as a plain process: only what would change the machine is replaced, by programs on PATH."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cmlkit.ci import workplace
from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.forges.github.agent import runner_agent
from cmlkit.runner.boot import BOOT_STEPS, BootSpec, boot_script
from tests.integration.boot.machine import DEADLINE_SECONDS, SHIMS, Machine
from tests.stand_in_runner import write_tarball

pytestmark = pytest.mark.slow

INSTANCE = {"CMLKIT_INSTANCE_TYPE": "t3.medium"}


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


def test_the_job_can_read_when_each_step_began(machine: Machine, tmp_path: Path) -> None:
    before = int(time.time())
    machine.boot(write_tarball(tmp_path / "runner.tgz"), startup_script="sleep 1", job_environment=INSTANCE)
    machine.wait_for_power_off()
    variables = dict(line.split("=", 1) for line in (machine.runner_directory / ".env").read_text().splitlines())
    facts = workplace(variables).instance_facts()
    assert facts is not None
    assert list(facts.marks)[::-1] == list(BOOT_STEPS[BOOT_STEPS.index("user") :])
    assert before <= facts.marks["user"] <= facts.marks["startup-script"] < facts.marks["watchers"] <= time.time()


def test_the_lifetime_timer_is_armed_before_any_other_command(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), max_lifetime=7200)
    machine.wait_for_power_off()
    assert machine.commands[0].startswith("systemd-run ")
    assert "--on-active=7200.00" in machine.commands[0]
    assert machine.commands[0].endswith("systemctl poweroff")


def test_the_assembled_script_is_clean(tmp_path: Path) -> None:
    values = {"runner_url": "file:///runner.tgz", "runner_sha256": "0" * 64, "idle_timeout": 60, "max_lifetime": 60}
    script = tmp_path / "user-data"
    script.write_text(boot_script(BootSpec(cloud=first_boot(), agent=runner_agent(), credential="aml0", **values)))  # type: ignore[arg-type]
    # The comment that allows it at the one place has been dropped like all others: one word per process is meant.
    shellcheck = [str(Path(sys.executable).with_name("shellcheck")), "--exclude=SC2046", str(script)]
    done = subprocess.run(shellcheck, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


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


def test_the_startup_script_runs_before_the_runner(machine: Machine, tmp_path: Path) -> None:
    lines = 'echo "it\'s $(expr 6 \\* 7)"\n# a comment\ncat\ntouch "$MACHINE/prepared"'
    run = '[ -e "$MACHINE/prepared" ] && echo prepared for the runner\n'
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=run), startup_script=lines)
    machine.wait_for_power_off()
    assert "it's 42" in machine.console
    assert "prepared for the runner" in machine.console


def test_the_startup_script_can_install_packages(machine: Machine, tmp_path: Path) -> None:
    # cloud-init's service has no HOME; debconf(7), needrestart(1) and apt.conf(5) name the others.
    lines = 'echo "$HOME $DEBIAN_FRONTEND $NEEDRESTART_MODE"\ncat "$APT_CONFIG"\nsystemctl is-enabled apt-daily.timer'
    run = 'echo "the runner: $HOME ${DEBIAN_FRONTEND-unset} ${NEEDRESTART_MODE-unset} ${APT_CONFIG-unset}"\n'
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=run), startup_script=lines)
    machine.wait_for_power_off()
    assert '/root noninteractive l\nDPkg::Lock::Timeout "300";' in machine.console
    assert f"the runner: {machine.home}/home unset unset unset" in machine.console
    [stopped] = [command for command in machine.commands if command.startswith("systemctl --quiet stop ")]
    assert {"apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service"} <= set(stopped.split())
    assert machine.commands.index(stopped) < machine.commands.index("systemctl is-enabled apt-daily.timer")


def test_a_system_without_apt_has_no_timers_to_stop(machine: Machine, tmp_path: Path) -> None:
    # systemctl(1): 5 for a unit that is not loaded
    machine.replace("systemctl", '[ "$2" != stop ] || exit 5\n' + SHIMS["systemctl"])
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert "the job is done" in machine.console


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
    assert "cmlkit: a job came" not in machine.console


@pytest.mark.slow
@pytest.mark.parametrize("directory", ["bin", "bin.2.331.0"])
def test_a_machine_with_a_job_stays_beyond_the_idle_timeout(machine: Machine, tmp_path: Path, directory: str) -> None:
    machine.replace("sleep", f'exec {shutil.which("sleep")} "$@"')
    run = f'[ bin = {directory} ] || cp -r bin {directory}\n"$PWD/{directory}/Runner.Worker"\n'
    # The job is busy until the watchdog has looked three times, each time after a whole idle timeout.
    worker = 'until [ "$(grep -c "sleep 1.50" "$MACHINE/commands")" -gt 3 ]; do sleep 0.1; done\necho the job is done\n'
    machine.boot(write_tarball(tmp_path / "runner.tgz", run=run, worker=worker), idle_timeout=1.5)
    machine.wait_for_power_off()
    assert machine.console.count("cmlkit: a job came\n") == 1
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
    assert {path.name for path in machine.home.iterdir()} == {
        "apt.conf",
        "booted",
        "cmlkit-second-boot.service",
        "home",
        "marks",
    }
