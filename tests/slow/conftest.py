"""Fixtures of the slow tests: a fresh container per test, or a skip that names what this machine lacks."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slow import nspawn

ROOT = Path(__file__).parents[2]
# What each part of the sweep of launches came to; the sum is beside it.
SWEEP = ROOT / "build" / "fault-sweep"
FIGURE = ROOT / "build" / "fault-sweep.json"
# Shares of false positives and power of each simulation, a line each.
SIMULATIONS = ROOT / "build" / "simulations"


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(SWEEP, ignore_errors=True)
        shutil.rmtree(SIMULATIONS, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: `make test-slow` runs what is marked."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sum the sweep up, and say what it and the simulations came to."""
    for path in sorted(SIMULATIONS.glob("*.txt")):
        terminalreporter.write_line(path.read_text().rstrip())
    parts = {path.stem: json.loads(path.read_text()) for path in sorted(SWEEP.glob("*.json"))}
    if not parts:
        return
    ended_by: Counter[str] = Counter()
    for part in parts.values():
        ended_by.update(part["ended by"])
    faults = sum(part["faults"] for part in parts.values())
    orphans = [orphan for part in parts.values() for orphan in part["orphans"]]
    figure = {"faults": faults, "orphans": orphans, "ended by": ended_by, "parts": parts}
    FIGURE.write_text(json.dumps(figure, indent=2) + "\n")
    terminalreporter.write_line(f"Fault sweep of launch and stop: {faults} faults injected, {len(orphans)} orphans.")


@pytest.fixture(scope="session", params=[nspawn.USUAL])
def base_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a system; a test that is to boot others names them by `@on_every_system`."""
    try:
        nspawn.require_tools()
        root = nspawn.base_root(request.param)
        nspawn.require_containers(root, tmp_path_factory.mktemp("probe"))
    except nspawn.CannotBoot as reason:
        pytest.skip(str(reason))
    return root


@pytest.fixture
def container_with_docker(base_root: Path, tmp_path: Path) -> Iterator[nspawn.Container]:
    with nspawn.Container(base=nspawn.docker_root(base_root), directory=tmp_path) as container:
        yield container


@pytest.fixture
def container(base_root: Path, tmp_path: Path) -> Iterator[nspawn.Container]:
    with nspawn.Container(base=base_root, directory=tmp_path) as container:
        yield container
