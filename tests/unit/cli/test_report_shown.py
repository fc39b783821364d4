"""A report at a terminal is rendered; a pipe gets it as it is."""

from __future__ import annotations

import sys

import pytest

from cmlkit.ci import workplace
from cmlkit.cli.options import Invocation
from cmlkit.cli.output import show_markdown
from cmlkit.settings.schema import load

TEXT = "## Better\n\n| metric | value |\n| :-- | --: |\n| accuracy | **0.9** |\n\n> Compared with `main` \x1b[2J\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_rendered_only_at_a_terminal(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workplace({})
    invocation = Invocation(
        environ={}, workplace=place, settings=load(environ={}), progress=place.progress(), as_json=False
    )
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    show_markdown(invocation, {}, TEXT)
    shown = capsys.readouterr().out
    assert ("| metric | value |" in shown) is not terminal
    assert "accuracy" in shown
    assert "\x1b[2J" not in shown
