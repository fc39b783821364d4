"""Fixtures of the slow tests: a fresh container per test, or a skip that names what this machine lacks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slow import fault_summary, nspawn

# Shares of false positives and power of each simulation, a line each.
SIMULATIONS = fault_summary.ROOT / "build" / "simulations"


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(fault_summary.PARTS, ignore_errors=True)
        shutil.rmtree(SIMULATIONS, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: `make test-slow` runs what is marked."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of all fault sweeps in which one of them has shrunk."""
    if hasattr(session.config, "workerinput"):
        return
    if (summary := fault_summary.summed_up()) and fault_summary.shortfalls(summary):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sum the sweeps up, and say what they and the simulations came to."""
    for path in sorted(SIMULATIONS.glob("*.txt")):
        terminalreporter.write_line(path.read_text().rstrip())
    if summary := fault_summary.summed_up():
        for shortfall in fault_summary.shortfalls(summary):
            terminalreporter.write_line(shortfall, red=True)
        terminalreporter.write_line(fault_summary.line(summary))


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
