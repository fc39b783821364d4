"""The file that Python runs as it starts in the watched processes: it notes each name and address that they look for.

It stands alone, first on PYTHONPATH; WATCHED_CONNECTIONS names the file that gets a line for each.
"""

import os
import sys
from pathlib import Path

_EVENTS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.connect": 1, "socket.sendto": 1}


def _note(event, arguments):  # type: ignore[no-untyped-def]
    if event not in _EVENTS:
        return
    place = arguments[_EVENTS[event]]
    if isinstance(place, (str, bytes)) and event in ("socket.connect", "socket.sendto"):
        return  # a socket in the file system
    host, port = place[:2] if isinstance(place, tuple) else (place, arguments[1] if len(arguments) > 1 else "")
    with Path(os.environ["WATCHED_CONNECTIONS"]).open("a", encoding="utf-8") as noted:
        noted.write(f"{host}:{port}\n")


sys.addaudithook(_note)
