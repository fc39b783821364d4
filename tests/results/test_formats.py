"""Models of real libraries: trained by a program of theirs, published, merged, published again, pulled and loaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmlkit.errors import ModelError
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import read_manifest
from cmlkit.model.verification import verify
from cmlkit.publishing.publication import Publication
from cmlkit.registry.pulling import pull_model
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.train import train
from tests.integration.project import Project, project
from tests.results.case import CASES, Case

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as made:
        for program in PROGRAMS.glob("*.py"):
            shutil.copy(program, made.directory)
        (made.directory / "model").mkdir()
        yield made


def environ() -> Mapping[str, str]:
    """Python as in the environment of these tests, and no more threads than it takes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}


def trained(there: Project, case: Case, number: int) -> tuple[Publication, Any]:
    """The publication of a training, and the predictions that its program made."""
    spec = TrainSpec(
        run=f"python {case.program}.py {case.model} {number}",
        model=case.model,
        metrics=("model/metrics.json",),
        plots=(),
        data=(),
    )
    run = train(spec, directory=there.directory, environ=environ())
    published = there.publish(run, run_id=str(number))
    assert published.pull_request_number
    there.merge(published.pull_request_number)
    return published, np.load(there.directory / "predictions.npy")


def clone(there: Project, place: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(there.repository.git.path), str(place)], check=True)
    return place


def from_report(report: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model that the report's own lines load in a clone."""
    (lines,) = re.findall(r"```python\n(.*?)```", report, re.DOTALL)
    monkeypatch.chdir(directory)
    names: dict[str, Any] = {}
    exec(lines, names)
    return names["model"]


def parameters() -> list[Any]:
    later = pytest.mark.skipif(sys.version_info >= (3, 14), reason="TensorFlow has no release for this Python")
    return [pytest.param(case, marks=[later] if case.library == "tensorflow" else []) for case in CASES]


@pytest.mark.parametrize(
    "case", parameters(), ids=lambda case: f"{case.program}-{case.format}{Path(case.model).suffix}"
)
def test_a_model_of_each_version_predicts_in_a_clone_as_when_it_was_trained(
    there: Project, tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    _, first = trained(there, case, 1)
    published, second = trained(there, case, 2)
    assert not np.allclose(first, second)
    checkout = clone(there, tmp_path / "clone")
    manifest = read_manifest(checkout / case.model)
    assert (manifest.format, manifest.library, manifest.library_version) == (case.format, case.library, case.version)
    verified = verify(checkout / case.model)
    assert (verified.matches, verified.format, verified.untrusted) == (True, case.format, case.trusted)
    before = pull_model(checkout, model=case.model, at="HEAD~1", output=tmp_path / "before" / Path(case.model).name)
    if case.predict is None:
        with pytest.raises(ModelError, match="which cmlkit does not load"):
            load_model(checkout / case.model)
        return
    loaded = load_model(checkout / case.model, trusted=case.trusted)
    assert np.allclose(np.ravel(case.predict(loaded)), second, atol=1e-5)
    loaded = load_model(tmp_path / "before" / Path(case.model).name, trusted=case.trusted)
    assert np.allclose(np.ravel(case.predict(loaded)), first, atol=1e-5)
    assert before.sha256 != manifest.sha256
    if not case.trusted:
        shown = from_report(published.report, checkout, monkeypatch)
        assert np.allclose(np.ravel(case.predict(shown)), second, atol=1e-5)
