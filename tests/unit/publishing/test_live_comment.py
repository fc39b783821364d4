"""A live comment, on a clock that does not wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from cmlkit.errors import ServiceError
from cmlkit.publishing.live_comment import (
    PAUSE_SECONDS,
    Look,
    follow,
    progress_in,
    time_line,
)
from tests.fake_forge import FastClock


@dataclass
class File:
    """A file that says something else each second, and then is complete."""

    texts: list[str]
    clock: FastClock = field(default_factory=FastClock)
    written: list[tuple[float, str, str]] = field(default_factory=list)
    lasts: list[bool] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: int = 0
    left_at: float = float("inf")

    def follow(self) -> list[str]:
        begun = self.clock.now()

        def seconds() -> int:
            return int(self.clock.now() - begun)

        def look() -> Look:
            text = self.texts[min(seconds(), len(self.texts) - 1)]
            return Look(text=text, stamp=text)

        def write(ending: str, *, is_last: bool) -> None:
            if self.failures:
                self.failures -= 1
                raise ServiceError("GitHub is away.")
            self.written.append((seconds(), look().text, ending))
            self.lasts.append(is_last)

        follow(
            look,
            write,
            is_over=lambda: seconds() >= len(self.texts) - 1,
            clock=self.clock,
            warn=self.warnings.append,
            is_left=lambda: seconds() >= self.left_at,
        )
        return [text for _, text, _ in self.written]


def counted(number: int) -> Iterator[str]:
    return (f"epoch {index}" for index in range(number))


def test_a_change_is_written_ever_less_often_and_the_last_one_always() -> None:
    file = File(texts=list(counted(75)))
    assert file.follow() == [f"epoch {second}" for second in (0, 2, 6, 14, 30, 50, 70, 74)]
    assert PAUSE_SECONDS == 20


def test_once_its_starter_has_ended_the_next_change_is_written_at_once() -> None:
    file = File(texts=list(counted(45)), left_at=7)
    assert file.follow() == [f"epoch {second}" for second in (0, 2, 6, 7, 23, 43, 44)]


def test_what_does_not_change_is_written_once_and_at_its_end_with_the_time() -> None:
    file = File(texts=["the same"] * 100)
    assert file.follow() == ["the same", "the same"]
    assert [ending for _, _, ending in file.written] == [
        "<sub>Running for 0 s.</sub>",
        "<sub>Ended after 1 min 39 s.</sub>",
    ]
    assert file.lasts == [False, True]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("epoch 3/10", 0.3),
        ("epoch 2/10\nloss 0.3\nepoch 4/10 - loss 0.2", 0.4),
        ("step 30 of 120", 0.25),
        ("done: 45 %", 0.45),
        ("epoch 1/10: 50%|█████     | 5/10", 0.5),
        ("epoch 1/1", 1.0),
        ("done: 100 %", 1.0),
        ("read data/2024/05", None),
        ("2024/05/31 08:00", None),
        ("loss 0.3", None),
        ("7/0", None),
        ("0/0", None),
        ("accuracy 101 %", None),
        ("accuracy 140 %", None),
    ],
)
def test_the_last_line_that_tells_how_far_it_is_counts(text: str, share: float | None) -> None:
    assert progress_in(text) == share


def test_what_is_left_follows_from_what_is_done() -> None:
    assert (
        time_line("epoch 3/10", 90, is_over=False)
        == "<sub>Running for 1 min 30 s, 30% done: about 3 min 30 s left.</sub>"
    )
    for unknown in ("epoch 0/10", "epoch 10/10", "loss 0.3"):
        assert time_line(unknown, 90, is_over=False) == "<sub>Running for 1 min 30 s.</sub>"


def test_a_file_that_is_not_there_yet_is_waited_for() -> None:
    assert File(texts=["", "", "", "here"]).follow() == ["here"]


def test_a_write_that_fails_is_told_and_made_up_for() -> None:
    file = File(texts=list(counted(30)), failures=1)
    assert file.follow() == ["epoch 2", "epoch 6", "epoch 14", "epoch 29"]
    assert file.warnings == ["The comment was not updated: GitHub is away."]


def test_a_last_write_that_fails_is_an_error() -> None:
    with pytest.raises(ServiceError):
        File(texts=["only"], failures=1).follow()
