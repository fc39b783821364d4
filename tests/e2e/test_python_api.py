"""The example of the Python API, run as it stands against the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit_sandbox import Sandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "python-api" / "retrain.py"
TIMEOUT_SECONDS = 120


@pytest.mark.slow
def test_the_example_launches_trains_compares_publishes_and_loads(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("# A project\n")
    with Sandbox(tmp_path / "sandbox", source=source) as sandbox:
        answer = subprocess.run(
            [sys.executable, str(EXAMPLE), str(tmp_path / "project")],
            env={**os.environ, **sandbox.environ(), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        launched, verdict, url, prediction = answer.stdout.splitlines()
        assert launched.startswith("t3.medium at $0.0")
        assert "Accuracy" in verdict
        assert url == f"{sandbox.github.url}/octo/random-forest/pull/1"
        assert prediction.startswith("RandomForestClassifier predicts [")
        assert {instance.state for instance in sandbox.aws.instances()} == {"terminated"}
        assert not sandbox.github.hub.runners.of(sandbox.repository)
