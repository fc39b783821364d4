"""A training that failed keeps its instance for a look: no longer than asked for, and never past the lifetime."""

import time
from pathlib import Path

import pytest

from tests.integration.boot.machine import Machine
from tests.stand_in_runner import write_tarball

pytestmark = pytest.mark.slow

FAILING = 'touch "$CMLKIT_HOME/home/keep"'


def test_an_instance_without_the_mark_of_a_failure_powers_off_at_once(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), keep_on_failure=600)
    machine.wait_for_power_off()
    assert "stays for" not in machine.console


def test_a_mark_has_no_effect_unless_the_launch_asked_for_it(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), startup_script=FAILING)
    machine.wait_for_power_off()
    assert "stays for" not in machine.console


def test_the_instance_stays_for_its_time_and_longer_than_an_idle_one(machine: Machine, tmp_path: Path) -> None:
    tarball = write_tarball(tmp_path / "runner.tgz")
    machine.boot(tarball, keep_on_failure=1.5, idle_timeout=0.3, startup_script=FAILING)
    machine.wait_for(lambda: "the instance stays for 1.50 s" in machine.console, "the look")
    began = time.monotonic()
    machine.wait_for_power_off()
    assert time.monotonic() - began > 1.0
    assert "powering off: the runner ended with status 0" in machine.console
    assert "--on-active=3600.00" in machine.commands[0]  # the lifetime timer, which nothing stopped


def test_whoever_ends_the_script_ends_the_look(machine: Machine, tmp_path: Path) -> None:
    machine.boot(write_tarball(tmp_path / "runner.tgz"), keep_on_failure=600, startup_script=FAILING)
    machine.wait_for(lambda: "the instance stays for" in machine.console, "the look")
    assert machine.process is not None
    machine.process.terminate()
    machine.wait_for_power_off()
