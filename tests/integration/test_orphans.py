"""Trainings whose cmlkit was killed, or lost its terminal: nothing of them goes on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit.process import run_program
from cmlkit.training.command import run_shell

pytestmark = pytest.mark.usefixtures("hang_ups")

DEADLINE_SECONDS = 60
WAITS = "touch started; while :; do sleep 0.05; done"
# As PyTorch's data loaders and joblib's workers do.
FORKS = "(while :; do sleep 0.05; done) & bash -c 'touch started; while :; do sleep 0.05; done' & wait"
# Written by the shell itself: the end of a `touch` by the signal would end the shell before its trap.
SAVES = "trap 'sleep 0.3; echo saved >checkpoint; exit 1' TERM; trap '' HUP; : >started;"
SAVES += " while :; do sleep 0.05 || :; done"
IGNORES = "trap '' TERM; touch started; while :; do sleep 0.05; done"
# As `cmlkit train` runs its command, with another time for its end.
RUNS = """
import os, pathlib, sys
from cmlkit.training.command import run_shell
try:
    run_shell(sys.argv[1], directory=pathlib.Path.cwd(), environ=os.environ, grace_seconds=float(sys.argv[2]))
finally:
    print("cleaned up", file=sys.stderr, flush=True)
    pathlib.Path("cleaned").touch()
"""
WORKS = """
import pathlib, time
from cmlkit.training.worker import Worker
with Worker() as worker:
    worker.begin(pathlib.Path.touch, pathlib.Path("started"))
    worker.begin(time.sleep, 600)()
"""
SEARCHES = """
import pathlib, time
from joblib import Parallel, delayed
from cmlkit.training.worker import ending_processes
def fit(number):
    pathlib.Path("started").touch()
    time.sleep(600)
with ending_processes():
    Parallel(n_jobs=2)(delayed(fit)(number) for number in range(2))
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.02)


def processes() -> Iterator[tuple[str, Path]]:
    """The command lines and folders of all processes that have not ended."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                yield (process / "cmdline").read_text().replace("\0", " ").rstrip(), (process / "cwd").readlink()
        except OSError:
            continue


def running_in(folder: Path) -> list[str]:
    return [line for line, place in processes() if place == folder]


def guardians(grace_seconds: int) -> list[str]:
    return [line for line, _ in processes() if line.endswith(f"guardian {grace_seconds}")]


def begun(folder: Path, *command: str) -> subprocess.Popen[str]:
    # To a file: the training's shell writes "Terminated", and would die of a pipe that nobody reads any more.
    with (folder / "said").open("w") as said:
        process = subprocess.Popen([sys.executable, "-c", *command], cwd=folder, stderr=said, text=True)
    until((folder / "started").exists)
    return process


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(WAITS, marks=pytest.mark.slow),
        FORKS,
        pytest.param(f"{{ {WAITS}; }} | tee training.log", marks=pytest.mark.slow),
    ],
)
def test_a_training_ends_when_cmlkit_is_killed(line: str, tmp_path: Path) -> None:
    with begun(tmp_path, RUNS, line, "90") as process:
        process.kill()
    until(lambda: not running_in(tmp_path))


def test_a_training_may_save_when_cmlkit_is_killed(tmp_path: Path) -> None:
    with begun(tmp_path, RUNS, SAVES, "90") as process:
        process.kill()
    until(lambda: not running_in(tmp_path))
    assert (tmp_path / "checkpoint").read_text() == "saved\n"


@pytest.mark.slow
def test_a_training_that_ignores_its_end_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    with begun(tmp_path, RUNS, IGNORES, "1") as process:
        process.kill()
    until(lambda: not running_in(tmp_path))


def test_the_guardian_is_there_for_the_training_alone(tmp_path: Path) -> None:
    line = "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' >seen || :; ls /proc/$$/fd >open"
    run_shell(line, directory=tmp_path, environ=os.environ, grace_seconds=4711)
    assert "guardian 4711" in (tmp_path / "seen").read_text()
    assert guardians(4711) == []
    # bash keeps a file of its own at 255.
    assert set((tmp_path / "open").read_text().split()) <= {"0", "1", "2", "255"}


def test_a_hang_up_lets_a_training_save_as_sigterm_does(tmp_path: Path) -> None:
    with begun(tmp_path, RUNS, SAVES, "90") as process:
        process.send_signal(signal.SIGHUP)
    assert "Interrupted: SIGHUP ended the training command" in (tmp_path / "said").read_text()
    assert (tmp_path / "checkpoint").read_text() == "saved\n"
    assert running_in(tmp_path) == []


@pytest.mark.slow
def test_a_training_under_nohup_goes_on(tmp_path: Path) -> None:
    line = "touch started; while [ ! -e enough ]; do sleep 0.05; done; touch done"
    command = ["nohup", sys.executable, "-c", RUNS, line, "90"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until((tmp_path / "started").exists)
        process.send_signal(signal.SIGHUP)
        (tmp_path / "enough").touch()
        assert process.wait() == 0
    assert (tmp_path / "done").exists()


def test_a_closed_terminal_does_not_keep_cmlkit_from_cleaning_up(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-c", RUNS, SAVES, "90"])
    until((tmp_path / "started").exists)
    os.close(terminal)
    os.waitpid(child, 0)
    assert (tmp_path / "checkpoint").read_text() == "saved\n"
    assert (tmp_path / "cleaned").exists()


@pytest.mark.slow
@pytest.mark.parametrize("script", [WORKS, SEARCHES], ids=["worker", "search"])
def test_the_processes_of_an_estimator_end_when_cmlkit_is_killed(script: str, tmp_path: Path) -> None:
    with begun(tmp_path, script) as process:
        process.kill()
    until(lambda: not running_in(tmp_path))


def test_a_program_that_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="timed out"):
        run_program(["bash", "-c", FORKS], directory=tmp_path, environ=os.environ, timeout=0.5)
    assert running_in(tmp_path) == []


@pytest.mark.slow
def test_a_program_ends_when_cmlkit_is_killed(tmp_path: Path) -> None:
    script = "import os, pathlib, sys; from cmlkit.process import run_program;"
    script += "run_program(['bash', '-c', sys.argv[1]], directory=pathlib.Path.cwd(), environ=os.environ, timeout=600)"
    with begun(tmp_path, script, FORKS) as process:
        process.kill()
    until(lambda: not running_in(tmp_path))
