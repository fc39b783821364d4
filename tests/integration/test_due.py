"""Whether a training is due: a repository as it is after a result was merged, and what people change in it then."""

from __future__ import annotations

import dataclasses
import datetime
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cmlkit.data.fingerprint import fingerprints
from cmlkit.model.file import write_manifest
from cmlkit.model.manifest import read_manifest
from cmlkit.records.training_run import DataFingerprint
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training import remote
from cmlkit.training.due import Checkout, Due, Trained, asked_for, judge_due
from cmlkit.training.train import train
from tests.bucket import bucket
from tests.integration.test_training import environ

SPEC = TrainSpec(run="python train.py", model="model/m.joblib", metrics=("model/metrics.txt",), plots=())
NOTHING = Due(due=False, reason="Nothing has changed since the champion was trained.")
DAY = 86_400.0
LFS = "filter=lfs diff=lfs merge=lfs -text"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, **files: str) -> str:
    """Commit files whose names have `__` for a slash and `_` for a dot."""
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "By hand")
    return git(folder, "rev-parse", "HEAD").strip()


def table(mean: float) -> str:
    numbers = random.Random(1)
    return "age\n" + "".join(f"{numbers.gauss(mean, 1):.4f}\n" for _ in range(500))


def trained(folder: Path, *, at: str, spec: TrainSpec = SPEC) -> Trained:
    """A training's result, merged into the branch."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / spec.model).write_bytes(b"weights")
    data = fingerprints(spec.data, folder, missing=lambda _: None)
    write_manifest(folder / spec.model, metrics={"acc": 0.9}, parameters=spec.params, commit=at, data=data)
    commit(folder, model__metrics_txt="acc: 0.9\n", model___gitattributes="/*.json linguist-generated=true\n")
    return Trained(name="the champion", manifest=read_manifest(folder / spec.model))


@pytest.fixture
def there(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    return tmp_path


def begun(there: Path) -> Trained:
    return trained(there, at=commit(there, train_py="fit()\n", data__a_csv=table(0), params_yaml="depth: 5\n"))


def due(there: Path, *models: Trained, spec: TrainSpec = SPEC, now: float = 0.0) -> Due:
    place = Checkout(directory=there, prefix=PurePosixPath(), list_remote=unlisted, changed_elsewhere=list, outputs=())
    return judge_due(spec, models, place, now=now)


def unlisted(address: str) -> DataFingerprint:
    raise AssertionError(address)


def with_(**values: Any) -> TrainSpec:
    return dataclasses.replace(SPEC, **values)


@pytest.mark.parametrize(
    ("before", "after", "is_due"),
    [
        ("", f"/model/m.joblib {LFS}\n", False),
        ("* text=auto\n", f"* text=auto\n/model/m.joblib {LFS}\n", False),
        (f"/model/m.joblib {LFS}\n* text=auto\n", "* text=auto\n", False),
        ("", f"/model/m.joblib/part {LFS}\n", False),
        ("* text=auto\n", f"/model/m.joblib {LFS}\n", True),
        ("", f"/data/a.csv {LFS}\n", True),
    ],
)
def test_the_entry_for_git_lfs_that_a_publication_writes_is_no_change_of_the_code(
    there: Path, before: str, after: str, is_due: bool
) -> None:
    at = commit(there, train_py="fit()\n", data__a_csv=table(0), **({"_gitattributes": before} if before else {}))
    model = trained(there, at=at)
    commit(there, _gitattributes=after)
    assert due(there, model).due is is_due


def test_after_a_merge_nothing_is_due_until_something_changes(there: Path) -> None:
    assert due(there, begun(there)) == NOTHING


def test_without_a_model_the_first_training_is_due(there: Path) -> None:
    begun(there)
    assert due(there) == Due(due=True, reason="The base branch has no model yet.")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"train_py": "fit(2)\n"}, "Code changed: train.py."),
        ({"params_yaml": "depth: 6\n"}, "Parameters changed: params.yaml."),
        ({"requirements_txt": "numpy==2\n"}, "Environment changed: requirements.txt."),
        ({"uv_lock": "version = 1\n"}, "Environment changed: uv.lock."),
        ({"data__a_csv": "age\n1\n"}, "Data changed: data/a.csv."),
        ({"a_py": "", "b_py": "", "c_py": "", "params_yaml": "d: 1"}, "Files changed: a.py, b.py, c.py and 1 more."),
    ],
)
def test_a_tracked_file_that_changed_is_named(there: Path, files: dict[str, str], reason: str) -> None:
    champion = begun(there)
    commit(there, **files)
    assert due(there, champion) == Due(due=True, reason=reason)


def test_data_that_a_job_changed_without_a_commit_is_due_and_missing_data_cannot_be_told(there: Path) -> None:
    champion = begun(there)
    (there / "data" / "b.csv").write_text("age\n1\n")
    assert due(there, champion).reason == "Data changed: data/."
    made = with_(data=("made/",))
    assert "no fingerprint of made/" in due(there, champion, spec=made).reason
    (there / "made").mkdir()
    (there / "made" / "a.csv").write_text("age\n1\n")
    made_there = trained(there, at=git(there, "rev-parse", "HEAD").strip(), spec=made)
    git(there, "rm", "-r", "--quiet", "--cached", "made")
    commit(there, other_py="")
    (there / "made" / "a.csv").unlink()
    (there / "made").rmdir()
    at = git(there, "rev-parse", "HEAD").strip()
    write_manifest(there / SPEC.model, metrics={"acc": 0.9}, commit=at, data=made_there.manifest.data)
    found = Trained(name="the champion", manifest=read_manifest(there / SPEC.model))
    assert due(there, found, spec=made).reason.startswith("made/ is not in the checkout, so it cannot be told")


def test_no_data_named_cannot_be_told(there: Path) -> None:
    spec = with_(data=())
    commit(there, train_py="")
    champion = trained(there, at=git(there, "rev-parse", "HEAD").strip(), spec=spec)
    assert due(there, champion, spec=spec).reason.startswith("train.data names no data")


def test_a_file_of_dvc_stands_for_its_data(there: Path) -> None:
    at = commit(there, train_py="", data_dvc="outs: [{md5: a, path: data}]\n")
    champion = trained(there, at=at)
    assert due(there, champion) == NOTHING
    updating = due(there, champion, spec=with_(setup="dvc update data.dvc"))
    assert updating.reason == "The training runs dvc update, so it cannot be told whether its data changed."
    commit(there, data_dvc="outs: [{md5: b, path: data}]\n")
    assert due(there, champion).reason == "Data changed: data.dvc."


def test_a_pipelines_lock_file_is_an_output_and_its_stages_are_code(there: Path) -> None:
    stages = "stages: {train: {cmd: python train.py, deps: [train.py, raw.csv], outs: [model/m.joblib]}}\n"
    spec = with_(run="dvc repro", data=())
    champion = trained(there, at=commit(there, train_py="", raw_csv="1\n", dvc_yaml=stages), spec=spec)
    commit(there, dvc_lock="schema: '2.0'\n")
    assert due(there, champion, spec=spec) == NOTHING
    commit(there, dvc_yaml=stages.replace("python train.py", "python train.py --fast"))
    assert due(there, champion, spec=spec).reason == "Code changed: dvc.yaml."


def test_a_shallow_clone_cannot_tell_and_names_the_remedy(
    there: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    champion = begun(there)
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "--quiet", "--depth", "1", f"file://{there}", ".")
    assert "fetch-depth: 0" in due(clone, champion).reason


def test_the_champions_age_and_its_parameters(there: Path) -> None:
    at = commit(there, train_py="", data__a_csv=table(0))
    spec = with_(run="", estimator="sklearn.linear_model.Ridge", params={"alpha": 1.0}, max_age=7 * DAY)
    champion = trained(there, at=at, spec=spec)
    created = datetime.datetime.fromisoformat(champion.manifest.created).timestamp()
    assert due(there, champion, spec=spec, now=created + 6 * DAY) == NOTHING
    assert "train.max-age" in due(there, champion, spec=spec, now=created + 8 * DAY).reason
    other = dataclasses.replace(spec, params={"alpha": 2.0})
    assert due(there, champion, spec=other, now=created).reason == "Parameters changed: alpha."


def test_with_a_threshold_changed_data_is_due_from_a_drift_on(there: Path) -> None:
    champion, spec = begun(there), with_(drift=0.25)
    (there / "data" / "a.csv").write_text(table(0.05))
    assert due(there, champion, spec=spec) == NOTHING
    (there / "data" / "a.csv").write_text(table(2))
    assert due(there, champion, spec=spec).reason.startswith("Data drifted: a.csv: age by")


def test_a_candidate_that_waits_for_its_merge_is_not_trained_again(there: Path) -> None:
    champion = begun(there)
    at = commit(there, train_py="fit(3)\n")
    manifest = read_manifest(there / SPEC.model)
    candidate = Trained(name="the model of cmlkit/main/7", manifest=dataclasses.replace(manifest, commit=at))
    assert due(there, champion, candidate).reason == "Nothing has changed since the model of cmlkit/main/7 was trained."


def test_what_somebody_asked_for_is_due_whatever_changed() -> None:
    run: Callable[..., WorkflowRun] = lambda **values: WorkflowRun(repository="octo/forest", run_id="1", **values)  # noqa: E731
    found = [
        asked_for(SPEC, run(event="workflow_dispatch")),
        asked_for(SPEC, run(event="schedule", attempt=2)),
        asked_for(with_(due="always"), run(event="schedule")),
    ]
    assert all(each and each.due for each in found)
    assert asked_for(SPEC, run(event="schedule")) is None


def test_the_command_writes_outputs_and_ends_well_either_way(there: Path) -> None:
    begun(there)
    settings = "train: {run: python train.py, model: model/m.joblib, metrics: [model/metrics.txt], plots: []}\n"
    (there / "cmlkit.yaml").write_text(settings)  # not committed, so it is no change
    answers = []
    for variables in ({"GITHUB_EVENT_NAME": "schedule"}, {"GITHUB_EVENT_NAME": "workflow_dispatch"}):
        job = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "octo/forest", "GITHUB_REF": "refs/heads/main"}
        ended = subprocess.run(
            [sys.executable, "-m", "cmlkit", "due", "--json"],
            cwd=there,
            env={**environ(), **job, **variables, "GITHUB_OUTPUT": str(there / "out"), "GITHUB_RUN_ID": "7"},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(json.loads(ended.stdout))
    assert answers == [
        {"due": False, "reason": NOTHING.reason},
        {"due": True, "reason": "The workflow was started by hand."},
    ]
    assert "\ntrue\n" in (there / "out").read_text()


@pytest.mark.slow
def test_data_in_a_bucket_is_compared_by_a_listing_and_what_cannot_be_listed_is_due(there: Path) -> None:
    spec = with_(
        run="mkdir -p model && cp train.py model/m.joblib && echo acc: 1 > model/metrics.txt", data=("s3://data/day",)
    )
    commit(there, train_py="fit()\n")
    with bucket("data") as s3:
        s3.put_object(Bucket="data", Key="day/a.csv", Body=b"1")
        s3.put_object(Bucket="data", Key="daylight.csv", Body=b"1")
        train(spec, directory=there, environ=environ())
        champion = Trained(name="the champion", manifest=read_manifest(there / SPEC.model))
        place = Checkout(
            directory=there, prefix=PurePosixPath(), list_remote=remote.fingerprint, changed_elsewhere=list, outputs=()
        )
        s3.put_object(Bucket="data", Key="daylight.csv", Body=b"22")
        assert judge_due(spec, [champion], place, now=0) == NOTHING
        s3.put_object(Bucket="data", Key="day/a.csv", Body=b"2")
        fresh = dataclasses.replace(place, _found={})
        assert judge_due(spec, [champion], fresh, now=0).reason == "Data changed: s3://data/day."
    assert champion.manifest.data[0].size == 1
