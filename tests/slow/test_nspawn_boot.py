"""The boot script under real systemd and cloud-init: every layer that ends a machine, with the others out of reach.

A layer is out of reach when its deadline is hours away (timer, watchdog: `Container.install_user_data`), or when the
test has killed the process or removed the file that it consists of.
"""

import json
import re
from pathlib import Path

import pytest

from cmlkit.runner.boot import BOOT_STEPS
from tests.slow.nspawn import CACHE, REBOOT, SYSTEMS, Container
from tests.stand_in_runner import write_tarball

# No process gets a signal, as when the hypervisor restarts the machine.
HARD_RESET = "systemctl reboot --force --force"

HANG = 'touch "$HOME/up"\nexec sleep 7200\n'

# The instance metadata service at its real address, with a Spot interruption notice once the training runs.
METADATA_SERVICE = """
ip link set lo up
ip address add 169.254.169.254/32 dev lo
cat >/srv/metadata.py <<'PYTHON'
import http.server, os
class Service(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def do_PUT(self):
        self.answer("a-token")
    def do_GET(self):
        noticed = self.path.endswith("/spot/instance-action") and os.path.exists("/opt/cmlkit/home/up")
        self.answer('{"action": "terminate", "time": "2030-01-01T00:02:00Z"}' if noticed else "")
http.server.HTTPServer(("169.254.169.254", 80), Service).serve_forever()
PYTHON
python3 /srv/metadata.py </dev/null >/dev/null 2>&1 &
"""

JOB_WITH_A_CHECKPOINT = '''
import os, subprocess
TRAINING = """
import os, pathlib, signal, sys, time
def save(*_):
    time.sleep(4)
    pathlib.Path(os.environ["HOME"], "checkpoint").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path(os.environ["HOME"], "up").touch()
signal.pause()
"""
step = subprocess.Popen(["bash", "-e", "-c", "python3 -c '" + TRAINING + "'"], stdout=subprocess.PIPE, text=True)
with open(os.environ["HOME"] + "/job.log", "w") as log:
    log.writelines(step.stdout)
'''


def once_the_runner_is_up(deed: str) -> str:
    """A startup script that leaves a process behind, which does `deed` as root; $BOOT_SCRIPT is the boot script."""
    wait = "until [ -e /opt/cmlkit/home/up ]; do sleep 0.1; done"
    return f"BOOT_SCRIPT=$PPID\n({wait}; {deed}) </dev/null >/dev/null 2>&1 &"


# The other tests are about layers that are the same everywhere.
on_every_system = pytest.mark.parametrize("base_root", SYSTEMS, indirect=True)


@on_every_system
def test_one_job_then_power_off(container: Container, tmp_path: Path) -> None:
    container.install_user_data(write_tarball(tmp_path / "runner.tgz"))
    assert container.run_to_end() == 0
    stages = [report.split()[0].removeprefix("stage=") for report in container.reports if report.startswith("stage=")]
    assert tuple(stages) == BOOT_STEPS
    assert "listening as runner" in container.console
    assert "the job is done" in container.console
    assert "powering off: the runner ended with status 0" in container.reports
    entered = dict(re.findall(r"stage=(\S+) uptime=([\d.]+)", "\n".join(container.reports)))
    # For the benchmarks: from the script's first stage to the runner's start, without the download.
    download = float(entered["job-environment"]) - float(entered["runner-files"])
    own_work = float(entered["runner"]) - float(entered[BOOT_STEPS[0]]) - download
    (CACHE / "boot.json").write_text(json.dumps({"own_work_seconds": round(own_work, 2)}) + "\n", encoding="utf-8")


def test_the_startup_script_installs_packages_undisturbed(container: Container, tmp_path: Path) -> None:
    lines = """
echo "HOME=$HOME DEBIAN_FRONTEND=$DEBIAN_FRONTEND"
apt-config dump DPkg::Lock::Timeout
systemctl is-active apt-daily.timer apt-daily-upgrade.timer >/srv/timers || true
"""
    container.install_user_data(write_tarball(tmp_path / "runner.tgz"), startup_script=lines)
    assert container.run_to_end() == 0
    assert "HOME=/root DEBIAN_FRONTEND=noninteractive" in container.console
    assert 'DPkg::Lock::Timeout "300";' in container.console
    assert container.file("/srv/timers").read_text().split() == ["inactive", "inactive"]


def test_the_job_cannot_reach_root_or_the_jit_config(container: Container, tmp_path: Path) -> None:
    run = """
cat /proc/[0-9]*/cmdline >"$HOME/processes"
(systemctl show --all '*'; systemctl show-environment) >"$HOME/units" 2>&1
cat /var/lib/cloud/instance/user-data.txt /var/lib/cloud/instance/scripts/* && echo user data is readable
systemctl stop cmlkit-lifetime.timer && echo the timer could be stopped
systemctl poweroff --force && echo the machine could be stopped
sudo -n true && echo root without a password
"""
    container.install_user_data(write_tarball(tmp_path / "runner.tgz", run=run), credential="c2VjcmV0")
    assert container.run_to_end() == 0
    assert "powering off: the runner ended with status" in container.console
    for success in ("user data is readable", "could be stopped", "root without a password"):
        assert success not in container.console
    assert b"run.sh" in container.file("/opt/cmlkit/home/processes").read_bytes()
    assert "The runner and its job" in container.file("/opt/cmlkit/home/units").read_text()
    written = [path for path in container.file("/opt/cmlkit").rglob("*") if path.is_file()]
    assert [path for path in written if b"c2VjcmV0" in path.read_bytes()] == []


def test_a_training_that_runs_out_of_memory_does_not_end_the_boot_script(container: Container, tmp_path: Path) -> None:
    run = 'systemctl show --property=OOMPolicy,TasksMax "$(sed -n "s,^0::.*/,,p" /proc/self/cgroup)"\n'
    container.install_user_data(write_tarball(tmp_path / "runner.tgz", run=run))
    assert container.run_to_end() == 0
    assert "OOMPolicy=continue" in container.console
    assert "TasksMax=infinity" in container.console


def test_a_runner_with_another_checksum_is_never_started(container: Container, tmp_path: Path) -> None:
    container.install_user_data(write_tarball(tmp_path / "runner.tgz"), runner_sha256="0" * 64)
    assert container.run_to_end() == 0
    assert any("does not have the checksum" in report for report in container.reports)
    assert not container.file("/opt/cmlkit/home/actions-runner").exists()
    assert "listening" not in container.console


def test_the_exit_trap_ends_a_machine_whose_runner_crashes(container: Container, tmp_path: Path) -> None:
    container.install_user_data(write_tarball(tmp_path / "runner.tgz", run="kill -SEGV $$\n"))
    assert container.run_to_end() == 0
    assert "powering off: the runner ended with status 139" in container.reports


def test_the_exit_trap_ends_a_machine_whose_runner_is_killed(container: Container, tmp_path: Path) -> None:
    deed = "kill -KILL $(cat /opt/cmlkit/home/pid)"
    container.install_user_data(
        write_tarball(tmp_path / "runner.tgz", run='echo $$ >"$HOME/pid"\n' + HANG),
        startup_script=once_the_runner_is_up(deed),
    )
    assert container.run_to_end() == 0
    assert "powering off: the runner ended with status 137" in container.reports


def test_the_exit_trap_ends_a_machine_whose_startup_script_fails(container: Container, tmp_path: Path) -> None:
    container.install_user_data(write_tarball(tmp_path / "runner.tgz"), startup_script="(exit 7)")
    assert container.run_to_end() == 0
    assert "powering off: the startup script failed with status 7" in container.reports
    assert "listening" not in container.console


def test_the_watchdog_alone_ends_a_machine_without_a_job(container: Container, tmp_path: Path) -> None:
    # Killed, the boot script runs no exit trap.
    container.install_user_data(
        write_tarball(tmp_path / "runner.tgz", run=HANG),
        idle_timeout=8,
        startup_script=once_the_runner_is_up("kill -KILL $BOOT_SCRIPT"),
    )
    assert container.run_to_end() == 0
    assert [report for report in container.reports if report.startswith("powering off")] == [
        "powering off: no job came within 8.00 s"
    ]


def test_the_watchdog_never_ends_a_machine_with_a_job(container: Container, tmp_path: Path) -> None:
    worker = "sleep 15\necho the job is done\n"
    container.install_user_data(write_tarball(tmp_path / "runner.tgz", worker=worker), idle_timeout=4)
    assert container.run_to_end() == 0
    assert "the job is done" in container.console
    assert "powering off: the runner ended with status 0" in container.reports


@on_every_system
def test_the_lifetime_timer_alone_ends_a_machine_whose_runner_hangs(container: Container, tmp_path: Path) -> None:
    # With the boot script go its exit trap and, killed by their parent's process group, its watchers.
    container.install_user_data(
        write_tarball(tmp_path / "runner.tgz", run=HANG),
        max_lifetime=8,
        startup_script=once_the_runner_is_up(
            "for pid in $(grep -l part-001 /proc/[0-9]*/cmdline | cut -d/ -f3); do kill -KILL $pid; done"
        ),
    )
    assert container.run_to_end() == 0
    assert [report for report in container.reports if report.startswith("powering off")] == [
        "powering off: the lifetime of 8.00 s is over"
    ]
    assert container.file("/opt/cmlkit/home/up").exists()


def test_the_end_of_the_lifetime_leaves_the_training_time_for_its_checkpoint(
    container: Container, tmp_path: Path
) -> None:
    tarball = write_tarball(
        tmp_path / "runner.tgz", worker=JOB_WITH_A_CHECKPOINT, worker_shebang="#!/usr/bin/env python3"
    )
    container.install_user_data(tarball, max_lifetime=8)
    assert container.run_to_end() == 0
    assert "powering off: the lifetime of 8.00 s is over" in container.reports
    assert container.file("/opt/cmlkit/home/checkpoint").exists()


def test_a_process_keeps_the_lifetime_where_systemd_run_fails(container: Container, tmp_path: Path) -> None:
    broken = container.file("/usr/local/sbin/systemd-run")
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    container.install_user_data(write_tarball(tmp_path / "runner.tgz", run=HANG), max_lifetime=8)
    assert container.run_to_end() == 0
    assert "powering off: the lifetime of 8.00 s is over" in container.reports


@pytest.mark.parametrize("restart", ["systemctl reboot", HARD_RESET])
def test_a_restart_is_the_end_even_where_user_data_does_not_run_again(
    container: Container, tmp_path: Path, restart: str
) -> None:
    container.install_user_data(
        write_tarball(tmp_path / "runner.tgz", run="echo listening\n" + HANG),
        startup_script=once_the_runner_is_up(restart),
    )
    assert container.run_to_end() == REBOOT
    assert container.run_to_end() == 0
    assert "cmlkit: powering off: this is a second boot" in container.console
    assert container.console.count("stage=lifetime-timer") == 2, "one boot, reported to the console and to the log"
    assert starts_of_the_runner(container) == 1


def test_user_data_that_runs_again_after_a_restart_registers_no_second_runner(
    container: Container, tmp_path: Path
) -> None:
    container.install_user_data(
        write_tarball(tmp_path / "runner.tgz", run="echo listening\n" + HANG),
        startup_script=once_the_runner_is_up(HARD_RESET),
    )
    assert container.run_to_end() == REBOOT
    container.file("/etc/systemd/system/multi-user.target.wants/cmlkit-second-boot.service").unlink()
    for done in container.file("/var/lib/cloud/instances").glob("*/sem/config_scripts_user"):
        done.unlink()
    assert container.run_to_end() == 0
    assert "powering off: this machine has booted before (/opt/cmlkit/booted exists)" in container.reports
    assert starts_of_the_runner(container) == 1


@pytest.mark.parametrize("environment", ["", "HTTP_PROXY='http://192.0.2.1:3128'\nhttps_proxy=http://192.0.2.1:3128\n"])
@on_every_system
def test_a_spot_interruption_reaches_the_training_of_another_user(
    container: Container, tmp_path: Path, environment: str
) -> None:
    tarball = write_tarball(
        tmp_path / "runner.tgz", worker=JOB_WITH_A_CHECKPOINT, worker_shebang="#!/usr/bin/env python3"
    )
    container.file("/etc/environment").write_text(environment)
    container.install_user_data(tarball, startup_script=METADATA_SERVICE)
    assert container.run_to_end() == 0
    assert container.file("/opt/cmlkit/home/checkpoint").exists()
    assert "::warning title=Spot interruption::" in container.file("/opt/cmlkit/home/job.log").read_text()
    assert json.loads(container.file("/opt/cmlkit/interrupted").read_text())["action"] == "terminate"
    assert "the training was sent SIGTERM" in container.reports
    told = [report for report in container.reports if report.startswith("a proxy is used, except for ")]
    assert ["169.254.169.254" in report for report in told] == ([True] if environment else [])


USE_DOCKER_AND_SUDO = """
id --name --groups
docker version --format 'the server: {{.Server.Version}}'
sudo --non-interactive id --user --name
"""


def test_a_job_may_use_docker_and_sudo_if_the_settings_say_so(container_with_docker: Container, tmp_path: Path) -> None:
    container = container_with_docker
    container.install_user_data(
        write_tarball(tmp_path / "runner.tgz", worker=USE_DOCKER_AND_SUDO), docker=True, sudo=True
    )
    assert container.run_to_end() == 0
    said = printed(container)
    assert "runner docker" in said
    assert any(line.startswith("the server: 2") for line in said)
    assert "root" in said


def test_a_job_may_use_neither_of_them_otherwise(container_with_docker: Container, tmp_path: Path) -> None:
    container = container_with_docker
    start = "systemctl start docker"
    tarball = write_tarball(tmp_path / "runner.tgz", worker=f"{USE_DOCKER_AND_SUDO}\necho tried all\n")
    container.install_user_data(tarball, startup_script=start)
    assert container.run_to_end() == 0
    said = printed(container)
    assert "tried all" in said
    assert not any(line.startswith("the server: 2") or line in ("runner docker", "root") for line in said)


# A job's container with the machine's own programs, as no registry is in reach; GitHub's runner starts a step likewise.
JOB_IN_A_CONTAINER = '''
import io, os, subprocess, tarfile
TRAINING = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(4)
    pathlib.Path("/out/checkpoint").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
pathlib.Path("/out/up").touch()
signal.pause()
"""
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w") as archive:
    for name in ("bin", "lib", "lib64", "sbin"):
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, "usr/" + name
        archive.addfile(link)
subprocess.run(["docker", "import", "-", "machine"], input=packed.getvalue(), check=True)
mounts = ["--volume", "/usr:/usr:ro", "--volume", os.environ["HOME"] + ":/out"]
options = ["--detach", "--name", "job", "--network", "none", *mounts]
subprocess.run(["docker", "run", *options, "machine", "tail", "-f", "/dev/null"], check=True)
step = ["docker", "exec", "-i", "job", "sh", "-e", "-c", "python3 -c '" + TRAINING + "'; echo the step goes on"]
done = subprocess.run(step, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
print("docker exec ended with", done.returncode, flush=True)
'''


def test_a_spot_interruption_reaches_a_training_in_a_container(
    container_with_docker: Container, tmp_path: Path
) -> None:
    container = container_with_docker
    tarball = write_tarball(tmp_path / "runner.tgz", worker=JOB_IN_A_CONTAINER, worker_shebang="#!/usr/bin/env python3")
    container.install_user_data(tarball, docker=True, startup_script=METADATA_SERVICE)
    assert container.run_to_end() == 0
    assert container.file("/opt/cmlkit/home/checkpoint").exists()
    assert "the training was sent SIGTERM" in container.reports
    assert "docker exec ended with 143" in container.console


def printed(container: Container) -> list[str]:
    """The lines that the boot script and what it started have printed."""
    return [re.sub(r"^cloud-init\[\d+\]: ", "", line) for line in container.console.splitlines()]


def starts_of_the_runner(container: Container) -> int:
    return sum(report.startswith("stage=runner ") for report in container.reports)
