"""A training's checkpoint: restored before it, saved while it runs and when it fails, removed once it is done."""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cmlkit.ci import workplace
from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import CmlkitError, NothingToDo, PermissionDenied, SettingsError
from cmlkit.formats import duration, plural
from cmlkit.formats import size as shown_size
from cmlkit.process import signals_to
from cmlkit.progress import Progress
from cmlkit.records.json_text import json_text
from cmlkit.records.training_run import Resources
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.stores.checkpoints import CheckpointStore, FolderCheckpoints, checkpoint_store
from cmlkit.training.checkpoints.folder import look, restore
from cmlkit.training.checkpoints.saved import Saved
from cmlkit.training.checkpoints.saving import SETTLED_SECONDS, Outcome, OutOfTime, Saver
from cmlkit.training.command import GRACE_SECONDS, run_shell

# Where a step of the workflow finds the checkpoint if there is no bucket, below the working directory.
CARRIED = Path(".cmlkit/checkpoint")
# AWS gives a spot instance two minutes from its notice, which the boot script sees up to ten seconds later.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
SECONDS_AFTER_SIGNAL = 100.0
# Of these, the training gets so many to write its checkpoint if it still has to be sent to a bucket.
GRACE_SECONDS_BEFORE_SENDING = 60.0
SECONDS_AFTER_FAILURE = 600.0
SECONDS_AFTER_SUCCESS = 60.0
# A save that met a file which was being written is repeated soon, a few times.
RETRY_SECONDS, RETRIES = 15.0, 3
NAMES_SHOWN = 5


class Checkpoint:
    """The checkpoint of one training.

    Args:
        folder: The folder that the training fills.
        name: The folder in messages.
        key: Identifies the training within the run.
        attempt: The attempt of the run; `owner` is the name of the runner.
        is_remote: Whether the store is reached while the training runs; else the checkpoint is put there at the end.
        every: Seconds between two saves; 0 for saves at the end only.
    """

    def __init__(
        self,
        folder: Path,
        store: CheckpointStore,
        *,
        name: str,
        key: str,
        attempt: int,
        owner: str,
        is_remote: bool,
        every: float,
        progress: Progress,
        clock: Clock,
    ) -> None:
        self._folder, self._name = folder, name
        self._store, self._is_remote, self._every = store, is_remote, every
        self._progress, self._clock = progress, clock
        self._now = Saved(key=key, attempt=attempt, owner=owner)
        self._saver = Saver(folder, store, of=self._now, clock=clock)
        self._is_ending = False
        self._signalled: float | None = None
        self._thread: threading.Thread | None = None
        self._told = ""

    def begin(self) -> None:
        """Restore what an earlier attempt of this run saved.

        Raises:
            SettingsError: The store does not exist, or another job of this run uses it.
            PermissionDenied: The store may not be read or written.
        """
        try:
            saved = self._there()
            if saved is not None and saved.is_of_another(self._now):
                self._saver.check_owner()
            if saved is not None and saved.files:
                self._begin_with(saved)
            elif self._now.attempt > 1:
                self._progress.note(_nothing_to_restore(saved))
            if saved is None and self._is_remote:
                # Better known now than after hours: whether this place can be written to, and whose it is.
                self._store.write_list(replace(self._now, saved=self._clock.now()).to_json().encode())
        except (PermissionDenied, SettingsError):
            raise
        except (CmlkitError, OSError) as error:
            self._progress.warn(f"The checkpoint of an earlier attempt was not restored: {_cause(error)}")

    def run_command(
        self, command: str, *, directory: Path, environ: Mapping[str, str], output: int | None = None
    ) -> Resources:
        """Run the training as `run_shell` does, and save every few minutes until it ends."""
        with self._saved_regularly():
            return run_shell(
                command,
                directory=directory,
                environ=environ,
                output=output,
                grace_seconds=GRACE_SECONDS_BEFORE_SENDING if self._is_remote else GRACE_SECONDS,
                on_signal=self._heard,
            )

    def _heard(self) -> None:
        """Note that a signal ends the training: called in a signal handler, so only remembered here."""
        self._signalled = self._signalled or self._clock.now()
        self._is_ending = True

    @contextmanager
    def _saved_regularly(self) -> Iterator[None]:
        """Save every few minutes as long as the block runs."""
        if not self._is_remote or not self._every:
            yield
            return
        ended = threading.Event()
        # A daemon, so that a request that hangs cannot keep this process from ending.
        self._thread = threading.Thread(target=self._save_until, args=(ended,), daemon=True)
        self._thread.start()
        try:
            yield
        finally:
            self._is_ending = True
            ended.set()

    def end(self, error: BaseException | None) -> None:
        """Save once more if the training failed or was interrupted; remove what was saved if it is done."""
        self._is_ending = True
        if isinstance(error, NothingToDo):
            return
        # GitHub sends SIGTERM 7.5 seconds after SIGINT.
        with signals_to(signal.SIG_IGN):
            deadline = self._deadline(is_done=error is None)
            if self._thread is not None:
                self._thread.join(max(deadline - self._clock.now(), 0.0))
            if error is None:
                self._forget()
            elif self._thread is not None and self._thread.is_alive():
                self._progress.warn("The checkpoint was not saved again: the save before it has not ended.")
            elif look(self._folder).units:
                self._save_finally(deadline)
            elif self._signalled is not None:
                self._progress.warn(f"{self._name} has no files: no checkpoint was saved.")

    def _there(self) -> Saved | None:
        """Return the list in the store; None if there is none, or none that can be read."""
        content = self._store.read_list()
        try:
            saved = None if content is None else Saved.from_json(content)
            # A machine that is used again may have the folder of another run.
            return saved if saved is not None and saved.key == self._now.key else None
        except ValueError as error:
            self._progress.warn(f"The checkpoint at {self._store.address} cannot be read: {error}. It is not restored.")
            return None

    def _begin_with(self, saved: Saved) -> None:
        if saved.attempt < self._now.attempt:
            with self._progress.stage("Restore the checkpoint") as say:
                restore(saved, self._folder, self._store.get)
                ago = duration(max(self._clock.now() - saved.saved, 0.0))
                say(f"{_described(saved)}, saved {ago} ago by attempt {saved.attempt}")
        if self._is_remote:
            self._saver.adopt(saved)
        else:
            self._store.clear()  # the step that carried it would carry it again

    def _save_until(self, ended: threading.Event) -> None:
        retries = RETRIES
        pause = self._every
        while not ended.wait(pause):
            outcome = self._try_to_save(still=self._still_training, settled_seconds=SETTLED_SECONDS)
            is_to_repeat = outcome is not None and outcome.changing and retries
            retries = retries - 1 if is_to_repeat else RETRIES
            pause = min(RETRY_SECONDS, self._every) if is_to_repeat else self._every
            if outcome is not None and outcome.is_new and outcome.saved is not None:
                self._progress.note(f"Saved the checkpoint: {_described(outcome.saved)}.")

    def _still_training(self) -> None:
        if self._is_ending:
            raise OutOfTime

    def _save_finally(self, deadline: float) -> None:
        def still() -> None:
            if self._clock.now() > deadline:
                raise OutOfTime

        with self._progress.stage("Save the checkpoint") as say:
            outcome = self._try_to_save(still=still)
            if outcome is not None and outcome.saved is not None:
                say(f"{_described(outcome.saved)}, to {self._store.address}")
            else:
                say("nothing was saved")
        if outcome is not None:
            for text in _omissions(outcome):
                self._progress.warn(f"{self._name}: {text}")

    def _try_to_save(self, *, still: Callable[[], None], settled_seconds: float = 0.0) -> Outcome | None:
        """Save; if that fails, warn once about each cause, as the training goes on."""
        try:
            return self._saver.save(still=still, settled_seconds=settled_seconds)
        except (CmlkitError, OSError) as error:
            text = _cause(error)
            if text != self._told:
                self._told = text
                self._progress.warn(f"The checkpoint was not saved: {text}")
            return None

    def _forget(self) -> None:
        try:
            self._store.clear()
        except (CmlkitError, OSError) as error:
            self._progress.warn(f"The checkpoint is still at {self._store.address}: {_cause(error)}")

    def _deadline(self, *, is_done: bool) -> float:
        if self._signalled is not None:
            return self._signalled + SECONDS_AFTER_SIGNAL
        return self._clock.now() + (SECONDS_AFTER_SUCCESS if is_done else SECONDS_AFTER_FAILURE)


@contextmanager
def kept(
    spec: TrainSpec, *, directory: Path, environ: Mapping[str, str], progress: Progress, clock: Clock | None = None
) -> Iterator[Checkpoint | None]:
    """Keep the checkpoint of the training in the block; None if the settings name none, or there is no next attempt.

    Raises:
        SettingsError: The settings name a folder, and an estimator, which writes none.
    """
    checkpoint = _opened(spec, directory, environ, progress, clock or SystemClock()) if spec.checkpoint else None
    if checkpoint is None:
        yield None
        return
    checkpoint.begin()
    try:
        yield checkpoint
    except BaseException as error:
        checkpoint.end(error)
        raise
    checkpoint.end(None)


def _opened(
    spec: TrainSpec, directory: Path, environ: Mapping[str, str], progress: Progress, clock: Clock
) -> Checkpoint | None:
    if not spec.run:
        raise SettingsError(
            "train.checkpoint is set, but an estimator writes no checkpoints.",
            next_step="Remove train.checkpoint, or train with a command: set train.run.",
        )
    if (directory / spec.checkpoint).is_file():
        raise SettingsError(
            f"train.checkpoint is {spec.checkpoint}, which is a file.", next_step="Name the folder that it is in."
        )
    place = workplace(environ)
    if not place.has_run:
        progress.note(f"{spec.checkpoint} is not saved: this is no job of a CI, whose next attempt could restore it.")
        return None
    workflow_run = place.workflow_run(directory=directory, with_commit=False)
    key = _key(spec, workflow_run)
    store: CheckpointStore = FolderCheckpoints(directory / CARRIED / key.rpartition("/")[2])
    if spec.checkpoint_store:
        store = checkpoint_store(f"{spec.checkpoint_store}/{key}")
    return Checkpoint(
        directory / spec.checkpoint,
        store,
        name=spec.checkpoint,
        key=key,
        attempt=workflow_run.attempt,
        owner=workflow_run.runner,
        is_remote=bool(spec.checkpoint_store),
        every=spec.checkpoint_every,
        progress=progress,
        clock=clock,
    )


def _key(spec: TrainSpec, workflow_run: WorkflowRun) -> str:
    """Return the place of a training below the bucket's prefix: its repository, run and job, and what it trains."""
    training = json_text([spec.run, spec.model, spec.checkpoint])
    digest = hashlib.sha256(training.encode()).hexdigest()[:12]
    return "/".join((workflow_run.repository, workflow_run.run_id, f"{workflow_run.job or 'job'}-{digest}"))


def _described(saved: Saved) -> str:
    return f"{plural(len(saved.files), 'file')}, {shown_size(saved.size)}"


def _nothing_to_restore(saved: Saved | None) -> str:
    if saved is not None and saved.is_shared:
        return "Two jobs of this run saved their checkpoints to one place, so neither is restored."
    return "No earlier attempt saved a checkpoint: training starts from the beginning."


def _omissions(outcome: Outcome) -> Iterator[str]:
    """Yield a sentence about each kind of thing that is not saved."""
    if outcome.changing:
        yield f"{_names(outcome.changing)} changed while being read, and was not saved as it is now."
    if outcome.late:
        yield f"there was no time to save {_names(outcome.late)} as it is now."
    if outcome.left_out:
        yield f"{_names(outcome.left_out)} is no file, or leads out of the folder, and was not saved."
    if outcome.undeleted:
        yield f"files of the save before are still in the store: {outcome.undeleted}"


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _cause(error: CmlkitError | OSError) -> str:
    return " ".join(str(error).split())
