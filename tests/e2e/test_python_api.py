"""The examples of the Python API, run as they stand against the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit_sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples" / "python-api"
TIMEOUT_SECONDS = 120


def printed(example: str, folder: Path, sandbox: Sandbox) -> list[str]:
    answer = subprocess.run(
        [sys.executable, str(EXAMPLES / example), str(folder)],
        env={**os.environ, **sandbox.environ(), "HOME": str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


# One test for all: each needs what the one before it has made.
@pytest.mark.slow
def test_the_examples_launch_train_compare_publish_load_list_promote_and_pull(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("# A project\n")
    with Sandbox(tmp_path / "sandbox", source=source) as sandbox:
        launched, verdict, url, prediction = printed("retrain.py", tmp_path / "project", sandbox)
        assert launched.startswith("t3.medium at $0.0")
        assert "Accuracy" in verdict
        assert url == f"{sandbox.github.url}/octo/random-forest/pull/1"
        assert prediction.startswith("RandomForestClassifier predicts [")
        assert {instance.state for instance in sandbox.aws.instances()} == {"terminated"}
        assert not sandbox.github.hub.runners.of(sandbox.repository)

        waiting, _, url = printed("from_env.py", tmp_path / "project", sandbox)
        assert waiting.startswith("t3a.medium waits for jobs with the label cmlkit-")
        assert url == f"{sandbox.github.url}/octo/random-forest/pull/2"
        assert {instance.state for instance in sandbox.aws.instances()} == {"terminated"}

        sandbox.merge_newest_pull_request()
        repository, clone = sandbox.github.hub.repository(sandbox.repository).git.path, tmp_path / "clone"
        subprocess.run(["git", "clone", "--quiet", str(repository), str(clone)], check=True)
        version, *_, tag, path = printed("versions.py", clone, sandbox)
        assert "Accuracy" in version
        assert tag == "model/random_forest/production/1"
        assert (clone / path).is_file()
