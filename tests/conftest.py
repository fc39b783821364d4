"""How many workers `-n auto` starts, and what each of them does once for all of its tests."""

import functools
import os
import signal
from collections.abc import Iterator

import botocore.session
import hypothesis
import pytest

# A busy machine makes any example slow, and no test asserts times.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: some tests mostly wait, but each worker imports and collects all of them."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def service_models_read_once() -> None:
    """boto3 reads its description of a service anew for each session, and EC2's takes longer than most tests."""
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)


@pytest.fixture
def hang_ups() -> Iterator[None]:
    """SIGHUP ends programs, as without nohup, under which these tests may run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session", autouse=True)
def no_repository_around(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tests' folders may lie below this checkout, which ignores them: git must not take them for parts of it."""
    os.environ["GIT_CEILING_DIRECTORIES"] = str(tmp_path_factory.getbasetemp())
