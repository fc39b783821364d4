"""What people see while a command works: in the log of a job, and on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CMLKIT = Path(sys.executable).with_name("cmlkit")
SETTINGS = """
train:
  run: echo Accuracy=0.9 >metrics.txt; echo weights >m.joblib; echo epoch 1; echo epoch 2 >&2
  model: m.joblib
  metrics: [metrics.txt]
  plots: []
  data: []
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "cmlkit.yaml").write_text(SETTINGS)
    return tmp_path


def test_the_output_of_a_training_folds_in_a_jobs_log_in_the_order_in_which_it_came(project: Path) -> None:
    job = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "octo/forest"}
    environ = {**os.environ, **job, "COMMAND": "train", "CMLKIT": str(CMLKIT)}
    done = subprocess.run(
        ["bash", str(ROOT / "action" / "run.sh")],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    start = lines.index("::group::Train")
    assert lines[start + 1 : start + 4] == ["epoch 1", "epoch 2", "::endgroup::"]
    assert lines[start + 4].startswith("Train: ")


@pytest.mark.parametrize(("wanted", "colours"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_it_wants_none(project: Path, wanted: dict[str, str], colours: bool) -> None:
    others = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environ = {**others, "TERM": "xterm-256color", **wanted}
    shown = on_a_terminal([str(CMLKIT), "train"], project, environ)
    assert "✓" in shown
    assert bool(re.search(r"\x1b\[(?:\d+;)*3[0-7]m", shown)) is colours


def on_a_terminal(argv: list[str], directory: Path, environ: dict[str, str]) -> str:
    """What a program writes to the terminal that it is started at."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, cwd=directory, env=environ, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while chunk := os.read(ours, 4096):
                written += chunk
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
    assert process.returncode == 0, written
    return written.decode()
