"""Libraries: their versions in the Python that a training command finds, which need not be ours."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from cmlkit.errors import ServiceError
from cmlkit.model.environment import LIBRARIES, installed_versions
from cmlkit.process import run_program

TIMEOUT_SECONDS = 10.0
# importlib.metadata would say the same, and take three times as long to load.
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
    """Return distribution -> version, `python` among them, as the environment's Python finds them.

    Those installed here, if no Python answers within `timeout` seconds.
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
            # What comes first on the path is printed last, and counts.
            versions[name.lower().replace("_", "-")] = version
    return {name: versions[name] for name in ("python", *LIBRARIES) if name in versions}
