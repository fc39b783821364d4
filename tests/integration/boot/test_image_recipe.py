"""The recipe of an image, as a plain process."""

import re
import tomllib
from pathlib import Path

import pytest

from cmlkit.runner.boot import image_recipe
from tests.integration.boot.machine import DEADLINE_SECONDS, Machine
from tests.stand_in_runner import Tarball, write_tarball

pytestmark = pytest.mark.slow


LOCK_FILE = Path(__file__).parents[3] / "uv.lock"


def prepare_an_image(machine: Machine, tarball: Tarball, *, pip: str = "", startup_script: str = "") -> None:
    """Run the recipe of an image, with programs in place of those that would change the machine."""
    for program in ("apt-get", "cloud-init", "useradd", "chown", "ln"):
        machine.replace(program, "")
    machine.replace(
        "curl", 'for last; do :; done; cp "${last#file://}" "$(echo "$*" | grep -o "/[^ ]*actions-runner.tar.gz")"'
    )
    machine.replace("install", 'for last; do :; done; mkdir -p "$last"')
    machine.replace("pip", pip)
    machine.replace("python3", 'mkdir -p "$3/bin"; cp "$MACHINE/bin/pip" "$3/bin/pip"')
    recipe = image_recipe(runner_url=tarball.path.as_uri(), runner_sha256=tarball.sha256, startup_script=startup_script)
    machine.run(recipe)
    assert machine.process is not None
    machine.process.wait(DEADLINE_SECONDS)


def test_the_recipe_of_an_image_spares_the_download(machine: Machine, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz")
    prepare_an_image(machine, tarball, startup_script="echo prepared")
    assert "prepared\ncmlkit: the image is prepared" in machine.console
    machine.replace("curl", "exit 22")
    machine.boot(tarball)
    machine.wait_for_power_off()
    assert "the image has this runner already" in machine.console
    assert "the job is done" in machine.console


def test_a_prepared_machine_stays_up_until_its_life_is_over(machine: Machine, tmp_path: Path) -> None:
    prepare_an_image(machine, write_tarball(tmp_path / "runner.tgz"))
    assert machine.commands[0] == "systemd-run --quiet --unit=cmlkit-lifetime --on-active=3600 systemctl poweroff"
    assert not (machine.root / "off").exists()


@pytest.mark.parametrize(
    ("faults", "step"),
    [
        ({"pip": "exit 1"}, "installing uv"),
        ({"startup_script": "false"}, "running the startup script"),
    ],
)
def test_a_machine_that_could_not_be_prepared_powers_off_and_says_at_which_step(
    machine: Machine, tmp_path: Path, faults: dict[str, str], step: str
) -> None:
    prepare_an_image(machine, write_tarball(tmp_path / "runner.tgz"), **faults)
    machine.wait_for_power_off()
    assert f"cmlkit: preparing the image failed: {step}" in machine.console
    assert "prepared" not in machine.console


def test_uv_comes_onto_an_image_with_a_published_checksum(machine: Machine, tmp_path: Path) -> None:
    pip = 'for last; do :; done; cp "$last" "$MACHINE/requirements.txt"'
    prepare_an_image(machine, write_tarball(tmp_path / "runner.tgz"), pip=pip)
    [command] = [command for command in machine.commands if command.startswith("pip ")]
    assert "--require-hashes" in command
    version, *hashes = (machine.root / "requirements.txt").read_text().split()
    [locked] = [item for item in tomllib.loads(LOCK_FILE.read_text())["package"] if item["name"] == "uv"]
    assert version == f"uv=={locked['version']}"
    # What pip takes on Ubuntu and Debian, whose libc is GNU's.
    wheels = [item["hash"] for item in locked["wheels"] if re.search(r"manylinux.*(x86_64|aarch64)\.whl$", item["url"])]
    assert set(hashes) == {f"--hash={published}" for published in wheels}
