"""Downloads: a model's bytes from the place that a pointer names, resumed after a break, and verified."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import AnswerLost, ModelError, ServiceError, TooManyRequests, step_after
from cmlkit.progress import Say
from cmlkit.stores.base import PAUSES_SECONDS, Source, hashed, share
from cmlkit.stores.http import RateLimits
from cmlkit.stores.pointer import Pointer

# git-lfs gives up after 8 tries: https://github.com/git-lfs/git-lfs/blob/main/docs/man/git-lfs-config.adoc
# A connection that breaks after each GiB still brings the largest models.
TRIES_LIMIT = 50


def download(
    pointer: Pointer,
    target: Path,
    source: Source,
    *,
    say: Say = lambda text: None,
    clock: Clock | None = None,
    tries: int = TRIES_LIMIT,
) -> None:
    """Download the bytes to `target`, which is replaced once they are complete and match the pointer.

    If the connection breaks, the bytes so far stay beside `target`, and the next try or call resumes from them.

    Args:
        tries: How often the source is asked for the rest, even if each time some bytes come.

    Raises:
        ModelError: The bytes do not match the pointer, or cannot be written.
        NotFound, PermissionDenied, ServiceError: The source does not deliver them.
    """
    part = target.with_name(f".{target.name}.{pointer.sha256[:12]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _persistently(lambda: _append(pointer, part, source, say), part, clock or SystemClock(), tries)
        _check(pointer, part, target)
        part.replace(target)
    except OSError as error:
        raise ModelError(
            f"The model cannot be written to {target}: {error.strerror}.", next_step=step_after(error)
        ) from error
    finally:
        if part.is_file() and not _size(part):
            part.unlink()  # nothing to resume from


def _persistently(act: Callable[[], None], part: Path, clock: Clock, tries: int) -> None:
    """Repeat `act` after every break: at once if bytes arrived, else after a pause, a few times."""
    pauses, limits, had = iter(PAUSES_SECONDS), RateLimits(clock), 0
    for number in itertools.count(1):
        try:
            act()
        except TooManyRequests as limited:
            limits.wait(limited)
        except AnswerLost as lost:
            if number >= tries:
                raise ServiceError(f"{lost.message.rstrip('.')} (after {number} tries).") from lost
            has = _size(part)
            if has <= had:
                pause = next(pauses, None)
                if pause is None:
                    raise
                clock.sleep(pause)
            had = has
        else:
            return


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
            done += len(piece)
            if done > pointer.size:
                break
            file.write(piece)
            say(share(done, pointer.size))
    if done > pointer.size:
        part.unlink()
        raise ModelError(
            f"The download has more than the {pointer.size:,} bytes that the pointer announces. It was deleted.",
            next_step="Find out who wrote to the store, and publish the model again.",
        )
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
