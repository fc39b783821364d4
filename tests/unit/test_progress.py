"""Progress in a log."""

from __future__ import annotations

import io

import pytest

from cmlkit.progress import Lines, Silent


def test_a_stage_says_when_it_starts_and_what_came_of_it() -> None:
    log = io.StringIO()
    with Lines(log).stage("Launching") as say:
        say("asking")
        say("i-1 is running")
    first, last = log.getvalue().splitlines()
    assert first == "Launching …"
    assert last.startswith("Launching: i-1 is running (")


def test_a_stage_that_fails_says_so_and_lets_the_error_through() -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="no"), Lines(log).stage("Launching"):
        raise ValueError("no")
    assert log.getvalue().splitlines()[-1].startswith("Launching: failed after")


def test_a_warning_says_that_it_is_one() -> None:
    log = io.StringIO()
    Lines(log).warn("slow")
    assert log.getvalue() == "warning: slow\n"


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Silent().stage("x") as say:
        say("y")
    Silent().note("z")
    Silent().warn("z")
    assert capsys.readouterr() == ("", "")
