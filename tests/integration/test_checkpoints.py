"""Checkpoints of real trainings: saved to S3 or to the job's own folder, and restored by the next attempt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import Interrupted, PermissionDenied, SettingsError, TrainingFailed
from cmlkit.settings.schema import TrainSpec
from cmlkit.stores import s3_checkpoints
from cmlkit.stores.s3_checkpoints import S3Checkpoints
from cmlkit.training.train import train
from tests.bucket import bucket
from tests.integration.project import RecordedProgress

# Each of them trains in processes of its own.
pytestmark = pytest.mark.slow

BUCKET = "checkpoints"
STORE = f"s3://{BUCKET}/trainings"
DEADLINE_SECONDS = 60
RUN_ID = "4711"
RESTORED = "1 file, 12 B, saved"

# Trains three epochs, and ends with the first signal after having written its state, as the documentation advises.
TRAINING = """
import json, os, pathlib, signal, sys, time
folder = pathlib.Path("checkpoints")
folder.mkdir(exist_ok=True)
state_file = folder / "state.json"
epoch = json.loads(state_file.read_text())["epoch"] if state_file.exists() else 0
pathlib.Path("began").write_text(f"epoch {epoch}")
def save(epoch):
    part = folder / "state.part"
    part.write_text(json.dumps({"epoch": epoch}))
    part.replace(state_file)
def end(*_):
    save(epoch)
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
while epoch < 3:
    epoch += 1
    save(epoch)
    pathlib.Path("epoch").write_text(str(epoch))
    until = pathlib.Path("hold")
    while epoch == 2 and until.exists():
        time.sleep(0.02)
model = pathlib.Path("model")
model.mkdir(exist_ok=True)
(model / "m.joblib").write_text("weights")
(model / "metrics.txt").write_text("accuracy: 0.9")
"""
SPEC = TrainSpec(
    run="python train.py", model="model/m.joblib", plots=(), data=(), checkpoint="checkpoints/", checkpoint_store=STORE
)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with bucket(BUCKET) as client:
        yield client


@pytest.fixture
def empty(s3: Any) -> Any:
    """The client of a bucket without objects."""
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    return s3


def job(*, attempt: int = 1, runner: str = "runner-a", name: str = "train", index: str = "0") -> dict[str, str]:
    """The environment of a job of GitHub Actions; the variables are those of its documentation."""
    facts = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "octo/forest",
        "GITHUB_RUN_ID": RUN_ID,
        "GITHUB_RUN_ATTEMPT": str(attempt),
        "GITHUB_JOB": name,
        "CMLKIT_JOB_INDEX": index,
        "RUNNER_NAME": runner,
    }
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **facts}


def checkout(folder: Path, *, holds: bool = False) -> Path:
    """What the checkout of an attempt has: the code, and no checkpoint."""
    folder.mkdir()
    (folder / "train.py").write_text(TRAINING)
    if holds:
        (folder / "hold").touch()
    return folder


def begun(folder: Path, environ: dict[str, str], *flags: str) -> subprocess.Popen[str]:
    """`cmlkit train` in a process of its own, in its second epoch."""
    flags = ("--model", "model/m.joblib", "--checkpoint", "checkpoints", *flags)
    process = subprocess.Popen(
        [sys.executable, "-m", "cmlkit", "train", *flags, "--", "python", "train.py"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: (folder / "epoch").exists() and (folder / "epoch").read_text() == "2", process)
    return process


def until(condition: Any, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.02)


def objects(client: Any) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def saved(client: Any) -> dict[str, str]:
    """Path -> content of what the next attempt would restore."""
    (manifest,) = (key for key in objects(client) if key.endswith("manifest.json"))
    folder = manifest.removesuffix("manifest.json")
    listed = json.loads(client.get_object(Bucket=BUCKET, Key=manifest)["Body"].read())
    return {
        file["path"]: client.get_object(Bucket=BUCKET, Key=f"{folder}files/{file['sha256']}")["Body"].read().decode()
        for file in listed["files"]
    }


def failed(folder: Path, spec: TrainSpec) -> Path:
    """A first attempt that failed after its third epoch."""
    checkout(folder)
    (folder / "train.py").write_text(TRAINING.replace('model = pathlib.Path("model")', "raise SystemExit(3)"))
    with pytest.raises(TrainingFailed):
        train(spec, directory=folder, environ=job())
    return folder


def test_what_a_signal_ends_goes_on_in_the_next_attempt_from_its_checkpoint(empty: Any, tmp_path: Path) -> None:
    first = begun(checkout(tmp_path / "first", holds=True), job(), "--checkpoint-store", STORE)
    first.send_signal(signal.SIGTERM)
    printed = first.communicate(timeout=DEADLINE_SECONDS)[0]
    assert first.returncode == 130, printed
    assert (tmp_path / "first" / "began").read_text() == "epoch 0"
    assert saved(empty) == {"state.json": '{"epoch": 2}'}
    second = checkout(tmp_path / "second")
    progress = RecordedProgress()
    train(SPEC, directory=second, environ=job(attempt=2, runner="b"), progress=progress)
    assert (second / "began").read_text() == "epoch 2"
    assert any(RESTORED in note for note in progress.notes)
    assert objects(empty) == []


def test_a_training_that_runs_is_saved_every_few_minutes(empty: Any, tmp_path: Path) -> None:
    flags = ("--checkpoint-store", STORE, "--checkpoint-every", "0.1s")
    process = begun(checkout(tmp_path / "first", holds=True), job(), *flags)
    until(lambda: len(objects(empty)) == 2 and saved(empty), process)
    # As the machine goes when nobody was told: the training got no signal.
    process.kill()
    (tmp_path / "first" / "hold").unlink()
    process.communicate(timeout=DEADLINE_SECONDS)
    progress = RecordedProgress()
    run = train(SPEC, directory=checkout(tmp_path / "second"), environ=job(attempt=2), progress=progress)
    assert run.metrics == {"accuracy": 0.9}
    assert any(RESTORED in note for note in progress.notes)


def test_a_training_that_fails_is_saved_too_and_a_first_attempt_restores_nothing(empty: Any, tmp_path: Path) -> None:
    failed(tmp_path / "first", SPEC)
    assert saved(empty) == {"state.json": '{"epoch": 3}'}
    again = checkout(tmp_path / "again")
    train(SPEC, directory=again, environ=job())
    assert (again / "began").read_text() == "epoch 0"
    assert objects(empty) == []


@pytest.mark.parametrize(
    "other",
    [
        {"GITHUB_RUN_ID": "4712"},
        {"GITHUB_REPOSITORY": "octo/other"},
        {"GITHUB_JOB": "train-more"},
        {"CMLKIT_JOB_INDEX": "1"},
    ],
)
def test_no_other_run_job_or_entry_of_a_matrix_restores_it(empty: Any, tmp_path: Path, other: dict[str, str]) -> None:
    failed(tmp_path / "first", SPEC)
    progress = RecordedProgress()
    train(SPEC, directory=checkout(tmp_path / "second"), environ=job(attempt=2) | other, progress=progress)
    assert "No earlier attempt saved a checkpoint: training starts from the beginning." in progress.notes
    assert (tmp_path / "second" / "began").read_text() == "epoch 0"
    assert saved(empty) == {"state.json": '{"epoch": 3}'}


def test_a_damaged_file_is_not_restored_and_training_starts_from_the_beginning(empty: Any, tmp_path: Path) -> None:
    failed(tmp_path / "first", SPEC)
    (key,) = (key for key in objects(empty) if "/files/" in key)
    empty.put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    progress = RecordedProgress()
    second = checkout(tmp_path / "second")
    assert train(SPEC, directory=second, environ=job(attempt=2), progress=progress).metrics == {"accuracy": 0.9}
    (warning,) = progress.warnings
    assert "was not restored: state.json of the checkpoint is not as it was saved" in warning


def test_a_bucket_that_does_not_exist_is_told_before_anything_is_trained(empty: Any, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "first")
    spec = TrainSpec(run=SPEC.run, checkpoint="checkpoints", checkpoint_store="s3://no-such-bucket/x")
    with pytest.raises(SettingsError) as raised:
        train(spec, directory=folder, environ=job())
    assert "NoSuchBucket" in raised.value.message
    assert raised.value.next_step == "Create the bucket, or correct the setting train.checkpoint-store."
    assert not (folder / "epoch").exists()


def test_missing_credentials_are_told_before_anything_is_trained(
    empty: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    folder = checkout(tmp_path / "first")
    with pytest.raises(PermissionDenied) as raised:
        train(SPEC, directory=folder, environ=job())
    assert "runner.iam-instance-profile" in raised.value.next_step
    assert not (folder / "epoch").exists()


def test_a_save_that_fails_never_fails_the_training(empty: Any, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "first")
    # The training removes the bucket that its checkpoint should go to, and then fails for a reason of its own.
    remove = f"import boto3; c = boto3.client('s3'); b = {BUCKET!r}\n"
    remove += "for o in c.list_objects_v2(Bucket=b).get('Contents', ()): c.delete_object(Bucket=b, Key=o['Key'])\n"
    remove += "for o in c.list_object_versions(Bucket=b).get('Versions', []):"
    remove += " c.delete_object(Bucket=b, Key=o['Key'], VersionId=o['VersionId'])\n"
    remove += "for o in c.list_object_versions(Bucket=b).get('DeleteMarkers', []):"
    remove += " c.delete_object(Bucket=b, Key=o['Key'], VersionId=o['VersionId'])\nc.delete_bucket(Bucket=b)\n"
    (folder / "train.py").write_text(TRAINING + remove + "raise SystemExit(5)\n")
    progress = RecordedProgress()
    try:
        with pytest.raises(TrainingFailed, match="exit code 5"):
            train(SPEC, directory=folder, environ=job(), progress=progress)
    finally:
        empty.create_bucket(Bucket=BUCKET)
    assert any("The checkpoint was not saved: S3 refused" in warning for warning in progress.warnings)


def test_without_a_bucket_a_step_of_the_workflow_carries_the_checkpoint(tmp_path: Path) -> None:
    spec = TrainSpec(run=SPEC.run, model=SPEC.model, plots=(), data=(), checkpoint="checkpoints")
    failed(tmp_path / "first", spec)
    carried = tmp_path / "first" / ".cmlkit" / "checkpoint"
    assert len(list(carried.glob("*/manifest.json"))) == 1
    second = checkout(tmp_path / "second")
    (second / ".cmlkit").mkdir()
    carried.rename(second / ".cmlkit" / "checkpoint")
    progress = RecordedProgress()
    train(spec, directory=second, environ=job(attempt=2, runner="b"), progress=progress)
    assert any(RESTORED in note for note in progress.notes)
    assert list((second / ".cmlkit" / "checkpoint").glob("*")) == []


def test_a_folder_that_another_run_left_on_the_machine_is_not_restored(tmp_path: Path) -> None:
    spec = TrainSpec(run=SPEC.run, model=SPEC.model, plots=(), data=(), checkpoint="checkpoints")
    folder = failed(tmp_path / "first", spec)
    (folder / "train.py").write_text(TRAINING)
    (folder / "checkpoints" / "state.json").unlink()
    progress = RecordedProgress()
    train(spec, directory=folder, environ=job(attempt=2) | {"GITHUB_RUN_ID": "4712"}, progress=progress)
    assert "No earlier attempt saved a checkpoint: training starts from the beginning." in progress.notes


def test_outside_of_a_ci_nothing_is_saved(tmp_path: Path) -> None:
    environ = {name: value for name, value in job().items() if not name.startswith(("GITHUB_", "CMLKIT_"))}
    progress = RecordedProgress()
    train(SPEC, directory=checkout(tmp_path / "here"), environ=environ, progress=progress)
    assert any("is not saved: this is no job of a CI" in note for note in progress.notes)


def test_a_file_larger_than_a_part_is_sent_in_parts(
    empty: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_checkpoints, "PART_BYTES", 5 * 1024**2)  # the least that S3 takes
    content = os.urandom(12 * 1024**2)
    file = tmp_path / "large"
    file.write_bytes(content)
    store = S3Checkpoints(f"{STORE}/x")
    with file.open("rb") as opened:
        store.put(opened, "a" * 64, size=len(content), still=lambda: None)
    assert b"".join(store.get("a" * 64)) == content
    store.clear()
    assert objects(empty) == []


def test_a_large_file_for_which_there_is_no_time_leaves_nothing_in_s3(
    empty: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_checkpoints, "PART_BYTES", 5 * 1024**2)
    file = tmp_path / "large"
    file.write_bytes(bytes(12 * 1024**2))
    looks: list[None] = []

    def still() -> None:
        looks.append(None)
        if len(looks) == 2:
            raise Interrupted("no time")

    with file.open("rb") as opened, pytest.raises(Interrupted):
        S3Checkpoints(f"{STORE}/x").put(opened, "a" * 64, size=file.stat().st_size, still=still)
    assert objects(empty) == []
    assert empty.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
