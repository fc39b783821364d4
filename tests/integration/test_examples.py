"""The examples that need no further library, and those that `cmlkit init` finds everything in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cmlkit.__main__ import run
from cmlkit.model.loading import load_model
from tests.integration.examples import EXAMPLES, published
from tests.integration.project import Project, project

ACTIONLINT = Path(sys.prefix) / "bin" / "actionlint"
SETTINGS = sorted(EXAMPLES.glob("*/cmlkit.yaml"))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path / "there") as found:
        yield found


@pytest.mark.slow
def test_the_regression_is_published_by_its_error(there: Project) -> None:
    publication, manifest = published(there, "regression")
    assert (publication.verdict.outcome, manifest.format, manifest.library) == ("first", "joblib", "scikit-learn")
    assert set(manifest.metrics) == {"mae", "r2"}
    assert "model/predictions.png" in publication.files
    assert load_model(there.directory / "model/regression.joblib").n_features_in_ == 10


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("place", ["hosted", "ec2"])
def test_init_finds_in_an_example_what_its_settings_say(settings: Path, place: str, checkout: Path) -> None:
    shutil.copytree(
        settings.parent, checkout, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cmlkit.yaml", "score.py")
    )
    assert run(["init", "--on", place], environ=os.environ) == 0
    found, wanted = (yaml.safe_load(file.read_text())["train"] for file in (checkout / "cmlkit.yaml", settings))
    # An example asks for no more than pip; init gets uv first, which installs the same sooner.
    assert found.pop("setup").replace("pip install uv && python -m uv pip", "pip") == wanted.pop("setup")
    assert found == {key: value for key, value in wanted.items() if key != "score"}
    [workflow] = (checkout / ".github" / "workflows").iterdir()
    subprocess.run([ACTIONLINT, workflow], check=True)


def test_init_keeps_the_settings_of_an_example(checkout: Path) -> None:
    shutil.copytree(EXAMPLES / "regression", checkout, dirs_exist_ok=True)
    assert run(["init", "--on", "hosted"], environ=os.environ) == 0
    assert (checkout / "cmlkit.yaml").read_bytes() == (EXAMPLES / "regression" / "cmlkit.yaml").read_bytes()
