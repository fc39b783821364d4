"""The world that publishing is swept in: a GitHub that can be put back to what it was, and one job's commands."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import os
import re
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from cmlkit import clock
from cmlkit.__main__ import run
from cmlkit.records.training_run import RECORD, TrainingRun
from cmlkit_sandbox.github import GitHubServer
from cmlkit_sandbox.github.discussion import Issue, PullRequest
from cmlkit_sandbox.github.faults import RequestRecord
from cmlkit_sandbox.github.limits import Limits
from cmlkit_sandbox.github.repository import Repository
from tests.integration.project import BOT, REPOSITORY, STARTED, TOKEN, Project

# The state of a repository beside git's; objects of the hub in it stay the same ones.
KEPT = ("issues", "comments", "commit_comments", "check_runs", "statuses", "labels", "milestones", "runs")
# Numbers that GitHub gives out anew, and what a failed request was called.
IDS = re.compile(r"(?<=issuecomment-)\d+|(?<=commitcomment-)\d+|(?<=/runs/)\d+|(?<=check_run_id=)\d+")


# Variables of the job that runs the tests.
FOREIGN = [name for name in os.environ if name.startswith(("AWS_", "GITHUB_", "CMLKIT_", "RUNNER_"))]


class SimulatedTime:
    """`time` for the clock of cmlkit: whoever sleeps finds that it is later, at once."""

    def __init__(self) -> None:
        self.started = self.seconds = STARTED
        self.slept: Callable[[], None] = lambda: None

    def time(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept()


class Died(BaseException):
    """The process was killed; nothing in it may catch that."""


class Mortality:
    """Lets the process die at one request: before it is sent, or once it was answered.

    What was sent before still arrives; nothing is sent afterwards, by no thread of the process.
    """

    def __init__(self) -> None:
        self.at, self.answered, self.sent, self.lock = 0, False, 0, threading.Lock()
        self._request = requests.Session.request

    def expect(self, at: int, *, answered: bool) -> None:
        """The request at which the next command dies; 0 for none."""
        self.at, self.answered, self.sent = at, answered, 0

    def request(self, session: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        with self.lock:
            self.sent += 1
            number = self.sent
        if self.at and (number > self.at or (number == self.at and not self.answered)):
            raise Died
        response = self._request(session, *arguments, **options)
        if self.at and number == self.at:
            raise Died
        return response


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: its exit code, None if it was killed, and what it said."""

    code: int | None
    said: str


@dataclass(kw_only=True)
class _Snapshot:
    """A moment of the world."""

    files: Mapping[Path, Mapping[str, bytes]]
    repositories: Mapping[str, Mapping[str, Any]]


@dataclass(kw_only=True)
class World(Project):
    """One repository, the folder of a job, and the variables of its run."""

    time: SimulatedTime
    mortality: Mortality
    environ: dict[str, str] = field(default_factory=dict)
    # What ends with the world.
    stack: contextlib.ExitStack
    # Folders that are put back beside the repositories and the job's own.
    kept_folders: list[Path] = field(default_factory=list)
    # State that is elsewhere: how to put it back, and how to show it.
    reset: Callable[[], None] = lambda: None
    elsewhere: Callable[[], object] = lambda: None
    _snapshot: _Snapshot | None = None

    def recorded(self, training: TrainingRun) -> None:
        """Leave a training as `cmlkit train` does."""
        (self.directory / RECORD).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / RECORD).write_text(training.to_json())

    def keep(self) -> None:
        """Keep what there is now, for `begin`."""
        self.environ["GITHUB_SHA"] = self.environ.get("GITHUB_SHA") or self.head("main")
        self._snapshot = _Snapshot(
            files={folder: _contents(folder) for folder in self._folders()},
            repositories={name: _state_of(found) for name, found in self.github.hub.repositories.items()},
        )

    def begin(self) -> None:
        """Put everything back to what it was when it was kept, without faults."""
        assert self._snapshot is not None
        self.github.faults.clear()
        self.github.requests.clear()
        self.github.hub.limits = Limits(now=self.github.hub.now)
        self.mortality.expect(0, answered=False)
        self.time.seconds = self.time.started
        for folder, contents in self._snapshot.files.items():
            _put_back(folder, contents)
        for name, state in self._snapshot.repositories.items():
            _set_state(self.github.hub.repositories[name], state)
        self.reset()

    def _folders(self) -> list[Path]:
        return [
            *(found.git.path for found in self.github.hub.repositories.values()),
            self.directory,
            *self.kept_folders,
        ]

    def command(self, *arguments: str, **variables: str) -> Ended:
        """Run a command of cmlkit in the job's folder, with more variables."""
        said, before = io.StringIO(), Path.cwd()
        with pytest.MonkeyPatch.context() as patch:
            for name in FOREIGN:
                patch.delenv(name, raising=False)
            for name, value in {**self.environ, **variables}.items():
                patch.setenv(name, value)
            os.chdir(self.directory)
            try:
                with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                    code = run(arguments, environ=os.environ)
            except Died:
                return Ended(code=None, said=said.getvalue())
            finally:
                os.chdir(before)
        return Ended(code=code, said=said.getvalue())

    def process(self, *arguments: str, largest_file: int = resource.RLIM_INFINITY) -> subprocess.Popen[str]:
        """Start a command of cmlkit in the job's folder as a process of its own, in real time.

        Args:
            largest_file: Bytes that a file can get, as on a disk with so much room.
        """
        return subprocess.Popen(
            [sys.executable, "-m", "cmlkit", *arguments],
            cwd=self.directory,
            env={**{name: value for name, value in os.environ.items() if name not in FOREIGN}, **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file)),
        )

    def sent(self) -> list[RequestRecord]:
        """The requests that reached the servers since the beginning."""
        return list(self.github.requests)

    def work(self) -> Mapping[str, bytes]:
        """The files of the job's folder, without git's own."""
        return {name: content for name, content in _contents(self.directory).items() if not name.startswith(".git/")}

    def state(self) -> Any:
        """Everything that people can see of the repositories, without ids."""
        repositories = list(self.github.hub.repositories.values())
        shown = json.dumps([_shown(found) for found in repositories])
        named = {sha: name for found in repositories for sha, name in _commits(found).items()}
        named |= {sha[:12]: name for sha, name in named.items()}
        shown = re.sub("[0-9a-f]{40}|[0-9a-f]{12}", lambda match: named.get(match[0], match[0]), shown)
        return [json.loads(IDS.sub("ID", shown)), self.elsewhere()]


def _commits(repository: Repository) -> dict[str, str]:
    """Return id -> all that counts of each commit: files, author, message and parents, but not whether it is signed."""
    named: dict[str, str] = {}
    listed = repository.git.git("log", "--all", "--topo-order", "--reverse", "--format=%x01%H%x00%T%x00%an%x00%P%x00%B")
    for record in listed.decode().split("\1")[1:]:
        sha, *rest, parents, message = record.split("\0")
        known = [*rest, *(named[parent] for parent in parents.split()), message.strip()]
        named[sha] = f"commit-{hashlib.sha1(repr(known).encode(), usedforsecurity=False).hexdigest()[:8]}"
    return named


def _shown(repository: Repository) -> dict[str, Any]:
    refs, stored = repository.git.refs("refs/"), repository.git.path / "lfs"
    return {
        "refs": {ref.name: ref.sha for ref in refs if ref.kind == "commit"},
        "tags": {ref.name: repository.git.git("cat-file", "-p", ref.sha).decode() for ref in refs if ref.kind == "tag"},
        "discussions": [_discussion(repository, issue) for issue in repository.issues.values()],
        "comments": [[each.author.login, each.sha, each.body] for each in repository.commit_comments.values()],
        "checks": sorted(
            [each.name, each.sha, each.status, str(each.conclusion), str(each.output)]
            for each in repository.check_runs.values()
        ),
        "statuses": [[each.sha, each.context, each.state] for each in repository.statuses],
        "labels": sorted(repository.labels),
        "stored": sorted(path.name for path in stored.rglob("*") if path.is_file()),
    }


def _discussion(repository: Repository, issue: Issue) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "number": issue.number,
        "state": issue.state,
        "title": issue.title,
        "body": issue.body,
        "labels": sorted(issue.labels),
        "assignees": sorted(account.login for account in issue.assignees),
        "milestone": issue.milestone,
        "comments": [[each.author.login, each.body] for each in repository.comments_of(issue.number)],
    }
    if isinstance(issue, PullRequest):
        shown |= {
            "head": [issue.head, issue.head_sha],
            "base": issue.base,
            "draft": issue.draft,
            "merge": issue.merge_commit,
            "reviewers": sorted(account.login for account in issue.reviewers),
            "auto-merge": issue.auto_merge and issue.auto_merge.method,
        }
    return shown


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def _put_back(folder: Path, contents: Mapping[str, bytes]) -> None:
    for path in folder.rglob("*"):
        if not path.is_dir() and path.relative_to(folder).as_posix() not in contents:
            path.unlink()
    for name, content in contents.items():
        path = folder / name
        # git's objects never change.
        if path.is_file() and ("objects/" in name or path.read_bytes() == content):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _state_of(repository: Repository) -> dict[str, Any]:
    values = {name: getattr(repository, name) for name in KEPT}
    copied: dict[str, Any] = copy.deepcopy(values, _identities(repository))
    return copied


def _set_state(repository: Repository, state: Mapping[str, Any]) -> None:
    for name, value in copy.deepcopy(dict(state), _identities(repository)).items():
        setattr(repository, name, value)


def _identities(repository: Repository) -> dict[int, Any]:
    """Return the memo with which a copy refers to the same repositories and accounts."""
    kept: list[Any] = [repository, repository.parent]
    for pull in repository.pulls:
        kept += [pull.head_repository]
    accounts = {id(issue.author): issue.author for issue in repository.issues.values()}
    return {**{id(each): each for each in kept}, **accounts}


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """A repository with one commit, and a job of its own beside it."""
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "train.py").write_text("print('training')\n")
    (source / "README.md").write_text("# A project\n")
    time, mortality = SimulatedTime(), Mortality()
    with (
        pytest.MonkeyPatch.context() as patch,
        GitHubServer(folder / "github", now=lambda: STARTED) as github,
        contextlib.ExitStack() as stack,
    ):
        patch.setattr(clock, "time", time)
        patch.setattr(requests.Session, "request", _mortal(mortality))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        github.add_repository(REPOSITORY, source)
        github.add_token(TOKEN, BOT, kind="job")
        github.add_token("ghp_person", "ann")
        work = folder / "work"
        work.mkdir()
        environ = {
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "103",
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_WORKFLOW": "Train",
            "GITHUB_TOKEN": TOKEN,
        }
        yield World(github=github, directory=work, time=time, mortality=mortality, environ=environ, stack=stack)


def _mortal(mortality: Mortality) -> Callable[..., requests.Response]:
    def request(session: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
        return mortality.request(session, *arguments, **options)

    return request
