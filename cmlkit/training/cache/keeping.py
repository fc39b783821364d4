"""The cache of a training: restored before its setup, and saved once it has succeeded. Nothing about it fails a run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cmlkit.ci import workplace
from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError, SettingsError
from cmlkit.formats import duration, plural
from cmlkit.formats import size as shown_size
from cmlkit.process import signals_to
from cmlkit.progress import Progress
from cmlkit.settings.schema import TrainSpec
from cmlkit.stores.checkpoints import CheckpointStore, checkpoint_store
from cmlkit.training.cache.packing import pack, put_in_place, seen, unpack
from cmlkit.training.cache.record import MOST_BYTES, MOST_FILES, CacheRecord
from cmlkit.training.cache.scope import Scope, address, cache_key, scope_of, system_facts
from cmlkit.training.checkpoints.saving import OutOfTime

# An instance that is paid for waits no longer: above 20 MB a second it is enough for the largest cache.
MOST_SECONDS = 600.0

OpenStore = Callable[[str], CheckpointStore]
"""Returns the store of a branch's cache."""


class Cache:
    """The files and folders that the settings name, in the caches of a run's branches.

    Args:
        places: Path as the setting names it -> where it is.
        scope: The branches whose caches may be used.

    Attributes:
        seconds: Wall time of the restoring.
    """

    def __init__(
        self, places: Mapping[str, Path], *, scope: Scope, open_store: OpenStore, progress: Progress, clock: Clock
    ) -> None:
        self._places, self._scope, self._open_store = places, scope, open_store
        self._progress, self._clock = progress, clock
        self._is_to_save = True
        self.seconds = 0.0

    def restore(self) -> None:
        """Restore what the nearest branch has."""
        began = time.monotonic()
        try:
            found = ((branch, self._open_store(branch)) for branch in self._scope.readable)
            lists = ((branch, store, content) for branch, store in found if (content := store.read_list()) is not None)
            is_there = False
            for branch, store, content in lists:
                is_there = True
                if self._restored(branch, store, content):
                    self._is_to_save = False
                    break
            if not is_there:
                self._progress.note(f"No cache is there yet of this month and these packages: {self._names}.")
        except (CmlkitError, OSError) as error:
            # A bucket that is not there, or may not be read, need not be tried twice.
            self._is_to_save = not isinstance(error, (PermissionDenied, NotFound, SettingsError))
            self._progress.warn(f"The cache was not restored: {_cause(error)}")
        self.seconds = time.monotonic() - began

    def save(self) -> None:
        """Save the cache of the run's own branch, unless it has been restored as it is."""
        if not self._is_to_save:
            return
        if not self._scope.own:
            self._progress.note("The cache is not saved: this run is not for a branch of its own.")
            return
        is_ended: list[int] = []
        still = self._watch(is_ended)
        # The training is done, and what remains of the job is worth more than its cache.
        with signals_to(lambda number, frame: is_ended.append(number)):
            try:
                with self._progress.stage("Save the cache") as say:
                    say(self._saved(self._open_store(self._scope.own), still))
            except (CmlkitError, OSError, OutOfTime) as error:
                self._progress.warn(f"The cache was not saved: {_cause(error)}")

    @property
    def _names(self) -> str:
        return ", ".join(self._places)

    def _watch(self, is_ended: list[int]) -> Callable[[], None]:
        """Return a function that raises OutOfTime once too much time has passed, or there is a number in the list."""
        deadline = self._clock.now() + MOST_SECONDS

        def still() -> None:
            if is_ended:
                raise OutOfTime("a signal ended that.")
            if self._clock.now() > deadline:
                raise OutOfTime(f"it took more than {duration(MOST_SECONDS)}.")

        return still

    def _restored(self, branch: str, store: CheckpointStore, content: bytes) -> bool:
        """Restore the cache of a branch; return whether it could be."""
        try:
            with self._progress.stage("Restore the cache") as say:
                record = CacheRecord.from_json(content, paths=tuple(self._places))
                self._put_in_place(record, store)
                ago = duration(max(self._clock.now() - record.saved, 0.0))
                say(f"{_described(record)}, saved {ago} ago on {branch}")
        except (CmlkitError, OSError, ValueError, OutOfTime) as error:
            self._progress.warn(f"The cache of {branch} was not restored: {_cause(error)}")
            return False
        return True

    def _put_in_place(self, record: CacheRecord, store: CheckpointStore) -> None:
        """Unpack all places beside where they belong, and move them there once all are whole."""
        still = self._watch([])
        with ExitStack() as stack:
            ready = []
            for place in record.places:
                target = self._places[place.path]
                target.parent.mkdir(parents=True, exist_ok=True)
                _check_room(record.size, target.parent)
                beside = stack.enter_context(tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}."))
                root = Path(beside) / "content"
                unpack(place, root, store.get(place.sha256), still=still)
                ready.append((root, target))
            for root, target in ready:
                put_in_place(root, target)

    def _saved(self, store: CheckpointStore, still: Callable[[], None]) -> str:
        """Save all places that exist; return a sentence about that."""
        found = {path: seen(place) for path, place in self._places.items() if place.exists()}
        found = {path: content for path, content in found.items() if content.entries}
        size = sum(content.size for content in found.values())
        files = sum(len(content.entries) for content in found.values())
        if size > MOST_BYTES or files > MOST_FILES:
            raise ServiceError(
                f"{', '.join(found)} has {plural(files, 'file')}, {shown_size(size)}, and at most {MOST_FILES:,} with"
                f" {shown_size(MOST_BYTES)} are saved.",
                next_step="Name smaller folders in train.cache.",
            )
        if not found:
            return f"nothing, as {self._names} has no files"
        packed = []
        for path, content in found.items():
            place = self._places[path]
            _check_room(content.size, place.parent)
            with tempfile.TemporaryFile(dir=place.parent) as file:
                packed.append(pack(path, place, content, file, still=still))
                store.put(file, packed[-1].sha256, size=packed[-1].size, still=still)
        record = CacheRecord(saved=self._clock.now(), places=tuple(packed))
        store.write_list(record.to_json().encode())
        left_out = sum(content.left_out for content in found.values())
        told = f"{_described(record)}, for runs on {self._scope.own}"
        return f"{told}; {left_out:,} left out, such as links that lead elsewhere" if left_out else told


@contextmanager
def cached(
    spec: TrainSpec, *, directory: Path, environ: Mapping[str, str], progress: Progress, clock: Clock | None = None
) -> Iterator[Cache | None]:
    """Restore the cache before the training in the block, and save it if nothing is raised; None if it has none."""
    cache = _opened(spec, directory, environ, progress, clock or SystemClock()) if spec.cache else None
    if cache is None:
        yield None
        return
    cache.restore()
    yield cache
    cache.save()


def _opened(
    spec: TrainSpec, directory: Path, environ: Mapping[str, str], progress: Progress, clock: Clock
) -> Cache | None:
    place = workplace(environ)
    if not place.has_run:
        progress.note("train.cache is not used: this is no job of a CI, and your files stay where they are.")
        return None
    run = place.workflow_run(directory=directory, with_commit=False)
    scope = scope_of(run)
    if scope.refused:
        progress.note(f"train.cache is not used, because {scope.refused}.")
        return None
    key = cache_key(spec, directory, now=clock.now(), system=system_facts())

    def open_store(branch: str) -> CheckpointStore:
        return checkpoint_store(address(spec.cache_store, run, branch, key), setting="train.cache-store")

    home = Path(environ.get("HOME") or Path.home())
    try:
        places = {path: _place(path, directory, home) for path in dict.fromkeys(spec.cache)}
    except ValueError as error:
        progress.warn(f"train.cache is not used: {error}.")
        return None
    return Cache(places, scope=scope, open_store=open_store, progress=progress, clock=clock)


def _place(path: str, directory: Path, home: Path) -> Path:
    """Return where a path of the setting is, with its links followed.

    Raises:
        ValueError: A link of the checkout leads it out of the project.
    """
    if path.startswith("~/"):
        return (home / path[2:]).resolve()
    place = (directory / path).resolve()
    if not place.is_relative_to(directory.resolve()):
        raise ValueError(f"{path} is a link that leads out of the project")
    return place


def _check_room(size: int, folder: Path) -> None:
    """Raise ServiceError if the disk is too small for some more bytes."""
    if size > (free := shutil.disk_usage(folder).free):
        raise ServiceError(
            f"It has {shown_size(size)}, and the disk has {shown_size(free)} left.", next_step="Set runner.disk-size."
        )


def _described(record: CacheRecord) -> str:
    return f"{plural(record.files, 'file')}, {shown_size(record.size)}"


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())
