"""A project in the sandbox's GitHub: its working directory, its trainings, and what is published of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit.forges.base import TreeFile
from cmlkit.forges.github import GitHub
from cmlkit.model.file import write_manifest
from cmlkit.publishing.publication import Publication
from cmlkit.publishing.publish import publish
from cmlkit.records.training_run import Resources, TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import PublishSpec
from cmlkit_sandbox.github import GitHubServer
from cmlkit_sandbox.github.seeding import add_comments, add_review
from tests.contract import Contract, ContractMiddleware, ContractViolation, assert_contract_kept

REPOSITORY = "octo/forest"
TOKEN = "ghs_workflow"
BOT = "github-actions[bot]"
MODEL, MANIFEST, METRICS, PLOT = "model/m.joblib", "model/m.joblib.json", "model/metrics.txt", "model/plot.png"
REPORT = "model/m.joblib.md"
STARTED = 1_717_142_400.0  # 2024-05-31 08:00 UTC
# A PNG of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f00050001ff"
    "89993d1d0000000049454e44ae426082"
)


@dataclass
class RecordedProgress:
    """Keeps what a person would read."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, title: str) -> Iterator[Any]:
        yield self.notes.append

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class QuickClock:
    """Waits a twentieth of the time, and not long, so that what others do meanwhile in real time can come."""

    def now(self) -> float:
        return STARTED

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 1.0) / 20)


@dataclass(kw_only=True)
class Project:
    """One repository on one server, published from one folder.

    Attributes:
        begun: `everything` before the first publish.
    """

    github: GitHubServer
    directory: Path
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    begun: dict[str, Any] = field(default_factory=dict)

    def trained(
        self, accuracy: float, *, content: bytes | None = None, depth: int = 5, **further: float
    ) -> TrainingRun:
        """A training that wrote its files: with the accuracy, and a model that is different for each."""
        metrics = {"accuracy": accuracy, **further}
        model = b"model of %r" % accuracy if content is None else content
        (self.directory / "model").mkdir(parents=True, exist_ok=True)
        (self.directory / MODEL).write_bytes(model)
        write_manifest(self.directory / MODEL, metrics=metrics, parameters={"max_depth": depth})
        (self.directory / METRICS).write_text(f"accuracy: {accuracy}\n")
        (self.directory / PLOT).write_bytes(PIXEL + repr(accuracy).encode())
        return TrainingRun(
            mode="command",
            command="python train.py",
            metrics=metrics,
            parameters={"max_depth": depth},
            metrics_files=(METRICS,),
            model=MODEL,
            plots=(PLOT,),
            resources=Resources(wall_seconds=2.0, cpu_seconds=2.0, peak_memory_bytes=1 << 20),
            started=STARTED,
        )

    def client(self, *, token: str = TOKEN, **options: Any) -> GitHub:
        settings = {
            "repository": REPOSITORY,
            "token": token,
            "api_url": self.github.api_url,
            "clock": QuickClock(),
            "environ": os.environ,
        }
        return GitHub(**{**settings, **options})

    def publish(
        self,
        run: TrainingRun,
        *,
        run_id: str = "100",
        attempt: int = 1,
        rules: Sequence[str] = (),
        prefix: str = "",
        forge: GitHub | None = None,
        from_fork: bool = False,
        **spec: Any,
    ) -> Publication:
        return publish(
            run,
            spec=PublishSpec(**spec),
            rules=rules,
            directory=self.directory,
            prefix=PurePosixPath(prefix),
            forge=forge or self.client(),
            workflow_run=self.workflow_run(run_id, attempt, from_fork=from_fork),
            progress=self.progress,
            clock=QuickClock(),
        )

    def workflow_run(self, run_id: str = "100", attempt: int = 1, *, from_fork: bool = False) -> WorkflowRun:
        return WorkflowRun(
            repository=REPOSITORY,
            run_id=run_id,
            attempt=attempt,
            sha=self.head("main"),
            server_url=self.github.url,
            from_fork=from_fork,
        )

    @property
    def repository(self) -> Any:
        return self.github.hub.repository(REPOSITORY)

    def head(self, branch: str) -> str:
        return str(self.repository.git.branch_head(branch) or "")

    def branches(self) -> set[str]:
        return {ref.name.removeprefix("refs/heads/") for ref in self.repository.git.refs("refs/heads/")}

    def git(self, *arguments: str) -> str:
        return str(self.repository.git.git(*arguments).decode())

    def files(self, branch: str) -> set[str]:
        return set(self.git("ls-tree", "-r", "--name-only", branch).split())

    def everything(self) -> dict[str, Any]:
        """Return all that a publish could have written, whichever API it used: the log of requests shows no GraphQL."""
        there = self.repository
        return {
            "refs": self.git("for-each-ref", "--format=%(refname) %(objectname)").split("\n"),
            "pulls": [
                (pull.number, pull.title, pull.body, pull.state, pull.draft, tuple(pull.labels)) for pull in there.pulls
            ],
            "comments": [self.comments(pull.number) for pull in there.pulls],
            "checks": sorted(there.check_runs),
            "statuses": list(there.statuses),
        }

    def open_pulls(self) -> list[int]:
        return [pull.number for pull in self.repository.pulls if pull.state == "open"]

    def comments(self, number: int) -> list[str]:
        return [comment.body for comment in self.repository.comments_of(number)]

    def commit_to(self, branch: str, files: Mapping[str, str]) -> None:
        """Commit as a person does, through the API."""
        forge = self.client(token="ghp_person")
        entries = [TreeFile(path=path, blob=forge.create_blob(text.encode())) for path, text in files.items()]
        forge.move_branch(branch, forge.create_commit(parent=self.head(branch), files=entries, message="By hand"))

    def comment(self, number: int, login: str, text: str) -> None:
        add_comments(self.github.hub, REPOSITORY, number, login, [text])

    def review(self, number: int, login: str) -> None:
        add_review(self.github.hub, REPOSITORY, number, login)

    def merge(self, number: int) -> None:
        """Merge as a person does."""
        client = self.client(token="ghp_person")
        client.http.request("PUT", f"/repos/{REPOSITORY}/pulls/{number}/merge", body={"merge_method": "merge"})


@contextmanager
def project(folder: Path, *, private: bool = False) -> Iterator[Project]:
    """A project whose every exchange with the server keeps GitHub's contract."""
    violations: list[ContractViolation] = []
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "train.py").write_text("print('training')\n")
    with GitHubServer(
        folder / "github", wrap=lambda app: ContractMiddleware(app, Contract.load(), violations, prefix="/api/v3")
    ) as github:
        github.add_repository(REPOSITORY, source, private=private)
        github.add_token(TOKEN, BOT, kind="job")
        github.add_token("ghp_person", "ann")
        work = folder / "work"
        work.mkdir()
        found = Project(github=github, directory=work)
        found.begun = found.everything()
        yield found
    assert_contract_kept(violations)
