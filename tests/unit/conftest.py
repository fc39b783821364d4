"""Unit tests reach no network and start no process: what tries to is a test of the wrong kind."""

from __future__ import annotations

import socket
import subprocess
from typing import Any, NoReturn

import matplotlib.font_manager  # noqa: F401 - looks for the machine's fonts, with fc-list, when it is first imported
import numpy.testing  # noqa: F401 - its older versions run lscpu when they are first imported
import pytest


@pytest.fixture(autouse=True)
def _no_network_and_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("A unit test tried to reach the network or to start a process.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
