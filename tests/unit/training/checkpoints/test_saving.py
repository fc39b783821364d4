"""Saves: whole files, complete lists, and nothing twice."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from cmlkit.errors import PermissionDenied, ServiceError, SettingsError
from cmlkit.training.checkpoints import saving
from cmlkit.training.checkpoints.saved import Saved
from cmlkit.training.checkpoints.saving import OutOfTime, Saver, Shared
from tests.fake_forge import FastClock
from tests.unit.training.checkpoints.memory_store import MemoryStore

OURS = Saved(key="k", attempt=1, owner="runner-a")
LONG_AGO = 1000.0
ticks = itertools.count()


def written(path: Path, content: str, *, at: float = LONG_AGO) -> Path:
    """A file with a time of its own, as each write gives it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    moment = int(at * 1e9) + next(ticks)
    os.utime(path, ns=(moment, moment))
    return path


def saver(folder: Path, store: MemoryStore, *, of: Saved = OURS, now: float = LONG_AGO + 60) -> Saver:
    clock = FastClock()
    clock.time = now
    return Saver(folder, store, of=of, clock=clock)


def there(store: MemoryStore) -> dict[str, str]:
    """Path -> content, as the next attempt would restore it."""
    assert store.written is not None
    return {file.path: store.content[file.sha256].decode() for file in Saved.from_json(store.written).files}


def always() -> None: ...


class TimeFor:
    """Time for so many looks at the clock."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise OutOfTime


def test_a_second_save_sends_what_is_new_and_removes_what_is_gone(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "epoch-1.pt", "one")
    written(tmp_path / "config.json", "{}")
    assert ours.save(still=always).is_new
    (tmp_path / "epoch-1.pt").unlink()
    written(tmp_path / "epoch-2.pt", "two")
    assert ours.save(still=always).is_new
    assert there(store) == {"epoch-2.pt": "two", "config.json": "{}"}
    assert sorted(store.content.values()) == [b"two", b"{}"]
    assert store.calls.count("put") == 3


def test_a_save_without_a_change_writes_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "a.pt", "one")
    ours.save(still=always)
    store.calls.clear()
    assert not ours.save(still=always).is_new
    assert store.calls == []


def test_an_empty_folder_never_replaces_what_was_saved(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "a.pt", "one")
    ours.save(still=always)
    (tmp_path / "a.pt").unlink()
    assert not ours.save(still=always).is_new
    assert there(store) == {"a.pt": "one"}


@pytest.mark.parametrize("failing", ["put", "write_list"])
def test_a_save_that_breaks_off_leaves_the_one_before_complete(tmp_path: Path, failing: str) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "a.pt", "one")
    written(tmp_path / "b.pt", "other")
    ours.save(still=always)
    written(tmp_path / "a.pt", "two")

    def fail(operation: str) -> None:
        if operation == failing:
            raise ServiceError("S3 is away.")

    store.before = fail
    with pytest.raises(ServiceError):
        ours.save(still=always)
    assert there(store) == {"a.pt": "one", "b.pt": "other"}
    store.before = lambda operation: None
    ours.save(still=always)
    assert there(store) == {"a.pt": "two", "b.pt": "other"}


def test_files_that_cannot_be_removed_do_not_make_the_save_a_failure(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "a.pt", "one")
    ours.save(still=always)
    written(tmp_path / "a.pt", "two")

    def refuse(operation: str) -> None:
        if operation == "drop":
            raise PermissionDenied("S3 refused to delete.")

    store.before = refuse
    outcome = ours.save(still=always)
    assert (outcome.is_new, outcome.undeleted) == (True, "S3 refused to delete.")
    assert there(store) == {"a.pt": "two"}
    store.before = lambda operation: None
    written(tmp_path / "a.pt", "three")
    ours.save(still=always)
    assert list(store.content.values()) == [b"three"]


def test_a_file_that_is_written_while_it_is_read_keeps_its_older_content(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "epoch" / "model.pt", "model 1")
    written(tmp_path / "epoch" / "optimizer.pt", "optimizer 1")
    written(tmp_path / "scores.json", "1")
    ours.save(still=always)
    written(tmp_path / "epoch" / "model.pt", "model 2", at=2000)
    written(tmp_path / "scores.json", "2", at=1500)

    def meanwhile(operation: str) -> None:
        if operation == "put":
            written(tmp_path / "epoch" / "model.pt", "model 3", at=3000)

    store.before = meanwhile
    outcome = ours.save(still=always)
    assert outcome.changing == ("epoch",)
    assert there(store) == {"epoch/model.pt": "model 1", "epoch/optimizer.pt": "optimizer 1", "scores.json": "2"}
    store.before = lambda operation: None
    assert ours.save(still=always).changing == ()
    assert there(store)["epoch/model.pt"] == "model 3"
    assert set(store.content.values()) == {b"model 3", b"optimizer 1", b"2"}


def test_a_folder_that_gets_another_file_while_it_is_saved_is_not_saved_by_half(tmp_path: Path) -> None:
    store = MemoryStore()
    written(tmp_path / "epoch" / "model.pt", "model")
    store.before = lambda operation: written(tmp_path / "epoch" / "optimizer.pt", "optimizer")
    outcome = saver(tmp_path, store).save(still=always)
    assert (outcome.changing, outcome.saved, store.written) == (("epoch",), None, None)


def test_a_file_that_was_written_a_moment_ago_waits_as_long_as_the_training_runs(tmp_path: Path) -> None:
    store = MemoryStore()
    written(tmp_path / "a.pt", "half", at=LONG_AGO + 59)
    ours = saver(tmp_path, store)
    assert ours.save(still=always, settled_seconds=2).changing == ("a.pt",)
    assert ours.save(still=always).changing == ()


def test_a_file_that_is_replaced_by_a_rename_is_saved_whole(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    for content in ("one", "two"):
        written(tmp_path / "a.tmp", content).replace(tmp_path / "a.pt")
        ours.save(still=always)
        assert there(store) == {"a.pt": content}


def test_if_time_is_short_the_newest_are_saved_and_the_others_stay_as_they_were(tmp_path: Path) -> None:
    store = MemoryStore()
    ours = saver(tmp_path, store)
    written(tmp_path / "scores.json", "old")
    ours.save(still=always)
    written(tmp_path / "scores.json", "new", at=1100)
    written(tmp_path / "epoch-1.pt", "one", at=1200)
    written(tmp_path / "epoch-2.pt", "two", at=1300)
    # One look before the file, one for its only piece, one before it is sent.
    outcome = ours.save(still=TimeFor(3))
    assert outcome.late == ("epoch-1.pt", "scores.json")
    assert there(store) == {"epoch-2.pt": "two", "scores.json": "old"}


def test_two_jobs_of_an_attempt_at_one_place_are_told_and_nobody_restores_either(tmp_path: Path) -> None:
    store = MemoryStore()
    written(tmp_path / "a" / "a.pt", "of a")
    written(tmp_path / "b" / "b.pt", "of b")
    of_a = saver(tmp_path / "a", store)
    of_b = saver(tmp_path / "b", store, of=Saved(key="k", attempt=1, owner="runner-b"))
    of_a.save(still=always)
    with pytest.raises(Shared) as raised:
        of_b.save(still=always)
    assert "s3://bucket/prefix/${{ matrix.seed }}" in raised.value.next_step
    written(tmp_path / "a" / "a.pt", "of a again")
    with pytest.raises(Shared):
        of_a.save(still=always)
    assert store.written is not None
    left = Saved.from_json(store.written)
    assert (left.is_shared, left.files) == (True, ())


def test_too_many_files_are_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "LIMIT_FILES", 2)
    for name in ("a", "b", "c"):
        written(tmp_path / name, name)
    with pytest.raises(SettingsError) as raised:
        saver(tmp_path, MemoryStore()).save(still=always)
    assert "has 3 files; at most 2 are saved" in raised.value.message
    assert "archive" in raised.value.next_step


def test_restored_files_are_not_sent_again(tmp_path: Path) -> None:
    store = MemoryStore()
    written(tmp_path / "a.pt", "one")
    saver(tmp_path, store).save(still=always)
    second = saver(tmp_path, store, of=Saved(key="k", attempt=2, owner="runner-b"))
    assert store.written is not None
    second.adopt(Saved.from_json(store.written))
    written(tmp_path / "b.pt", "two")
    store.calls.clear()
    second.save(still=always)
    assert store.calls.count("put") == 1
    assert there(store) == {"a.pt": "one", "b.pt": "two"}
