"""A live comment, on a clock that does not wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from cmlkit.errors import ServiceError
from cmlkit.publishing.live import PAUSE_SECONDS, follow
from tests.fake_forge import FastClock


@dataclass
class File:
    """A file that says something else each second, and then is complete."""

    texts: list[str]
    clock: FastClock = field(default_factory=FastClock)
    written: list[tuple[float, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: int = 0

    def follow(self) -> list[str]:
        begun = self.clock.now()

        def seconds() -> int:
            return int(self.clock.now() - begun)

        def write(text: str) -> None:
            if self.failures:
                self.failures -= 1
                raise ServiceError("GitHub is away.")
            self.written.append((seconds(), text))

        follow(
            lambda: self.texts[min(seconds(), len(self.texts) - 1)],
            write,
            is_over=lambda: seconds() >= len(self.texts) - 1,
            clock=self.clock,
            warn=self.warnings.append,
        )
        return [text for _, text in self.written]


def counted(number: int) -> Iterator[str]:
    return (f"epoch {index}" for index in range(number))


def test_a_change_is_written_at_most_so_often_and_the_last_one_always() -> None:
    file = File(texts=list(counted(45)))
    assert file.follow() == ["epoch 0", "epoch 20", "epoch 40", "epoch 44"]
    assert PAUSE_SECONDS == 20


def test_what_does_not_change_is_written_once() -> None:
    assert File(texts=["the same"] * 100).follow() == ["the same"]


def test_a_file_that_is_not_there_yet_is_waited_for() -> None:
    assert File(texts=["", "", "", "here"]).follow() == ["here"]


def test_a_write_that_fails_is_told_and_made_up_for() -> None:
    file = File(texts=list(counted(30)), failures=1)
    assert file.follow() == ["epoch 20", "epoch 29"]
    assert file.warnings == ["The comment was not updated: GitHub is away."]


def test_a_last_write_that_fails_is_an_error() -> None:
    with pytest.raises(ServiceError):
        File(texts=["only"], failures=1).follow()
