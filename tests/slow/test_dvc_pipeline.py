"""Models that are outputs of a DVC pipeline: the real DVC runs, keeps and restores them, and cmlkit publishes them."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cmlkit.errors import ModelError, SettingsError
from cmlkit.model.file import write_manifest
from cmlkit.model.loading import load_model
from cmlkit.publishing.publication import Publication
from cmlkit.records.training_run import TrainingRun
from cmlkit.registry.pulling import pull_model
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.train import train
from tests.bucket import bucket
from tests.integration.project import REPOSITORY, Project, project

PIPELINE = """\
stages:
  prepare:
    cmd: python prepare.py
    deps: [prepare.py, data.csv]
    outs: [prepared.csv]
  train:
    cmd: python train.py
    deps: [train.py, prepared.csv]
    outs: [forest]
  evaluate:
    cmd: python evaluate.py
    deps: [evaluate.py, forest]
    metrics: [metrics.json]
    plots: [scores.csv]
"""
PREPARE = "import pathlib; pathlib.Path('prepared.csv').write_text(pathlib.Path('data.csv').read_text().upper())\n"
TRAIN = """\
import json, pathlib, pickle
rows = pathlib.Path("prepared.csv").read_text().split()
folder = pathlib.Path("forest")
(folder / "trees").mkdir(parents=True, exist_ok=True)
(folder / "model.pkl").write_bytes(pickle.dumps({"rows": len(rows)}))
(folder / "trees" / "first.json").write_text(json.dumps(rows))
(folder / "trees.txt").write_text("1")
"""
EVALUATE = """\
import json, pathlib, pickle
rows = pickle.loads(pathlib.Path("forest/model.pkl").read_bytes())["rows"]
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": 1 - 1 / rows}))
pathlib.Path("scores.csv").write_text(f"row,score\\n1,{rows}\\n")
"""
SCORE = """\
import json, os, pathlib, pickle
rows = pickle.loads((pathlib.Path(os.environ["CMLKIT_MODEL"]) / "model.pkl").read_bytes())["rows"]
pathlib.Path(os.environ["CMLKIT_SCORES"]).write_text(json.dumps({"accuracy": 1 - 1 / rows}))
"""
SPEC = TrainSpec(run="dvc repro", model="forest", metrics=("metrics.json",), plots=("scores.csv",), data=())
OUTPUTS = {"prepared.csv", "metrics.json", "scores.csv", "forest/model.pkl"}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(autouse=True)
def quiet_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine without a person's settings, with DVC on PATH, and nothing reported."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "dvc-global"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc-site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture
def s3() -> Iterator[Any]:
    with bucket("data") as client:
        yield client


@pytest.fixture
def there(tmp_path: Path, s3: Any) -> Iterator[Project]:
    """A repository with a three-stage pipeline whose remote is a bucket; nothing has run yet."""
    with project(tmp_path) as found:
        start = tmp_path / "start"
        start.mkdir()
        run(start, "git", "init", "--quiet")
        dvc(start, "init", "--quiet")
        dvc(start, "remote", "add", "--default", "bucket", "s3://data/dvc")
        dvc(start, "remote", "modify", "bucket", "endpointurl", os.environ["AWS_ENDPOINT_URL"])
        files = {"prepare.py": PREPARE, "train.py": TRAIN, "evaluate.py": EVALUATE, "dvc.yaml": PIPELINE}
        kept = {path: (start / path).read_text() for path in (".dvc/config", ".dvc/.gitignore", ".dvcignore")}
        found.commit_to("main", {**files, **kept, "data.csv": "a\nb\n"})
        yield found


def clone(there: Project, folder: Path) -> Path:
    """A fresh clone, in which the project then works as a job does in its checkout."""
    run(folder.parent, "git", "clone", "--quiet", f"{there.github.url}/{REPOSITORY}.git", str(folder))
    there.directory = folder
    return folder


def trained_and_published(there: Project, spec: TrainSpec = SPEC, *, run_id: str, **options: Any) -> Publication:
    trained = train(spec, directory=there.directory, environ=os.environ)
    return there.publish(trained, run_id=run_id, **options)


def merged(there: Project, published: Publication) -> None:
    assert published.pull_request_number is not None
    there.merge(published.pull_request_number)


def test_two_days_of_a_pipeline_leave_a_repository_in_which_dvc_has_nothing_to_do(
    there: Project, tmp_path: Path
) -> None:
    clone(there, tmp_path / "first")
    merged(there, trained_and_published(there, run_id="1"))
    second = clone(there, tmp_path / "second")
    assert OUTPUTS.isdisjoint(there.files("main"))
    assert {"dvc.lock", ".gitignore", "forest.json", "forest.md"} <= there.files("main")
    dvc(second, "pull")
    assert "didn't change" in dvc(second, "repro")
    assert json.loads(dvc(second, "status", "--json")) == {}
    there.commit_to("main", {"data.csv": "a\nb\nc\nd\n"})
    third = clone(there, tmp_path / "third")
    dvc(third, "pull")
    published = trained_and_published(there, run_id="2")
    assert "accuracy 0.75 against 0.5" in published.verdict.headline
    merged(there, published)
    last = clone(there, tmp_path / "last")
    dvc(last, "pull")
    assert json.loads(dvc(last, "status", "--json")) == {}
    assert run(last, "git", "status", "--porcelain") == ""
    assert json.loads((last / "forest/trees/first.json").read_text()) == ["A", "B", "C", "D"]


def test_the_folder_is_pulled_and_loaded_through_the_lock_file(there: Project, tmp_path: Path) -> None:
    clone(there, tmp_path / "first")
    published = trained_and_published(there, run_id="1")
    merged(there, published)
    folder = clone(there, tmp_path / "second")
    with pytest.raises(ModelError, match="Its hash matches its manifest"):  # and no library is known
        load_model(folder / "forest", cache=tmp_path / "cache")
    assert not (folder / "forest").exists()
    pulled = pull_model(folder, model="forest")
    assert (pulled.store, pulled.sha256) == ("dvc", published.model_sha256)
    assert json.loads((folder / "forest/trees/first.json").read_text()) == ["A", "B"]
    assert run(folder, "git", "status", "--porcelain") == ""
    assert "forest" not in dvc(folder, "diff")


def test_the_next_days_training_scores_the_champion_that_only_dvc_has(there: Project, tmp_path: Path) -> None:
    clone(there, tmp_path / "first")
    merged(there, trained_and_published(there, run_id="1"))
    there.commit_to("main", {"data.csv": "a\nb\nc\nd\n", "score.py": SCORE})
    clone(there, tmp_path / "second")
    trained = train(
        dataclasses.replace(SPEC, score="python score.py"),
        directory=there.directory,
        environ=os.environ,
        progress=there.progress,
    )
    assert there.progress.warnings == []
    assert trained.rescored is not None
    assert trained.rescored.metrics == {"accuracy": 0.5}


ONE_FILE = """\
stages:
  train:
    cmd: python one.py
    deps: [one.py, data.csv]
    outs: [model/m.pkl]
    metrics: [model/metrics.json: {cache: false}]
"""
ONE = """\
import pathlib, pickle
rows = pathlib.Path("data.csv").read_text().split()
pathlib.Path("model").mkdir(exist_ok=True)
pathlib.Path("model/m.pkl").write_bytes(pickle.dumps({"rows": len(rows)}))
pathlib.Path("model/metrics.json").write_text('{"accuracy": %r}' % (1 - 1 / len(rows)))
"""
ONE_SPEC = dataclasses.replace(SPEC, model="model/m.pkl", metrics=("model/metrics.json",), plots=())


@pytest.fixture
def one(there: Project) -> Project:
    """The same with one stage, whose model is a file and whose metrics git keeps."""
    there.commit_to("main", {"dvc.yaml": ONE_FILE, "one.py": ONE})
    return there


def test_a_model_that_is_one_file_is_kept_by_dvc_and_its_metrics_by_git(one: Project, tmp_path: Path) -> None:
    clone(one, tmp_path / "first")
    merged(one, trained_and_published(one, ONE_SPEC, run_id="1"))
    there = one.files("main")
    assert {"model/.gitignore", "model/metrics.json", "model/m.pkl.json", "dvc.lock"} <= there
    assert {"model/m.pkl", "model/m.pkl.dvc"}.isdisjoint(there)
    folder = clone(one, tmp_path / "second")
    assert load_model(folder / "model/m.pkl", cache=tmp_path / "cache") == {"rows": 2}
    assert pull_model(folder, model="model/m.pkl").store == "dvc"
    assert json.loads(dvc(folder, "status", "--json")) == {}
    for store in ("git", "dvc"):
        assert not published_again(one, store=store).changed
        assert one.progress.warnings == []
    assert not published_again(one, store="lfs").changed
    assert one.progress.warnings == [
        "model/m.pkl is an output of dvc.yaml: DVC pushes it, and publish.store lfs gets nothing."
    ]


def published_again(there: Project, **options: Any) -> Publication:
    """Publish the training of the first clone once more."""
    record = (there.directory.parent / "first" / ".cmlkit" / "run.json").read_text()
    return there.publish(TrainingRun.from_json(record), run_id="9", **options)


def test_a_model_that_git_had_leaves_git_as_dvc_takes_no_file_that_git_tracks(one: Project, tmp_path: Path) -> None:
    folder = clone(one, tmp_path / "first")
    trained = train(ONE_SPEC, directory=folder, environ=os.environ)
    one.commit_to("main", {"model/m.pkl": "an earlier model"})
    merged(one, one.publish(trained, run_id="1"))
    assert "model/m.pkl" not in one.files("main")
    last = clone(one, tmp_path / "second")
    dvc(last, "pull")
    assert "didn't change" in dvc(last, "repro")


def test_stages_that_others_have_run_meanwhile_stay_as_they_are(one: Project, tmp_path: Path) -> None:
    folder = clone(one, tmp_path / "first")
    trained = train(ONE_SPEC, directory=folder, environ=os.environ)
    one.commit_to("main", {"dvc.lock": "schema: '2.0'\nstages:\n  other:\n    cmd: 'true'\n"})
    merged(one, one.publish(trained, run_id="1"))
    assert {"other", "train"} == set(yaml.safe_load(one.git("show", "main:dvc.lock"))["stages"])


def test_a_model_that_dvc_cannot_push_is_refused_before_anything_is_written(one: Project, tmp_path: Path) -> None:
    folder = clone(one, tmp_path / "first")
    trained = train(ONE_SPEC, directory=folder, environ=os.environ)
    (folder / "model/m.pkl").write_bytes(pickle.dumps("another"))
    write_manifest(folder / "model/m.pkl", metrics=trained.metrics)
    with pytest.raises(ModelError, match=r"is not the one that dvc\.lock describes"):
        one.publish(trained, run_id="1")
    dvc(folder, "commit", "--force")
    dvc(folder, "remote", "remove", "bucket")
    with pytest.raises(SettingsError, match="no default remote"):
        one.publish(trained, run_id="1")
    assert one.branches() == {"main"}


def test_an_output_with_cache_false_stays_in_git_and_the_lock_file_with_it(one: Project, tmp_path: Path) -> None:
    one.commit_to("main", {"dvc.yaml": ONE_FILE.replace("[model/m.pkl]", "[model/m.pkl: {cache: false}]")})
    clone(one, tmp_path / "first")
    merged(one, trained_and_published(one, ONE_SPEC, run_id="1"))
    assert {"dvc.lock", "model/m.pkl"} <= one.files("main")
    folder = clone(one, tmp_path / "second")
    assert "didn't change" in dvc(folder, "repro")
    with pytest.raises(SettingsError, match="cache: false"):
        published_again(one, store="dvc")


def test_the_metrics_of_a_champion_without_a_manifest_are_read_through_the_lock_file(
    there: Project, tmp_path: Path
) -> None:
    folder = clone(there, tmp_path / "first")
    dvc(folder, "repro")
    dvc(folder, "push")
    there.commit_to("main", {"dvc.lock": (folder / "dvc.lock").read_text()})
    there.commit_to("main", {"data.csv": "a\nb\nc\nd\n"})
    clone(there, tmp_path / "second")
    assert "accuracy 0.75 against 0.5" in trained_and_published(there, run_id="1").verdict.headline
