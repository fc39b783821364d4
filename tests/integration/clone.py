"""A job's clone of the sandbox's repository, and what others do to that meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.repository import Repository

TRACKED = {
    "README.md": "# A project\n",
    "params.yaml": "".join(f"p{number}: {number}\n" for number in range(1, 10)),
    "train.py": "print('training')\n",
    ".gitignore": "*.env\n.venv/\n__pycache__/\nscratch/\n",
    "data/a.csv": "1\n",
    "data/b.csv": "2\n",
    "pkg/module.py": "x = 1\n",
}


@dataclass(kw_only=True)
class Job:
    """A job's clone of the repository, and the commands that it runs there."""

    directory: Path
    sandbox: Sandbox
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, cwd=self.directory)
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("-c", "user.name=Job", "-c", "user.email=job@example.com", "commit", "--quiet", "-m", message)

    def pr(self, *arguments: str, folder: str = ".") -> dict[str, Any]:
        """The result of `cmlkit pr create`, and what it says besides under `said`."""
        self.monkeypatch.chdir(self.directory / folder)
        self.capsys.readouterr()
        code = run(["pr", "create", "--json", *arguments], environ=os.environ)
        shown = self.capsys.readouterr()
        assert code == 0, shown.err
        return {**json.loads(shown.out), "said": shown.err}

    def refused(self, *arguments: str) -> str:
        self.monkeypatch.chdir(self.directory)
        self.capsys.readouterr()
        assert run(["pr", "create", *arguments], environ=os.environ) == 2
        assert not self.repository.pulls
        return self.capsys.readouterr().err

    @property
    def repository(self) -> Repository:
        return self.sandbox.github.hub.repository(self.sandbox.repository)

    def colleague(self, files: dict[str, str | None], branch: str = "main") -> str:
        """Commit to the repository as somebody else does meanwhile."""
        there = self.directory.parent / f"colleague-{len(list(self.directory.parent.iterdir()))}"
        origin = str(self.repository.git.path)
        subprocess.run(["git", "clone", "-q", "-b", branch, origin, there], check=True, capture_output=True)
        for path, content in files.items():
            (there / path).parent.mkdir(parents=True, exist_ok=True)
            (there / path).unlink(missing_ok=True)
            if content is not None:
                (there / path).write_text(content)
        author = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        for command in (["add", "--all"], [*author, "commit", "-qm", "By hand"], ["push", "-q", "origin", branch]):
            subprocess.run(["git", "-C", str(there), *command], check=True, capture_output=True)
        after_push(self.sandbox.github.hub, self.repository)
        return str(self.repository.git.branch_head(branch))

    def changes(self, base: str = "main") -> dict[str, str]:
        """Path -> status of what the only pull request brings, as GitHub shows it."""
        [pull] = [pull for pull in self.repository.pulls if pull.base == base]
        listed = self.repository.git.git(
            "diff", "--no-renames", "--name-status", "-z", f"{base}...{pull.head_sha}"
        ).decode()
        fields = listed.split("\0")
        return dict(zip(fields[1::2], fields[::2], strict=False))

    def content(self, path: str) -> bytes:
        return self.repository.git.git("show", f"{self.repository.pulls[-1].head_sha}:{path}")

    def mode(self, path: str) -> str:
        listed = self.repository.git.git("ls-tree", "-z", self.repository.pulls[-1].head_sha, "--", path)
        return listed.decode().split(" ")[0]

    def merged(self, path: str) -> bytes:
        """Return a file as it is after the only pull request is merged."""
        [pull] = self.repository.pulls
        tree = self.repository.git.line("merge-tree", "--write-tree", "main", pull.head_sha).splitlines()[0]
        return self.repository.git.git("show", f"{tree}:{path}")
