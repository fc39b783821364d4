"""Files as the cases write them: a text, or a mapping for what is no plain text.

notes.txt: a text
train.sh: {run: "echo trained"}          executable, with a line for the shell
plot.png: {png: 1}                       an image; different numbers are different images
latest: {link: models/a.bin}             a symbolic link
big.bin: {zeros: 5}                      a file of that many MiB
old.txt: null                            no such file (a commit removes it)
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEBIBYTE = 1024**2


def write_files(files: Mapping[str, Any], directory: Path) -> None:
    """Write files below a folder, or remove those that are None."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if content is not None:
            _write(path, content)


def _write(path: Path, content: Any) -> None:
    if isinstance(content, str):
        path.write_bytes(content.encode())
        return
    [(kind, value)] = content.items()
    if kind == "link":
        path.symlink_to(value)
    elif kind == "png":
        path.write_bytes(png(value))
    elif kind == "run":
        path.write_text(f"#!/bin/sh\n{value}\n")
        path.chmod(0o755)
    elif kind == "zeros":
        path.write_bytes(bytes(value * MEBIBYTE))
    else:
        raise ValueError(f"{path.name}: a file of the kind {kind!r} is not known here")


def png(number: int) -> bytes:
    """Return a PNG of one pixel whose colour is the number."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixel = zlib.compress(b"\0" + (number % 2**24).to_bytes(3))
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
