"""The runner application to download: a stand-in for actions/runner, as a tarball."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import tarfile
from importlib.resources import files

RUNNER_VERSION = "2.330.0"
ARCHITECTURES = ("x64", "arm64")
PROGRAMS = ("run.sh", "bin/Runner.Listener", "bin/Runner.Worker")


def filename(architecture: str) -> str:
    return f"actions-runner-linux-{architecture}-{RUNNER_VERSION}.tar.gz"


@functools.cache
def tarball() -> bytes:
    """Return the application, reproducible and, being Python, the same for all architectures."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in PROGRAMS:
            content = (files("cmlkit_sandbox") / "actions_runner" / name).read_bytes()
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


@functools.cache
def tarball_sha256() -> str:
    return hashlib.sha256(tarball()).hexdigest()
