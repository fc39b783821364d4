"""Libraries: their versions in the Python that a training command finds, which may differ from ours."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from cmlkit.errors import ServiceError
from cmlkit.model.environment import LIBRARIES, installed_versions
from cmlkit.process import run_program

TIMEOUT_SECONDS = 10.0
# importlib.metadata would return the same, but takes three times as long to load.
_QUESTION = """
import os, sys
print("python", sys.version.split()[0])
for folder in reversed(sys.path):
    if folder and os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.endswith(".dist-info"):
                print(*name[:-10].split("-"))
"""


def versions_for(directory: Path, environ: Mapping[str, str], *, timeout: float = TIMEOUT_SECONDS) -> dict[str, str]:
    """Return distribution -> version, `python` included, in the environment's Python.

    If no Python answers within `timeout` seconds, the versions are those installed here.
    """
    path = environ.get("PATH")
    program = shutil.which("python", path=path) or shutil.which("python3", path=path)
    if program is None:
        return installed_versions()
    try:
        ended = run_program([program, "-c", _QUESTION], directory=directory, environ=environ, timeout=timeout)
    except ServiceError:
        return installed_versions()
    return (_read(ended.output) if ended.code == 0 else {}) or installed_versions()


def _read(output: str) -> dict[str, str]:
    versions: dict[str, str] = {}
    for line in output.splitlines():
        name, _, version = line.partition(" ")
        if version and " " not in version:
            # The first folder on the path is printed last, and takes precedence.
            versions[name.lower().replace("_", "-")] = version
    return {name: versions[name] for name in ("python", *LIBRARIES) if name in versions}
