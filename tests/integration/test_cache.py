"""The cache of real trainings in S3: between runs, between branches, and never from or for a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import TrainingFailed
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.train import train
from tests.bucket import bucket
from tests.integration.project import RecordedProgress

# Each of them trains in processes of its own.
pytestmark = pytest.mark.slow

BUCKET = "kept"
# The setup makes what is missing, as `uv` and `get_data.py` do, and tells that it had to.
SETUP = "test -e data/a.csv || { mkdir -p data && echo 1,2 > data/a.csv && touch was-missing; }"
TRAINING = """
import pathlib
model = pathlib.Path("model")
model.mkdir()
(model / "m.joblib").write_text("weights")
(model / "metrics.txt").write_text("accuracy: 0.9")
"""
SPEC = TrainSpec(
    setup=SETUP,
    run="python train.py",
    model="model/m.joblib",
    plots=(),
    data=(),
    cache=("data/", "~/.cache/uv"),
    cache_store=f"s3://{BUCKET}/trainings",
)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with bucket(BUCKET) as client:
        yield client


@pytest.fixture
def empty(s3: Any) -> Any:
    """The client of a bucket without objects."""
    for key in keys(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    return s3


def keys(client: Any) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def checkout(folder: Path, *, training: str = TRAINING) -> Path:
    (folder / "home").mkdir(parents=True)
    (folder / "train.py").write_text(training)
    (folder / "requirements.txt").write_text("numpy==2.3.5\n")
    return folder


def job(folder: Path, *, branch: str = "main", event: dict[str, Any] | None = None) -> dict[str, str]:
    """The environment of a job of GitHub Actions; the variables are those of its documentation."""
    payload = folder.parent / f"{folder.name}.json"
    payload.write_text(json.dumps({"repository": {"default_branch": "main"}, **(event or {})}))
    facts = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "octo/forest",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_REF": f"refs/heads/{branch}",
        "GITHUB_EVENT_NAME": "pull_request" if event else "push",
        "GITHUB_EVENT_PATH": str(payload),
        "HOME": str(folder / "home"),
    }
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **facts}


def trained(folder: Path, **about: Any) -> RecordedProgress:
    progress = RecordedProgress()
    train(SPEC, directory=checkout(folder), environ=job(folder, **about), progress=progress)
    return progress


def had_to_fetch(folder: Path) -> bool:
    return (folder / "was-missing").exists()


def test_the_next_run_of_the_branch_finds_what_the_first_one_fetched(empty: Any, tmp_path: Path) -> None:
    first = trained(tmp_path / "first")
    saved = keys(empty)
    assert [key.split("/")[:5] for key in saved] == [["trainings", "octo", "forest", "cache", "main"]] * 2
    second = trained(tmp_path / "second")
    assert (had_to_fetch(tmp_path / "first"), had_to_fetch(tmp_path / "second")) == (True, False)
    assert "1 file, 4 B, for runs on main" in first.notes
    assert any(note.startswith("1 file, 4 B, saved ") for note in second.notes)
    assert keys(empty) == saved
    assert first.warnings == second.warnings == []


def test_the_time_of_the_restoring_is_in_the_record(empty: Any, tmp_path: Path) -> None:
    trained(tmp_path / "first")
    folder = checkout(tmp_path / "second")
    run = train(SPEC, directory=folder, environ=job(folder))
    assert 0 < run.cache_seconds < run.started


def test_a_branch_reads_the_cache_of_the_default_branch_which_never_reads_that_of_the_branch(
    empty: Any, tmp_path: Path
) -> None:
    trained(tmp_path / "deeper", branch="deeper")
    trained(tmp_path / "main")
    assert had_to_fetch(tmp_path / "main")
    trained(tmp_path / "wider", branch="wider")
    assert not had_to_fetch(tmp_path / "wider")


def test_a_forks_pull_request_gets_no_cache_and_leaves_none(empty: Any, tmp_path: Path) -> None:
    fork = {"pull_request": {"number": 7, "head": {"ref": "main", "repo": {"full_name": "mallory/forest"}}}}
    trained(tmp_path / "first", event=fork)
    assert keys(empty) == []
    trained(tmp_path / "main")
    saved = keys(empty)
    progress = trained(tmp_path / "again", event=fork)
    assert had_to_fetch(tmp_path / "again")
    assert keys(empty) == saved
    assert "train.cache is not used, because this run is for a pull request from a fork." in progress.notes


def test_a_cache_that_was_cut_off_or_written_by_others_costs_a_warning_only(empty: Any, tmp_path: Path) -> None:
    trained(tmp_path / "first")
    (content,) = (key for key in keys(empty) if "/files/" in key)
    empty.put_object(Bucket=BUCKET, Key=content, Body=b"1,")
    progress = trained(tmp_path / "second")
    assert progress.warnings == ["The cache of main was not restored: It ends before its last file."]
    assert had_to_fetch(tmp_path / "second")
    assert trained(tmp_path / "third").warnings == []
    assert not had_to_fetch(tmp_path / "third")
    empty.delete_object(Bucket=BUCKET, Key=content)
    (warning,) = trained(tmp_path / "fourth").warnings
    assert "It was removed: see the bucket's lifecycle rules." in warning
    assert had_to_fetch(tmp_path / "fourth")


def test_a_training_that_fails_saves_no_cache(empty: Any, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "first", training="raise SystemExit(3)")
    with pytest.raises(TrainingFailed):
        train(SPEC, directory=folder, environ=job(folder))
    assert keys(empty) == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "AWS credentials for S3 are missing."),
        ({"CMLKIT_TRAIN_CACHE_STORE": "s3://another/prefix"}, "NoSuchBucket"),
    ],
    ids=["no instance profile", "no bucket"],
)
def test_without_a_bucket_that_may_be_used_the_command_trains_and_warns_once(
    variables: dict[str, str], says: str, empty: Any, tmp_path: Path
) -> None:
    folder = checkout(tmp_path / "first")
    environ = {
        **job(folder),
        "AWS_EC2_METADATA_DISABLED": "true",
        "CMLKIT_TRAIN_CACHE": "data/",
        "CMLKIT_TRAIN_CACHE_STORE": f"s3://{BUCKET}/trainings",
        **variables,
    }
    flags = ("--setup", SETUP, "--model", SPEC.model)
    done = subprocess.run(
        [sys.executable, "-m", "cmlkit", "train", *flags, "--", "python", "train.py"],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("The cache was not restored") == 1
    assert "The cache was not saved" not in done.stderr
    assert says in done.stderr
