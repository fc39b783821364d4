"""Completion in the shell, by the lines that the documentation gives."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.prefix) / "bin" / "cmlkit"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "shell-completion.md"


def completed(line: str) -> list[str]:
    """What bash would offer at the end of the line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_CMLKIT_COMPLETE": "bash_complete"}
    done = subprocess.run([PROGRAM], env={**os.environ, **words}, capture_output=True, text=True, check=True)
    return [found.partition(",")[2] for found in done.stdout.splitlines() if found]


# What each shell offers at the end of a line, one word a line, by its own script and cmlkit's. zsh offers words only
# to a person, so that its `compadd` and `_describe` print here.
SHELLS = {
    "bash": """
eval "$(_CMLKIT_COMPLETE=bash_source cmlkit)"
COMP_WORDS=($(sed 's/=/ = /g' <<<"$1")); [[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cmlkit_completion cmlkit; printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
autoload -U compinit; compinit -u -D; eval "$(_CMLKIT_COMPLETE=zsh_source cmlkit)"
compadd() { print -l -- $completions; }
_describe() { print -l -- ${completions_with_descriptions%%:*}; }
words=("${(@s: :)1}"); CURRENT=${#words}; _cmlkit_completion
""",
    "fish": "_CMLKIT_COMPLETE=fish_source cmlkit | source; complete -C $argv[1] | string split --fields 1 \\t; true",
}
QUIET = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}


def offered(shell: str, line: str, home: Path) -> set[str]:
    """What the shell itself would offer at the end of the line."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    words = [shell, *QUIET[shell], "-c", SHELLS[shell], *([] if shell == "fish" else [shell]), line]
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, env=environ, cwd=home, capture_output=True, text=True, check=True, timeout=60)
    return set(filter(None, done.stdout.splitlines()))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_words_that_a_setting_takes_complete_in_the_shell_itself(shell: str, tmp_path: Path) -> None:
    markets = {"spot", "on-demand", "spot-then-on-demand"}
    assert offered(shell, "cmlkit runner launch --market ", tmp_path) == markets
    joined = offered(shell, "cmlkit runner launch --market=sp", tmp_path)
    assert {word.removeprefix("--market=") for word in joined} == {"spot", "spot-then-on-demand"}
    assert all(word.startswith("--market=") for word in joined) is (shell != "bash")


def test_ci_installs_the_shells_so_that_none_of_them_is_skipped_there() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert workflow.count("--no-install-recommends zsh fish") == len(
        re.findall(r"run: make test(?:-oldest)?$", workflow, re.M)
    )
    script = (ROOT / ".ci" / "run").read_text()
    assert set(re.findall(r"command -v (\S+) >/dev/null \|\| echo \1\n", script)) >= SHELLS.keys() - {"bash"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cmlkit publish --store ", ["git", "lfs", "s3", "dvc"]),
        ("cmlkit publish --on-existing ", ["supersede", "update", "keep"]),
        ("cmlkit runner list --cloud ", ["aws"]),
        ("cmlkit model verify --fail-on ", ["untrusted"]),
        ("cmlkit runner stop --c", ["--cloud", "--config"]),
        ("cmlkit runner stop --region ", []),
    ],
)
def test_values_complete_and_flags_that_do_nothing_are_not_offered(line: str, words: list[str]) -> None:
    assert completed(line) == words


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
