"""What the settings let the job do on the machine: Docker and sudo."""

import re
from pathlib import Path

import pytest

from cmlkit.runner.boot import boot_warnings
from tests.integration.boot.machine import SHIMS, Machine, a_small_image
from tests.stand_in_runner import write_tarball

pytestmark = pytest.mark.slow


def docker_of(image: str, machine: Machine) -> None:
    """Make the machine one with that image: what it has of Docker before the boot."""
    machine.replace("id", '[ "$*" = -u ] && echo 0')
    for program in ("usermod", "chown"):
        machine.replace(program, "")
    installs = 'cp "$MACHINE/bin/usermod" "$MACHINE/bin/docker"'
    packages = {
        "Ubuntu": ("apt-get", "docker.io"),
        "Debian 13": ("apt-get", "docker-cli"),
        "Amazon Linux": ("dnf", "docker"),
    }
    if image in packages:
        program, package = packages[image]
        machine.replace(program, f'[[ " $* " != *" install "*" {package} " ]] || {installs}')
    else:
        machine.replace("docker", "")


@pytest.mark.parametrize(
    ("image", "installed"),
    [
        # https://packages.ubuntu.com/docker.io
        ("Ubuntu", ["apt-get install --quiet --quiet --yes --no-install-recommends docker.io"]),
        # https://packages.debian.org/trixie/docker.io
        (
            "Debian 13",
            [
                f"apt-get install --quiet --quiet --yes --no-install-recommends {package}"
                for package in ("docker.io", "docker-cli")
            ],
        ),
        # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-docker.html
        ("Amazon Linux", ["dnf install --quiet --assumeyes docker"]),
        ("AWS's image for GPUs", []),
    ],
)
def test_a_job_may_use_docker_if_the_settings_say_so(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: str, installed: list[str]
) -> None:
    a_small_image(tmp_path, monkeypatch)
    docker_of(image, machine)
    machine.boot(write_tarball(tmp_path / "runner.tgz"), docker=True, startup_script="docker run hello-world")
    machine.wait_for_power_off()
    assert "the job is done" in machine.console
    done = [command for command in machine.commands if re.match("(apt-get|dnf) install", command)]
    assert done == installed
    commands = machine.commands
    service = [commands.index(f"systemctl {call}") for call in ("--quiet enable docker", "restart docker")]
    # Before the startup script, which may use it; and the user is in the group before it is made the runner.
    assert service < [commands.index("usermod --append --groups docker runner")] < [len(commands)]
    as_user = [commands.index(command) for command in commands if command.endswith("-- docker version")]
    assert len(as_user) == 1


def test_no_job_may_use_docker_or_sudo_otherwise(machine: Machine, tmp_path: Path) -> None:
    docker_of("AWS's image for GPUs", machine)
    machine.boot(write_tarball(tmp_path / "runner.tgz"))
    machine.wait_for_power_off()
    assert [
        command for command in machine.commands if re.match("(docker|usermod|sudo|apt-get|systemctl restart)", command)
    ] == []


@pytest.mark.parametrize(
    ("faults", "farewell"),
    [
        ({"apt-get": "exit 100"}, "Docker could not be installed"),
        ({"systemctl": '[ "$1" != restart ] || exit 1\n' + SHIMS["systemctl"]}, "Docker does not start"),
        ({"usermod": "exit 6"}, "the user runner could not be put into the group docker"),
        ({"docker": "exit 1"}, "Docker has started, but the user runner cannot use it"),
    ],
)
def test_a_machine_on_which_docker_does_not_work_ends_before_the_job(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: dict[str, str], farewell: str
) -> None:
    a_small_image(tmp_path, monkeypatch)
    docker_of("Ubuntu", machine)
    for program, lines in faults.items():
        machine.replace(program, lines)
    machine.boot(write_tarball(tmp_path / "runner.tgz"), docker=True)
    machine.wait_for_power_off()
    assert f"powering off: {farewell}" in machine.console
    assert "the job is done" not in machine.console


def test_docker_goes_through_the_proxy_too(machine: Machine, tmp_path: Path) -> None:
    docker_of("AWS's image for GPUs", machine)
    machine.boot(write_tarball(tmp_path / "runner.tgz"), docker=True, proxy="http://proxy.internal:3128")
    machine.wait_for_power_off()
    [told] = [command for command in machine.commands if command.startswith("systemctl set-environment ")]
    assert "HTTPS_PROXY=http://proxy.internal:3128" in told.split()
    assert machine.commands.index(told) < machine.commands.index("systemctl restart docker")


def test_docker_goes_through_an_images_proxy_for_plain_http_alone(machine: Machine, tmp_path: Path) -> None:
    docker_of("AWS's image for GPUs", machine)
    machine.environ = {"http_proxy": "http://proxy.internal:3128"}
    machine.boot(write_tarball(tmp_path / "runner.tgz"), docker=True)
    machine.wait_for_power_off()
    [told] = [command for command in machine.commands if command.startswith("systemctl set-environment ")]
    assert "HTTP_PROXY=http://proxy.internal:3128" in told.split()


def test_containers_get_the_gpus_of_an_image_with_nvidias_toolkit(machine: Machine, tmp_path: Path) -> None:
    # https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html#configuring-docker
    docker_of("AWS's image for GPUs", machine)
    for program in ("nvidia-smi", "nvidia-ctk"):
        machine.replace(program, "")
    machine.boot(write_tarball(tmp_path / "runner.tgz"), docker=True)
    machine.wait_for_power_off()
    configured = machine.commands.index("nvidia-ctk runtime configure --runtime=docker")
    assert configured < machine.commands.index("systemctl restart docker")
    assert boot_warnings(machine.console) == ()


def test_an_image_with_a_gpu_and_without_nvidias_toolkit_is_told_of(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_small_image(tmp_path, monkeypatch)
    docker_of("my own", machine)
    machine.replace("nvidia-smi", "")
    machine.boot(write_tarball(tmp_path / "runner.tgz"), docker=True)
    machine.wait_for_power_off()
    assert boot_warnings(machine.console) == ("the image has no NVIDIA Container Toolkit: containers get no GPU",)
    assert "the job is done" in machine.console


def test_a_job_may_use_sudo_if_the_settings_say_so(machine: Machine, tmp_path: Path) -> None:
    machine.replace("id", '[ "$*" = -u ] && echo 0')
    for program in ("chown", "sudo"):
        machine.replace(program, "")
    machine.environ = {"CMLKIT_SUDOERS_FOLDER": str(tmp_path)}
    machine.boot(write_tarball(tmp_path / "runner.tgz"), sudo=True)
    machine.wait_for_power_off()
    rule = tmp_path / "90-cmlkit"
    # sudoers(5); of another mode, sudo ignores the file
    assert rule.read_text() == "runner ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert rule.stat().st_mode & 0o777 == 0o440
    assert "the job is done" in machine.console


def test_an_image_without_sudo_ends_before_the_job(machine: Machine, tmp_path: Path) -> None:
    machine.replace("id", '[ "$*" = -u ] && echo 0')
    machine.replace("chown", "")
    machine.environ = {"CMLKIT_SUDOERS_FOLDER": str(tmp_path / "missing")}
    machine.boot(write_tarball(tmp_path / "runner.tgz"), sudo=True)
    machine.wait_for_power_off()
    assert "powering off: the user runner could not be given sudo" in machine.console
    assert "the job is done" not in machine.console
