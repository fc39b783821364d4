"""The state of the sandbox's GitHub: accounts, tokens and repositories in memory, beside bare repositories on disk."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cmlkit_sandbox.github.accounts import (
    BOT,
    CLASSIC_SCOPES,
    Account,
    Level,
    Token,
    TokenKind,
)
from cmlkit_sandbox.github.apps import App
from cmlkit_sandbox.github.discussion import Label
from cmlkit_sandbox.github.git_repository import GitRepository
from cmlkit_sandbox.github.jobs import Job, StepResult, WorkflowRun
from cmlkit_sandbox.github.limits import Limits
from cmlkit_sandbox.github.refusals import not_found
from cmlkit_sandbox.github.repository import DEFAULT_LABELS, Repository
from cmlkit_sandbox.github.runners import RunnerPool

DEFAULT_BRANCH = "main"
SEED_MESSAGE = "Start the project"
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
JOB_RATE_LIMIT = 1000


class Hub:
    """The whole state of the sandbox's GitHub.

    Args:
        directory: Folder of the bare repositories.
        now: Clock, in seconds since the epoch.

    Attributes:
        url: Root of the web pages, such as `http://127.0.0.1:40123`; known once the server listens.
        deleted: Ids of accounts that were deleted; what they wrote stays.
    """

    def __init__(self, directory: Path, *, now: Callable[[], float]) -> None:
        self.directory = directory
        self.now = now
        self.url = ""
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.former_names: dict[str, Repository] = {}
        self.apps: dict[int, App] = {}
        self.deleted: set[int] = set()
        self.cancel_grace_seconds = (7.5, 2.5)
        self._ids = itertools.count(1001)
        self._lock = threading.RLock()
        self.runners = RunnerPool(next_id=self.next_id, timestamp=self.timestamp, finished=self._forget_token)
        self.limits = Limits(now=now)
        self.bot = self.account(BOT, kind="Bot")

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    def next_id(self) -> int:
        return next(self._ids)

    def moment(self) -> datetime:
        """Return the server's time, to the second."""
        return datetime.fromtimestamp(int(self.now()), tz=UTC)

    def timestamp(self) -> str:
        """Return the time as GitHub writes it."""
        return self.moment().strftime("%Y-%m-%dT%H:%M:%SZ")

    def account(self, login: str, *, kind: Literal["User", "Organization", "Bot"] = "User") -> Account:
        """Return the account with that login, created if missing."""
        with self._lock:
            if login.lower() not in self.accounts:
                self.accounts[login.lower()] = Account(id=self.next_id(), login=login, kind=kind)
            return self.accounts[login.lower()]

    def add_token(
        self,
        value: str,
        login: str,
        *,
        kind: TokenKind = "personal",
        permissions: Mapping[str, Level] | None = None,
        scopes: Sequence[str] = CLASSIC_SCOPES,
        repositories: Sequence[str] | None = None,
        rate_limit: int = 5000,
        expires: float | None = None,
    ) -> Token:
        """Add a valid token; see Token for its fields."""
        reached = None if repositories is None else frozenset(each.lower() for each in repositories)
        token = Token(
            value=value,
            account=self.account(login),
            kind=kind,
            permissions=permissions,
            scopes=tuple(scopes),
            repositories=reached,
            rate_limit=rate_limit,
            expires=expires,
        )
        self.tokens[value] = token
        return token

    def add_app(self, app_id: int, public_key: str, *, owner: str, permissions: Mapping[str, Level]) -> App:
        slug = f"app-{app_id}"
        app = App(
            id=app_id,
            slug=slug,
            public_key=public_key,
            owner=self.account(owner),
            bot=self.account(f"{slug}[bot]", kind="Bot"),
            installation_id=self.next_id(),
            permissions=permissions,
            created=self.timestamp(),
        )
        self.apps[app_id] = app
        return app

    def add_repository(self, full_name: str, *, source: Path | None, private: bool) -> Repository:
        owner, _, name = full_name.partition("/")
        git = GitRepository.create(self.directory / f"{full_name}.git", branch=DEFAULT_BRANCH)
        if source is not None:
            git.seed(source, branch=DEFAULT_BRANCH, message=SEED_MESSAGE)
        repository = Repository(
            id=self.next_id(),
            owner=self.account(owner),
            name=name,
            private=private,
            default_branch=DEFAULT_BRANCH,
            git=git,
            created=self.timestamp(),
        )
        for label, color in DEFAULT_LABELS.items():
            repository.labels[label] = Label(id=self.next_id(), name=label, color=color, default=True)
        self.repositories[full_name.lower()] = repository
        return repository

    def repository(self, full_name: str) -> Repository:
        """Return the repository with this name or former name, ignoring case.

        A former name of it will do, too.

        Raises:
            Refusal: It does not exist.
        """
        name = full_name.lower().removesuffix(".git")
        found = self.repositories.get(name) or self.former_names.get(name)
        if found is None:
            raise not_found()
        return found

    def start_run(
        self, full_name: str, *, workflow: str = "Train", event: str = "schedule", branch: str = "", actor: str = ""
    ) -> WorkflowRun:
        """Start a run of a workflow, without jobs."""
        repository = self.repository(full_name)
        head = branch or repository.default_branch
        with repository.lock:
            run = WorkflowRun(
                id=self.next_id(),
                number=len(repository.runs) + 1,
                workflow=workflow,
                event=event,
                branch=head,
                sha=repository.git.branch_head(head) or "",
                actor=self.account(actor) if actor else repository.owner,
                created=self.timestamp(),
            )
            repository.runs[run.id] = run
        return run

    def queue_job(
        self,
        repository: Repository,
        run: WorkflowRun,
        *,
        name: str,
        labels: Sequence[str],
        steps: Sequence[str],
        environ: Mapping[str, str],
        permissions: Mapping[str, Level],
    ) -> Job:
        """Add a job to a run; it waits for a runner that has all of its labels."""
        job = Job(
            id=self.next_id(),
            name=name,
            repository=repository.full_name,
            is_private=repository.private,
            run=run,
            attempt=run.attempt,
            labels=tuple(run.expand(label) for label in labels),
            asked_labels=tuple(labels),
            steps=tuple(steps),
            environ=dict(environ),
            permissions=dict(permissions),
            created=self.timestamp(),
            changed=self.runners.changed,
            look=self.runners.look,
        )
        run.jobs.append(job)
        self.runners.queue(job)
        return job

    @contextmanager
    def hosted_job(self, repository: Repository, run: WorkflowRun, *, name: str, step: str) -> Iterator[Job]:
        """Show a job of one step on a machine of GitHub's while the block lasts, whose work the block does itself."""
        job = self.queue_job(
            repository, run, name=name, labels=["ubuntu-latest"], steps=[step], environ={}, permissions={}
        )
        self.runners.start_hosted(job)
        job.results += self._steps("Set up job", step)
        conclusion = "failure"
        try:
            yield job
            conclusion = "success"
        finally:
            for result in job.results:
                result.conclusion, result.completed = conclusion, result.completed or self.timestamp()
            self.runners.finish(job, conclusion)

    def _steps(self, *names: str) -> list[StepResult]:
        """Return steps that begin now, of which the last one goes on."""
        now = self.timestamp()
        steps = [StepResult(name=name, number=number, started=now) for number, name in enumerate(names, start=1)]
        for step in steps[:-1]:
            step.conclusion, step.completed = "success", now
        return steps

    def job_token(self, job: Job) -> str:
        """Return a job's GITHUB_TOKEN: created once, for its repository only, invalid after the job."""
        if not job.token:
            job.token = f"ghs_sandbox{secrets.token_hex(12)}"
            self.tokens[job.token] = Token(
                value=job.token,
                account=self.bot,
                kind="job",
                permissions=job.permissions,
                repositories=frozenset({job.repository.lower()}),
                rate_limit=JOB_RATE_LIMIT,
            )
        return job.token

    def _forget_token(self, job: Job) -> None:
        self.tokens.pop(job.token, None)
