"""The machine of each test, with its metadata service."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.boot.machine import SHIMS, Machine, Metadata


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(root=tmp_path)
    (tmp_path / "bin").mkdir()
    for program, lines in SHIMS.items():
        machine.replace(program, lines)
    service = type("Service", (Metadata,), {"entries": machine.metadata})
    # Of all loopback addresses, one that is not among those that a proxy is never used for.
    with ThreadingHTTPServer(("127.0.0.2", 0), service) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        machine.metadata_url = f"http://127.0.0.2:{server.server_address[1]}"
        yield machine
        machine.unplug()
        server.shutdown()
