"""The libraries that a training command trained with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cmlkit.model.environment import installed_versions
from cmlkit.training.libraries import versions_for

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
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def test_the_python_on_the_path_is_asked_and_not_ours(tmp_path: Path, environ: dict[str, str]) -> None:
    assert versions_for(tmp_path, environ) == FOUND


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "exec sleep 60"])
def test_without_an_answer_the_versions_are_ours(tmp_path: Path, environ: dict[str, str], script: str) -> None:
    (tmp_path / "bin" / "python").write_text(f"#!/bin/sh\n{script}\n")
    assert versions_for(tmp_path, environ, timeout=1) == installed_versions()


def test_without_a_python_the_versions_are_ours(tmp_path: Path) -> None:
    assert versions_for(tmp_path, {"PATH": str(tmp_path)}) == installed_versions()
