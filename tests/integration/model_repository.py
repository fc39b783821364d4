"""A repository with versions of a model, made with git itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cmlkit.model.file import write_manifest

MODEL = "model/forest.joblib"
MANIFEST = f"{MODEL}.json"
RUN = "https://github.com/octo/forest/actions/runs"


@dataclass(kw_only=True)
class ModelRepository:
    """A checkout whose commits bring models. Each commit is a minute after the one before it."""

    directory: Path
    minutes: int = field(default=0)

    def git(self, *arguments: str) -> str:
        self.minutes += 1
        moment = f"2024-05-31T{8 + self.minutes // 60:02}:{self.minutes % 60:02}:00Z"
        who = {"NAME": "Ann", "EMAIL": "ann@example.com", "DATE": moment}
        names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        environ = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.directory, env=environ, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(
        self, accuracy: float, *, depth: int = 5, libraries: Mapping[str, str] | None = None, content: bytes = b""
    ) -> None:
        """A model in the working tree, another one for each accuracy."""
        file = self.directory / MODEL
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content or b"model of %r" % accuracy)
        write_manifest(
            file,
            metrics={"accuracy": accuracy, "log_loss": round(1 - accuracy, 4)},
            parameters={"max_depth": depth},
            libraries=libraries,
        )

    def commit(self, accuracy: float, *, run: int = 0, depth: int = 5) -> str:
        """A commit with that model; its id."""
        self.write(accuracy, depth=depth)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Retrain {MODEL}\n\n{f'{RUN}/{run}' if run else ''}")
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def promote(self, number: int, commit: str, *, message: str = "") -> None:
        """A promotion as somebody may make it by hand."""
        name = f"model/forest/production/{number}"
        self.git("tag", "--annotate", name, commit, "--message", message or f"Promote {number}")

    def manifest(self) -> Mapping[str, object]:
        found: Mapping[str, object] = json.loads((self.directory / MANIFEST).read_text())
        return found


def model_repository(directory: Path) -> ModelRepository:
    """One without a model, at its first commit, on the branch main."""
    directory.mkdir(parents=True, exist_ok=True)
    made = ModelRepository(directory=directory)
    made.git("init", "--quiet", ".")
    made.git("symbolic-ref", "HEAD", "refs/heads/main")
    (directory / "README.md").write_text("# Forest\n")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "First")
    return made
