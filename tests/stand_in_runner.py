"""A stand-in for the actions/runner tarball: what `run.sh` and `Runner.Worker` do is up to each test."""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

TAKE_A_JOB = 'echo "listening as $(id -un)"\n"$PWD/bin/Runner.Worker"\n'
FINISH_THE_JOB = "echo the job is done\n"


@dataclass(frozen=True, kw_only=True)
class Tarball:
    path: Path
    sha256: str


def write_tarball(
    path: Path, *, run: str = TAKE_A_JOB, worker: str = FINISH_THE_JOB, worker_shebang: str = "#!/bin/bash"
) -> Tarball:
    """Write a runner whose `run.sh` is the bash lines `run`, and whose `bin/Runner.Worker` is the program `worker`."""
    programs = {"run.sh": f"#!/bin/bash\n{run}", "bin/Runner.Worker": f"{worker_shebang}\n{worker}"}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in programs.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return Tarball(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
