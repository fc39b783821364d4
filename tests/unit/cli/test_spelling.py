"""Suggestions for misspelt flags."""

from __future__ import annotations

import pytest

from cmlkit.__main__ import run
from cmlkit.cli.spelling import suggestion


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("--dry-rnu", "--dry-run"),
        ("--dryrun", "--dry-run"),
        ("--jsno", "--json"),
        ("--instance-typ", "--instance-type"),
    ],
)
def test_a_flag_that_is_near_by_spelling_is_suggested(unknown: str, meant: str) -> None:
    assert suggestion(unknown, ["--json", "--dry-run", "--instance-type"]) == f"Did you mean {meant!r}?"


@pytest.mark.parametrize("unknown", ["--tokens-x", "--out", "--jon-snow", "--title-x", "--xyz"])
def test_a_flag_that_is_near_nothing_has_no_suggestion(unknown: str) -> None:
    assert suggestion(unknown, ["--json", "--files", "--labels"]) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train --token x", "It is a flag of commands that CML has, too."),
        ("report --file x", "It is a flag of cmlkit asset publish."),
        ("model list --mime-type x", "It is a flag of cmlkit asset publish."),
    ],
)
def test_a_flag_of_cmls_is_taken_for_no_other(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split(), environ={}) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Did you mean" not in error
