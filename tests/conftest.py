"""How many workers `-n auto` starts."""

import os

import pytest


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are cores: some tests mostly wait, for a machine to boot or for a second look."""
    return (os.cpu_count() or 1) + 2
