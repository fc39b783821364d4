"""Models of 10 MB, 90 MB and 2 GB through every store that takes them, there and back, by the commands themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmlkit.stores.base import hashed
from tests.bucket import bucket
from tests.integration.project import MANIFEST, MODEL, REPOSITORY, TOKEN, Project, project
from tests.slow.test_dvc_store import dvc

MEGABYTE = 10**6
# What a command may need more for a large model than for a small one: buffers, not the model.
FLAT_BYTES = 64 * MEGABYTE


# The system counts a process's memory from before it is a program of its own, when it is a copy of the one that starts
# it. The servers of these tests hold the models in their memory, so a small process stands in between.
MEASURED = """
import os, sys
command = [sys.executable, "-m", "cmlkit", *sys.argv[1:]]
child = os.posix_spawn(sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True, kw_only=True)
class Shuttle:
    """Takes models to a store and back by the commands, each a process of its own whose peak memory is measured."""

    there: Project
    home: Path

    def there_and_back(self, store: str, size: int) -> int:
        """Train, publish and pull a model of so many bytes; the most memory that publish or pull took, in bytes."""
        folder, run = self.there.directory, str(size)
        write = f"mkdir -p model; echo {size} >{MODEL}; truncate -s {size} {MODEL}"
        write += "; echo accuracy: 0.9 >model/metrics.txt"
        self._cmlkit(run, "train", "--", "bash", "-c", write)
        original = hashed(folder / MODEL)
        peaks = [self._cmlkit(run, "publish", "--store", store)]
        (folder / MODEL).unlink()
        (folder / MANIFEST).unlink()
        address = f"{self.there.github.url}/{REPOSITORY}.git"
        subprocess.run(["git", "fetch", "--quiet", address, f"cmlkit/main/{run}:{run}"], cwd=folder, check=True)
        peaks.append(self._cmlkit(run, "model", "pull", MODEL, "--at", run))
        assert hashed(folder / MODEL) == original
        return max(peaks)

    def _cmlkit(self, run: str, *arguments: str) -> int:
        """Run a command that has to end well; its peak memory in bytes."""
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *arguments],
            cwd=self.there.directory,
            env={**self._environ(), "GITHUB_RUN_ID": run},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout) * 1024

    def _environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("AWS_")}
        return {
            **inherited,
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "GITHUB_API_URL": self.there.github.api_url,
            "GITHUB_SERVER_URL": self.there.github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": self.there.head("main"),
            "CMLKIT_TOKEN": TOKEN,
            "DVC_SITE_CACHE_DIR": str(self.home / "dvc"),
        }


@pytest.fixture
def shuttle(tmp_path: Path) -> Iterator[Shuttle]:
    with project(tmp_path) as there, bucket("models"):
        subprocess.run(["git", "init", "--quiet"], cwd=there.directory, check=True)
        for arguments in (["init", "--quiet"], ["remote", "add", "--quiet", "--default", "beside", "../dvc-remote"]):
            dvc(there.directory, *arguments)
        (there.directory / "cmlkit.yaml").write_text(f"train: {{model: {MODEL}, plots: [], data: []}}\n")
        yield Shuttle(there=there, home=tmp_path)


@pytest.mark.parametrize("size", [10 * MEGABYTE, 90 * MEGABYTE])
def test_git_takes_models_up_to_its_limit(shuttle: Shuttle, size: int) -> None:
    shuttle.there_and_back("git", size)


@pytest.mark.parametrize("store", ["lfs", "s3://models/forest", "dvc"])
def test_two_gigabytes_go_there_and_back_in_the_memory_that_ten_megabytes_take(shuttle: Shuttle, store: str) -> None:
    small, medium, large = (shuttle.there_and_back(store, size * MEGABYTE) for size in (10, 90, 2000))
    print(f"{store}: {small / MEGABYTE:.0f}, {medium / MEGABYTE:.0f} and {large / MEGABYTE:.0f} MB of memory")
    assert medium < small + FLAT_BYTES
    assert large < small + FLAT_BYTES
