"""cmlkit's commands as a job runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(kw_only=True)
class Job:
    """A job's folder and variables, and the commands that it runs there."""

    directory: Path
    environ: dict[str, str]

    def write(self, path: str, content: str | bytes) -> str:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], check=True, capture_output=True, text=True, cwd=self.directory, env=self.environ
        )
        return done.stdout.strip()

    def result(self, *command: str, **environ: str) -> dict[str, Any]:
        """Return what a command that must succeed prints with --json."""
        code, out, err = self.outcome(*command, "--json", **environ)
        assert code == 0, err
        answer: dict[str, Any] = json.loads(out)
        return answer

    def outcome(self, *command: str, **environ: str) -> tuple[int, str, str]:
        """Return a command's exit code, standard output and standard error."""
        done = subprocess.run(
            [sys.executable, "-m", "cmlkit", *command],
            cwd=self.directory,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def trained(self, accuracy: float, **environ: str) -> None:
        """Run a training that writes a model and this metric."""
        settings = """
            train:
              run: echo "model of $ACCURACY" >m.joblib; echo "accuracy=$ACCURACY" >metrics.txt
              model: m.joblib
              metrics: [metrics.txt]
              plots: []
              data: []
            gate: ["accuracy >= 0.5"]
        """
        self.write("cmlkit.yaml", settings)
        (self.directory / "m.joblib").unlink(missing_ok=True)
        (self.directory / "metrics.txt").unlink(missing_ok=True)
        self.result("train", ACCURACY=str(accuracy), **environ)
