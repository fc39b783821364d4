"""A watch over processes: each host that they, or the programs that they start, look for or connect to."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_HOOK = Path(__file__).parent / "watched"
REQUEST_BYTES = 1024


class NetworkWatch:
    """The hosts of processes with its environment.

    Python tells by itself. Other programs, such as git, have a proxy for every host but this machine's: it notes the
    first line of what they ask for, and answers nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._noted = folder / "connections"
        self._asked: list[str] = []
        self._proxy = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._proxy.close()

    def environ(self) -> Mapping[str, str]:
        """Return the variables that watch a process."""
        address = f"http://127.0.0.1:{self._proxy.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        return {
            **dict.fromkeys(names, address),
            "PYTHONPATH": f"{_HOOK}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep),
            "WATCHED_CONNECTIONS": str(self._noted),
        }

    @property
    def hosts(self) -> set[str]:
        """`HOST:PORT` of each connection so far, and the first line of each request to another machine."""
        return {*(self._noted.read_text("utf-8").split() if self._noted.exists() else ()), *self._asked}

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._proxy.accept()
            except OSError:
                return
            with connection:
                self._asked.append(connection.recv(REQUEST_BYTES).partition(b"\r\n")[0].decode("utf-8", "replace"))
