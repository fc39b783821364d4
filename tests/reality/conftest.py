"""The servers of the tests, and the number of cases at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reality.commands import Job
from tests.reality.emulated import SEED, Emulated
from tests.reality.tools import clean_environment, free_port, placed, serving, tool


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[Emulated]:
    """GitHub as npm's emulate plays it, with one repository of Ann's."""
    port = free_port()
    program = placed("github_emulate.mjs", tmp_path / "emulate")
    command = [str(tool("node")), str(program), json.dumps(SEED), str(port)]
    log = tmp_path / "emulate" / "log"
    with serving(command, port=port, environ=clean_environment(), log=log) as url:
        yield Emulated(url=url)


@pytest.fixture
def job(emulated: Emulated, tmp_path: Path) -> Job:
    """A job of a workflow run there, in a folder with nothing but what it writes."""
    directory = tmp_path / "job"
    directory.mkdir()
    there = Job(directory=directory, environ=emulated.environ(directory))
    there.git("init", "--quiet")
    return there


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases each file ran: a stand-in that was not asked is seen at once."""
    ran = [report.nodeid for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    files = Counter(Path(nodeid.partition("::")[0]).stem.removeprefix("test_") for nodeid in ran if "::" in nodeid)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(files.items()))
    terminalreporter.write_line(f"Cases against reality: {files.total()} ({shown})")
