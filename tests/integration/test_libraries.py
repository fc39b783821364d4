"""What a training command would train with, asked beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cmlkit.model.environment import installed_versions
from cmlkit.training.libraries import asked_beside

FOUND = {"python": "3.9.1", "scikit-learn": "1.2.0", "numpy": "1.24.0"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose `python` is another one, with a folder of libraries of its own."""
    (tmp_path / "site" / "numpy-1.24.0.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "scikit_learn-1.2.0.dist-info").mkdir()
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    pretends = 'import sys; sys.version = "3.9.1 (main)"'
    python.write_text(f"#!/bin/sh\nPYTHONPATH={tmp_path}/site exec {sys.executable} -S -c '{pretends}\n'\"$2\"\n")
    python.chmod(0o755)
    # Older than the question, as of a setup that is over.
    os.utime(tmp_path / "site", (1, 1))
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def test_the_python_on_the_path_is_asked_and_not_ours(tmp_path: Path, environ: dict[str, str]) -> None:
    with asked_beside(tmp_path, environ) as libraries:
        assert libraries.versions() == FOUND


def test_what_the_command_installs_counts(tmp_path: Path, environ: dict[str, str]) -> None:
    with asked_beside(tmp_path, environ) as libraries:
        (tmp_path / "site" / "joblib-1.3.0.dist-info").mkdir()
        assert libraries.versions() == {**FOUND, "joblib": "1.3.0"}


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense"])
def test_without_an_answer_the_versions_are_ours(tmp_path: Path, environ: dict[str, str], script: str) -> None:
    (tmp_path / "bin" / "python").write_text(f"#!/bin/sh\n{script}\n")
    with asked_beside(tmp_path, environ) as libraries:
        assert libraries.versions() == installed_versions()


def test_nothing_is_left_of_a_question_that_nobody_waits_for(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "bin" / "python").write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 60\n")
    with asked_beside(tmp_path, environ):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            os.sched_yield()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
