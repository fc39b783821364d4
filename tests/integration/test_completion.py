"""Completion in the shell, by the lines that the documentation gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.prefix) / "bin" / "cmlkit"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "shell-completion.md"


def completed(line: str) -> list[str]:
    """What bash would offer at the end of the line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_CMLKIT_COMPLETE": "bash_complete"}
    done = subprocess.run([PROGRAM], env={**os.environ, **words}, capture_output=True, text=True, check=True)
    return [found.partition(",")[2] for found in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_of_the_guide_gets_its_script(shell: str) -> None:
    source = f"{shell}_source"
    assert f"_CMLKIT_COMPLETE={source}" in PAGE.read_text()
    environ = {**os.environ, "_CMLKIT_COMPLETE": source}
    done = subprocess.run([PROGRAM], env=environ, capture_output=True, text=True, check=True)
    assert f"_CMLKIT_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [("cmlkit run", "runner"), ("cmlkit runner lau", "launch"), ("cmlkit runner launch --mar", "--market")],
)
def test_commands_and_flags_complete(line: str, offered: str) -> None:
    assert completed(line) == [offered]


def test_the_choices_of_a_flag_complete() -> None:
    assert completed("cmlkit init --auth ") == ["oidc", "keys"]
