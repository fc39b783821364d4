"""The cache around a training: restored before it, saved after it, and never the end of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cmlkit.errors import PermissionDenied, ServiceError
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.cache import keeping
from cmlkit.training.cache.keeping import Cache, cached
from cmlkit.training.cache.record import CacheRecord
from cmlkit.training.cache.scope import Scope
from tests.fake_forge import FastClock
from tests.unit.runner.told import Told
from tests.unit.test_files import no_room_beyond
from tests.unit.training.checkpoints.memory_store import MemoryStore

MAIN = Scope(own="main", readable=("main",))
DEEPER = Scope(own="deeper", readable=("deeper", "main"))
A_DAY = 86_400.0


class Bucket(dict[str, MemoryStore]):
    """Branch -> the store of its cache."""

    def __missing__(self, branch: str) -> MemoryStore:
        self[branch] = MemoryStore()
        return self[branch]

    @property
    def saved(self) -> set[str]:
        return {branch for branch, store in self.items() if store.written is not None}


class Run(NamedTuple):
    """A run on a fresh checkout of one machine."""

    folder: Path
    told: Told
    cache: Cache


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


def begun(folder: Path, bucket: Bucket, clock: FastClock, scope: Scope = MAIN) -> Run:
    """A run that has restored its cache."""
    (folder / "home").mkdir(parents=True, exist_ok=True)
    told = Told()
    places = {"data/": folder / "data", "~/.cache/uv": folder / "home" / ".cache" / "uv"}
    cache = Cache(places, scope=scope, open_store=bucket.__getitem__, progress=told, clock=clock)
    cache.restore()
    return Run(folder=folder, told=told, cache=cache)


def filled(run: Run, text: str = "1,2\n") -> Run:
    (run.folder / "data").mkdir(exist_ok=True)
    (run.folder / "data" / "a.csv").write_text(text)
    return run


def said(told: Told) -> str:
    return "\n".join((*told.notes, *told.ends))


def there(run: Run) -> str | None:
    """What the run has of its data."""
    file = run.folder / "data" / "a.csv"
    return file.read_text() if file.exists() else None


@pytest.fixture
def saved(tmp_path: Path, bucket: Bucket, clock: FastClock) -> MemoryStore:
    """The cache that a run on the default branch saved yesterday."""
    filled(begun(tmp_path / "yesterday", bucket, clock)).cache.save()
    clock.time += A_DAY
    return bucket["main"]


def test_the_next_run_of_the_branch_begins_with_what_the_first_one_saved(
    saved: MemoryStore, tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    run = begun(tmp_path / "today", bucket, clock)
    assert there(run) == "1,2\n"
    assert run.told.warnings == []
    assert "1 file, 4 B, saved 24 h ago on main" in said(run.told)
    assert {path.name for path in (tmp_path / "today").iterdir()} == {"data", "home"}


def test_a_cache_that_was_restored_is_not_saved_again(
    saved: MemoryStore, tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    run = begun(tmp_path / "today", bucket, clock)
    saved.calls.clear()
    filled(run, "more").cache.save()
    assert saved.calls == []


def test_another_branch_reads_the_default_branchs_cache_and_writes_its_own(
    saved: MemoryStore, tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    assert there(begun(tmp_path / "deeper", bucket, clock, DEEPER)) == "1,2\n"
    bucket["main"].clear()
    filled(begun(tmp_path / "again", bucket, clock, DEEPER), "of deeper").cache.save()
    assert bucket.saved == {"deeper"}
    assert there(begun(tmp_path / "main", bucket, clock)) is None


def test_a_run_without_a_branch_saves_nothing(tmp_path: Path, bucket: Bucket, clock: FastClock) -> None:
    run = filled(begun(tmp_path / "tag", bucket, clock, Scope(readable=("main",))))
    run.cache.save()
    assert bucket.saved == set()
    assert "not for a branch of its own" in said(run.told)


def test_an_empty_cache_is_told_and_nothing_is_saved_if_nothing_is_there(
    tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    run = begun(tmp_path / "first", bucket, clock)
    assert "No cache is there yet" in said(run.told)
    run.cache.save()
    assert bucket.saved == set()
    assert "nothing, as data/, ~/.cache/uv has no files" in said(run.told)


def changed(store: MemoryStore, **fields: Any) -> None:
    """Change fields of the first entry in the record, as anybody may who can write to the bucket."""
    assert store.written is not None
    record = json.loads(store.written)
    record["places"][0]["entries"][0] |= fields
    store.written = json.dumps(record).encode()


def emptied(store: MemoryStore) -> None:
    store.content = dict.fromkeys(store.content, b"")


def other_bytes(store: MemoryStore) -> None:
    store.content = dict.fromkeys(store.content, b"4,5\n")


def no_record(store: MemoryStore) -> None:
    store.written = b"\x1f\x8b not a record"


def out_of_place(store: MemoryStore) -> None:
    changed(store, path="../train.py")


@pytest.mark.parametrize("spoil", [emptied, other_bytes, no_record, out_of_place])
def test_a_broken_cache_is_a_warning_changes_nothing_and_is_saved_anew(
    spoil: Any, saved: MemoryStore, tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    spoil(saved)
    run = begun(tmp_path / "today", bucket, clock)
    (warning,) = run.told.warnings
    assert warning.startswith("The cache of main was not restored: ")
    assert {path.name for path in run.folder.iterdir()} == {"home"}
    filled(run, "again").cache.save()
    assert there(begun(tmp_path / "tomorrow", bucket, clock)) == "again"


def test_of_two_places_none_is_put_in_place_if_one_is_broken(tmp_path: Path, bucket: Bucket, clock: FastClock) -> None:
    run = filled(begun(tmp_path / "first", bucket, clock))
    (run.folder / "home" / ".cache" / "uv").mkdir(parents=True)
    (run.folder / "home" / ".cache" / "uv" / "CACHEDIR.TAG").write_text("Signature")
    run.cache.save()
    assert bucket["main"].written is not None
    record = CacheRecord.from_json(bucket["main"].written, paths=("data/", "~/.cache/uv"))
    bucket["main"].content[record.places[1].sha256] = b"Sign"
    assert there(begun(tmp_path / "today", bucket, clock)) is None


def test_what_the_bucket_refuses_is_told_once_and_not_tried_again(
    tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    def refuse(operation: str) -> None:
        raise PermissionDenied("S3 refused to list it.", next_step="The role needs s3:ListBucket there.")

    bucket["main"].before = refuse
    run = filled(begun(tmp_path / "first", bucket, clock))
    run.cache.save()
    assert run.told.warnings == [
        "The cache was not restored: S3 refused to list it. The role needs s3:ListBucket there."
    ]
    assert bucket["main"].calls == ["read_list"]


def test_a_save_that_fails_is_a_warning(tmp_path: Path, bucket: Bucket, clock: FastClock) -> None:
    def fail(operation: str) -> None:
        if operation == "put":
            raise ServiceError("S3 did not take it.")

    run = filled(begun(tmp_path / "first", bucket, clock))
    bucket["main"].before = fail
    run.cache.save()
    assert run.told.warnings == ["The cache was not saved: S3 did not take it."]
    assert bucket.saved == set()


def test_what_is_too_large_is_not_saved(
    tmp_path: Path, bucket: Bucket, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_BYTES", 3)
    run = filled(begun(tmp_path / "first", bucket, clock))
    run.cache.save()
    (warning,) = run.told.warnings
    assert warning.startswith("The cache was not saved: data/ has 1 file, 4 B, and at most 200,000 with 3 B are saved.")
    assert "put" not in bucket["main"].calls


def test_a_signal_ends_the_save_and_not_the_training_that_is_done(
    tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    """The boot script passes a spot interruption on as SIGTERM; two minutes are enough to publish."""
    run = filled(begun(tmp_path / "first", bucket, clock))
    before = signal.getsignal(signal.SIGTERM)
    bucket["main"].before = lambda operation: os.kill(os.getpid(), signal.SIGTERM)
    run.cache.save()
    assert run.told.warnings == ["The cache was not saved: a signal ended that."]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_save_that_takes_too_long_is_given_up(tmp_path: Path, bucket: Bucket, clock: FastClock) -> None:
    run = filled(begun(tmp_path / "first", bucket, clock))

    def take_long(operation: str) -> None:
        clock.time += 601.0

    bucket["main"].before = take_long
    run.cache.save()
    assert run.told.warnings == ["The cache was not saved: it took more than 10 min."]


def test_a_cache_for_which_the_disk_has_no_room_is_not_begun(
    saved: MemoryStore, tmp_path: Path, bucket: Bucket, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    run = begun(tmp_path / "today", bucket, clock)
    assert run.told.warnings == [
        "The cache of main was not restored: It has 4 B, and the disk has 3 B left. Set runner.disk-size."
    ]
    assert there(run) is None
    assert "get" not in saved.calls


def test_a_disk_that_turns_out_to_be_full_leaves_what_was_there_in_the_bucket_and_on_the_machine(
    tmp_path: Path, bucket: Bucket, clock: FastClock
) -> None:
    large = "".join(map(str, range(50_000)))
    filled(begun(tmp_path / "yesterday", bucket, clock), large).cache.save()
    saved = bucket["main"].written
    with no_room_beyond(1000):
        run = begun(tmp_path / "today", bucket, clock)
        assert there(run) is None
    # What the training then makes is larger than the disk's room for a second copy.
    filled(run, large[::-1])
    with no_room_beyond(1000):
        run.cache.save()
    assert [warning.partition(": ")[0] for warning in run.told.warnings] == [
        "The cache of main was not restored",
        "The cache was not saved",
    ]
    assert all("File too large" in warning for warning in run.told.warnings)
    assert (bucket["main"].written, there(run)) == (saved, large[::-1])
    assert {path.name for path in run.folder.iterdir()} == {"data", "home"}


SPEC = TrainSpec(run="python train.py", cache=("data/",), cache_store="s3://bucket/prefix")
RUN = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "octo/forest",
    "GITHUB_RUN_ID": "1",
    "GITHUB_SERVER_URL": "https://github.com",
}


@pytest.fixture
def from_a_fork(tmp_path: Path) -> dict[str, str]:
    """The environment of GitHub's event `pull_request` of a fork."""
    event = {
        "pull_request": {"number": 7, "head": {"ref": "main", "repo": {"full_name": "mallory/forest"}}},
        "repository": {"default_branch": "main"},
    }
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    return {**RUN, "GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(file)}


def test_a_forks_run_asks_no_bucket(tmp_path: Path, from_a_fork: dict[str, str]) -> None:
    """Without a server, any request would be an error."""
    told = Told()
    with cached(SPEC, directory=tmp_path, environ=from_a_fork, progress=told) as cache:
        assert cache is None
    assert "this run is for a pull request from a fork" in said(told)
    assert told.warnings == []


def test_a_developers_machine_keeps_its_files_itself(tmp_path: Path) -> None:
    told = Told()
    with cached(SPEC, directory=tmp_path, environ={}, progress=told) as cache:
        assert cache is None
    assert "no job of a CI" in said(told)


def test_a_link_of_the_checkout_leads_no_cache_out_of_the_project(tmp_path: Path) -> None:
    told = Told()
    project = tmp_path / "project"
    project.mkdir()
    (project / "data").symlink_to(tmp_path)
    environ = {**RUN, "GITHUB_REF": "refs/heads/main"}
    with cached(SPEC, directory=project, environ=environ, progress=told) as cache:
        assert cache is None
    assert told.warnings == ["train.cache is not used: data/ is a link that leads out of the project."]
