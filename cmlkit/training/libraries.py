"""Libraries: their versions in the Python that a training command finds, which need not be ours."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cmlkit.model.environment import LIBRARIES, installed_versions
from cmlkit.process import beside

TIMEOUT_SECONDS = 10.0
# importlib.metadata would say the same, and take three times as long to load.
_QUESTION = """
import os, sys
print("python", sys.version.split()[0])
for folder in reversed(sys.path):
    if folder and os.path.isdir(folder):
        print("folder", folder)
        for name in os.listdir(folder):
            if name.endswith(".dist-info"):
                print("found", *name[:-10].split("-"))
"""


class Libraries:
    """Asks the Python of an environment beside other work, and again at the end where something was installed since."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory, self._environ = directory, environ
        self._asked = time.time()
        self._process = self._ask()

    def versions(self) -> dict[str, str]:
        """Distribution -> version, `python` among them; those installed here where there is no other Python."""
        found = self._answer()
        if found is None or any(_changed_since(folder, self._asked) for folder in found[1]):
            self._process = self._ask()
            found = self._answer()
        return found[0] if found else installed_versions()

    def close(self) -> None:
        """End what still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def _ask(self) -> subprocess.Popen[bytes] | None:
        path = self._environ.get("PATH")
        program = shutil.which("python", path=path) or shutil.which("python3", path=path)
        if program is None:
            return None
        return beside([program, "-c", _QUESTION], answers=True, directory=self._directory, environ=self._environ)

    def _answer(self) -> tuple[dict[str, str], list[str]] | None:
        """The versions, and the folders that they were found in; None where nothing answers in time."""
        if self._process is None:
            return None
        try:
            output, _ = self._process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.close()
            return None
        return _read(output.decode("utf-8", "replace")) if self._process.returncode == 0 else None


@contextmanager
def asked_beside(directory: Path, environ: Mapping[str, str]) -> Iterator[Libraries]:
    """The question, asked at once; nothing of it is left afterwards."""
    libraries = Libraries(directory, environ)
    try:
        yield libraries
    finally:
        libraries.close()


def _read(output: str) -> tuple[dict[str, str], list[str]] | None:
    versions: dict[str, str] = {}
    folders: list[str] = []
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "folder":
            folders.append(rest)
        elif kind == "python":
            versions["python"] = rest
        elif kind == "found" and rest.count(" ") == 1:
            name, version = rest.split(" ")
            # What comes first on the path is named last, and counts.
            versions[name.lower().replace("_", "-")] = version
    known = {name: versions[name] for name in ("python", *LIBRARIES) if name in versions}
    return (known, folders) if known else None


def _changed_since(folder: str, moment: float) -> bool:
    try:
        return Path(folder).stat().st_mtime >= moment
    except OSError:
        return True
