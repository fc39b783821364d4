"""Fixtures of the contract tests."""

import pytest

from tests.contract import Contract


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract.load()
