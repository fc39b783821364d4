"""Downloads: a model's bytes from the place that a pointer names, resumed after a break, and verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import AnswerLost, ModelError
from cmlkit.progress import Say
from cmlkit.stores.base import PAUSES_SECONDS, Source, hashed, share
from cmlkit.stores.pointer import Pointer


def download(
    pointer: Pointer,
    target: Path,
    source: Source,
    *,
    say: Say = lambda text: None,
    clock: Clock | None = None,
) -> None:
    """Download the bytes to `target`, which is replaced once they are complete and match the pointer.

    If the connection breaks, the bytes so far stay beside `target`, and the next try or call resumes from them.

    Raises:
        ModelError: The bytes do not match the pointer, or cannot be written.
        NotFound, PermissionDenied, ServiceError: The source does not deliver them.
    """
    part = target.with_name(f".{target.name}.{pointer.sha256[:12]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _persistently(lambda: _append(pointer, part, source, say), part, clock or SystemClock())
        _check(pointer, part, target)
        part.replace(target)
    except OSError as error:
        raise ModelError(f"The model cannot be written to {target}: {error.strerror}.") from error


def _persistently(act: Callable[[], None], part: Path, clock: Clock) -> None:
    """Repeat `act` after every break: at once if bytes arrived, else after a pause, a few times."""
    pauses, had = iter(PAUSES_SECONDS), 0
    while True:
        try:
            return act()
        except AnswerLost:
            has = _size(part)
            if has <= had:
                pause = next(pauses, None)
                if pause is None:
                    raise
                clock.sleep(pause)
            had = has


def _append(pointer: Pointer, part: Path, source: Source, say: Say) -> None:
    done = _size(part)
    if done > pointer.size:
        part.unlink()
        done = 0
    if done == pointer.size:
        return
    with part.open("ab") as file:
        for piece in source.read(pointer, done):
            if not piece:
                file.truncate(0)
                done = 0
            file.write(piece)
            done += len(piece)
            say(share(done, pointer.size))
    if done < pointer.size:
        raise AnswerLost(f"The download broke off after {share(done, pointer.size)}.")


def _check(pointer: Pointer, part: Path, target: Path) -> None:
    sha256, size = hashed(part)
    if sha256 == pointer.sha256:
        return
    part.unlink()
    raise ModelError(
        f"The download of {target.name} is not the model: it has {size:,} bytes and the hash {sha256[:12]}…, instead of"
        f" {pointer.size:,} and {pointer.sha256[:12]}…. It was deleted.",
        next_step="Find out who wrote to the store, and publish the model again.",
    )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
