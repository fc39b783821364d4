"""Training with an accelerator: what it did, what is saved, and what is said if it is missing."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.accelerator import Watched, check_command, watched_command
from cmlkit.training.train import train
from tests.integration.project import RecordedProgress

ENVIRON = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
# What scikit-learn-intelex does, as far as the training sees: classes in its own package, and a log line for each fit.
STAND_IN = {
    "sklearnex/__init__.py": """
import logging
def patch_sklearn(verbose=True):
    import sklearn.dummy
    class DummyClassifier(sklearn.dummy.DummyClassifier):
        def fit(self, X, y):
            logging.getLogger("sklearnex").info("sklearn.dummy.DummyClassifier.fit: running accelerated version on CPU")
            return super().fit(X, y)
    sklearn.dummy.DummyClassifier = DummyClassifier
"""
}
SCRIPT = """
import os, sys
from pathlib import Path
Path("model").mkdir(exist_ok=True)
Path("model/m.txt").write_text(os.environ.get("OWN", "not run"))
Path("model/metrics.txt").write_text("accuracy: 1")
if "fit" in sys.argv:
    from sklearn.dummy import DummyClassifier
    DummyClassifier().fit([[0], [1]], [0, 1])
"""


def project(folder: Path, *, installed: bool = True) -> tuple[TrainSpec, dict[str, str]]:
    """A script in a folder, beside packages of its own; return settings and environment."""
    files = {"train.py": SCRIPT, "own/sitecustomize.py": 'import os; os.environ["OWN"] = "run"'}
    for path, text in {
        **files,
        **({f"own/{name}": text for name, text in STAND_IN.items()} if installed else {}),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    spec = TrainSpec(run="python train.py fit", model="model/m.txt", plots=(), data=(), accelerator="intelex")
    return spec, {**ENVIRON, "PYTHONPATH": str(folder / "own")}


def test_a_command_is_accelerated_without_a_change_and_its_own_sitecustomize_runs(tmp_path: Path) -> None:
    spec, environ = project(tmp_path)
    progress = RecordedProgress()
    run = train(spec, directory=tmp_path, environ=environ, progress=progress, output=2)
    assert run.accelerator == "scikit-learn-intelex was active in 1 fit"
    assert (tmp_path / "model" / "m.txt").read_text() == "run"
    assert not [said for said in progress.warnings if "intelex" in said]


def test_an_accelerator_that_did_nothing_is_told_as_such(tmp_path: Path) -> None:
    spec, environ = project(tmp_path)
    progress = RecordedProgress()
    quiet = dataclasses.replace(spec, run="python train.py")
    run = train(quiet, directory=tmp_path, environ=environ, progress=progress, output=2)
    assert run.accelerator == "scikit-learn-intelex was not active: it told of no fit"
    assert f"{run.accelerator}, though train.accelerator is intelex." in progress.warnings


@pytest.mark.parametrize("name", ["intelex", "cuml"])
def test_a_missing_library_is_an_error_before_the_training(tmp_path: Path, name: str) -> None:
    spec, environ = project(tmp_path, installed=False)
    # -S leaves out what this environment has.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    environ["PATH"] = f"{tmp_path / 'bin'}:{environ['PATH']}"
    with pytest.raises(SettingsError, match="is not installed in"):
        train(dataclasses.replace(spec, accelerator=name), directory=tmp_path, environ=environ, output=2)
    assert not (tmp_path / "model").exists()
    # How another program starts Python, nobody can tell.
    check_command(name, "uv run train.py", tmp_path, environ)


def test_cuml_is_switched_on_by_its_own_variable() -> None:
    with watched_command("cuml", {"PYTHONPATH": "/lib"}) as (variables, _):
        assert variables["CUML_ACCEL_ENABLED"] == "1"
        assert variables["PYTHONPATH"].endswith(":/lib")
    with watched_command("none", {"A": "1"}) as (variables, _):
        assert variables == {"A": "1"}


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (["on", "on", "off"], "scikit-learn-intelex was active in 2 fits, 1 fit left to scikit-learn"),
        (["off"], "scikit-learn-intelex was not active: it left all fits to scikit-learn"),
        (["missing"], "scikit-learn-intelex was not active: it is not installed where the training ran"),
    ],
)
def test_the_report_has_what_the_library_told(told: list[str], sentence: str) -> None:
    watched = Watched(name="intelex")
    for word in told:
        watched.tell(word)
    assert watched.sentence == sentence
