"""Fixtures of the slow tests: a fresh container per test, or a skip that names what this machine lacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slow import nspawn


@pytest.fixture(scope="session")
def base_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        nspawn.require_tools()
        root = nspawn.base_root()
        nspawn.require_containers(root, tmp_path_factory.mktemp("probe"))
    except nspawn.CannotBoot as reason:
        pytest.skip(str(reason))
    return root


@pytest.fixture
def container(base_root: Path, tmp_path: Path) -> Iterator[nspawn.Container]:
    with nspawn.Container(base=base_root, directory=tmp_path) as container:
        yield container
