"""A GitHub on loopback for the measured programs: a repository and a run's variables for each."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import Program
from cmlkit_sandbox.github import GitHubServer

CMLKIT = str(Path(sysconfig.get_path("scripts"), "cmlkit"))
FLOORS = Path(__file__).with_name("floors")
PNG = b"\x89PNG\r\n\x1a\n"  # how an image begins; nobody reads the rest here
OWNER, TOKEN = "octo", "ghs_job"
MODEL, METRICS = "model/m.joblib", "model/metrics.txt"


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A repository on the site, a working directory, and the variables of a workflow run for it."""

    repository: str
    directory: Path
    environ: Mapping[str, str]

    def cmlkit(self, *arguments: str) -> Program:
        return Program(argv=[CMLKIT, *arguments], directory=self.directory, environ=self.environ)

    def floor(self, name: str, *arguments: str) -> Program:
        argv = [sys.executable, str(FLOORS / f"{name}.py"), *arguments]
        environ = {**self.environ, "PYTHONPATH": str(FLOORS.parents[1])}
        return Program(argv=argv, directory=self.directory, environ=environ)

    def train(self, *, model_bytes: int, plots: int, plot_bytes: int = 100_000, metrics: int = 1) -> None:
        """Train: write a model and plots of random bytes, metrics, and the record to publish."""
        folder, source = self.directory / "model", random.Random(self.repository)
        folder.mkdir(exist_ok=True)
        for name, size in [("m.joblib", model_bytes), *((f"{number}.png", plot_bytes) for number in range(plots))]:
            begins = PNG if name.endswith(".png") else b""
            (folder / f".{name}").write_bytes(begins + source.randbytes(size))
        (folder / ".metrics.txt").write_text(
            "accuracy: 0.97\n" + "".join(f"loss_{number}: {number / 7}\n" for number in range(1, metrics)),
            encoding="utf-8",
        )
        names = ",".join(f"model/{number}.png" for number in range(plots))
        move = 'for file in model/.[a-z0-9]*; do cp "$file" "model/${file#model/.}"; done'
        self.cmlkit(
            "train", "--data", "", "--model", MODEL, "--metrics", METRICS, "--plots", names, "--", "bash", "-c", move
        ).run()


@dataclass(kw_only=True)
class Site:
    """The server, and the folder of its checkouts."""

    github: GitHubServer
    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def checkout(self) -> Checkout:
        """Create a repository without anything published, and check it out."""
        number = next(self.numbers)
        repository = f"{OWNER}/forest-{number}"
        directory = self.folder / f"work-{number}"
        directory.mkdir()
        (directory / "README.md").write_text("# A project\n", encoding="utf-8")
        self.github.add_repository(repository, directory)
        subprocess.run(["git", "init", "--quiet", str(directory)], check=True)
        run = self.github.start_run(repository)
        environ = {
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_REPOSITORY": repository,
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_SHA": run.sha,
            "GITHUB_REF": "refs/heads/main",
            "CMLKIT_TOKEN": TOKEN,
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        return Checkout(repository=repository, directory=directory, environ=environ)


@contextmanager
def site() -> Iterator[Site]:
    """Run a site for the duration of the `with` block."""
    with tempfile.TemporaryDirectory() as folder, GitHubServer(Path(folder, "github")) as github:
        github.add_token(TOKEN, "github-actions[bot]", kind="job")
        yield Site(github=github, folder=Path(folder))
