"""The machine refuses: full disks, files that take nothing, closed streams, folders that are gone, and ASCII.

Linux's /dev/full fails each write as a full disk does: https://man7.org/linux/man-pages/man4/full.4.html
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit.__main__ import run

pytestmark = pytest.mark.slow

CMLKIT = [sys.executable, "-m", "cmlkit"]
ENVIRON = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "GITHUB_REPOSITORY": "octo/forest"}


def shell(line: str, directory: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in which $C is cmlkit; it ends with cmlkit's own status."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=directory,
        env={**ENVIRON, "C": " ".join(CMLKIT), **environ},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("$C config show >/dev/full", 2, b"No space left on device"),
        ("$C config show 2>/dev/full", 0, b""),
        ("$C config show | head -1; exit ${PIPESTATUS[0]}", 0, b""),
        ("$C config show >&-", 0, b""),
        ("$C config show 2>&-", 0, b""),
        ("$C config show <&- >&- 2>&-", 0, b""),
        ("mkdir gone; cd gone; rmdir ../gone; $C report", 2, b"The working directory does not exist any more"),
        ("PYTHONIOENCODING=ascii $C --help", 0, b""),
        ("LC_ALL=C LANG=C TERM=nonsense $C config show", 0, b""),
        ("unset HOME; $C config show", 0, b""),
    ],
)
def test_a_command_ends_with_a_message_not_with_a_traceback(
    line: str, status: int, says: bytes, tmp_path: Path
) -> None:
    done = shell(line, tmp_path)
    assert b"Traceback" not in done.stderr
    assert b"defect" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == status, done
    assert says in done.stderr


@pytest.mark.usefixtures("sandbox")
def test_a_publish_whose_outputs_cannot_be_written_says_what_it_published(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training = "mkdir -p model; echo 'Accuracy: 0.97' > model/metrics.txt; echo weights > model/random_forest.joblib"
    assert run(["train", "--data", "", "--", "bash", "-c", training], environ=os.environ) == 0
    monkeypatch.setenv("GITHUB_OUTPUT", "/dev/full")
    assert run(["publish"], environ=os.environ) == 2
    said = capsys.readouterr().err
    assert "cannot be written to /dev/full: No space left on device. All is published: http" in said
    assert "/pull/1; only this step's outputs are missing." in said
