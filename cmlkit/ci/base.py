"""The workplace: the place where cmlkit runs, a job of a CI or a developer's machine."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cmlkit.bounds.files import read_regular
from cmlkit.errors import GitError, NotARepository
from cmlkit.progress import Lines, Live, Progress
from cmlkit.records.workflow_run import ReadsOnly, WorkflowRun
from cmlkit.settings import variables
from cmlkit.sinks import printing
from cmlkit.sinks.secrets import Secrets

if TYPE_CHECKING:
    from cmlkit.records.training_run import InstanceFacts

# The most that one step may write to the job's summary; a longer one is dropped whole.
SUMMARY_LIMIT_BYTES = 1024 * 1024
# A line for each step of a boot.
MARKS_BYTES = 64 * 1024

Level = Literal["error", "warning", "notice"]

# Begins the id of a run outside a CI; those of CIs are numbers.
_LOCAL = "local"

# cmlkit's own, which a step may set wherever it runs: they write to the repository and register runners, on which any
# job of the repository or the organisation may then run.
OWN_CREDENTIALS = (variables.TOKEN, variables.RUNNER_TOKEN, variables.APP_PRIVATE_KEY)


@dataclass(frozen=True, kw_only=True)
class Author:
    """Name and e-mail address of the author of a job's commits."""

    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class PullRequestEvent:
    """The pull request that started a run.

    Attributes:
        base: The branch to merge into; empty if unknown.
        from_fork: Whether it comes from another repository.
        head: Its own branch, which a fork has if it comes from one; `commit` is the head of it. Empty if unknown.
        merged: Whether it has been merged.
        body: Its text.
    """

    number: int
    base: str = ""
    from_fork: bool = False
    head: str = ""
    commit: str = ""
    merged: bool = False
    body: str = ""


class Workplace(ABC):
    """A place to work, as its environment describes it. Methods for things that a place lacks do nothing.

    A CI overrides the methods for things that it has; `cmlkit.ci` finds the class for an environment.

    Attributes:
        credentials: Variables whose readers can act on the repository, or in the name of the job.
        author: Author of commits in this place, if git has none.
        repository_variable: The variable that names the repository; empty if the place has none.
        forge: Name of the forge that has the repository, as in the registry of forges; the default one if empty.
        secrets: Those of the environment, which no output, summary or message shows.
    """

    credentials: ClassVar[tuple[str, ...]] = OWN_CREDENTIALS
    author: ClassVar[Author] = Author(name="cmlkit", email="cmlkit@localhost")
    repository_variable: ClassVar[str] = ""
    forge: ClassVar[str] = ""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.secrets = Secrets.of(environ)

    @classmethod
    @abstractmethod
    def is_here(cls, environ: Mapping[str, str]) -> bool:
        """Return whether `environ` belongs to such a place."""

    @abstractmethod
    def workflow_run(self, *, directory: Path = Path(), local_id: str = "", with_commit: bool = True) -> WorkflowRun:
        """Return the run that cmlkit works for.

        Args:
            directory: The checkout, for the repository and the commit if the environment lacks them.
            local_id: Distinguishes this run from others if the environment has no run id; random if empty.
            with_commit: Whether to ask git for the commit if the environment lacks it.

        Raises:
            SettingsError: No repository is known, or a variable has no valid value.
            GitError: git is needed, but is not installed, refuses or fails.
        """

    @property
    def is_job(self) -> bool:
        """Whether this process belongs to a job, whose log and page people read later."""
        return False

    @property
    def has_run(self) -> bool:
        """Whether the run exists in a CI, so that its address leads somewhere."""
        return False

    @property
    def hosted_cores(self) -> int:
        """CPU cores of this machine if the CI provides it; 0 if it is anybody else's."""
        return 0

    @property
    def workspace(self) -> Path | None:
        """The folder into which the job checked out the repository, if the place tells it."""
        return None

    @property
    def reads_only(self) -> ReadsOnly:
        """Why the CI gives this run a token that may only read; empty if it does not."""
        return ""

    def pull_request(self) -> PullRequestEvent | None:
        """Return the pull request that started the run, if one did."""
        return None

    def instance_facts(self) -> InstanceFacts | None:
        """Return the facts about this instance that the boot script told the job; None on any other machine."""
        environ = self.environ
        if not (instance_type := environ.get(variables.INSTANCE_TYPE, "")):
            return None
        from cmlkit.records.training_run import InstanceFacts

        return InstanceFacts(
            instance_id=environ.get(variables.INSTANCE_ID, ""),
            instance_type=instance_type,
            market=environ.get(variables.INSTANCE_MARKET, ""),
            region=environ.get(variables.INSTANCE_REGION, ""),
            price=_number(environ.get(variables.INSTANCE_PRICE, "")),
            disk_price=_number(environ.get(variables.INSTANCE_DISK_PRICE, "")),
            address_price=_number(environ.get(variables.INSTANCE_ADDRESS_PRICE, "")),
            minute_price=_number(environ.get(variables.INSTANCE_MINUTE_PRICE, "")) or 0.0,
            started=_number(environ.get(variables.INSTANCE_STARTED, "")),
            marks=_marks(Path(environ.get(variables.HOME, ""), "marks")),
            launcher=environ.get(variables.INSTANCE_LAUNCHER, ""),
        )

    def progress(self) -> Progress:
        """Return the progress to report stages to; in a job's log, each stage may fold its output."""
        return Live() if sys.stderr.isatty() else Lines()

    def write_outputs(self, values: Mapping[str, Any]) -> None:
        """Pass values on to later steps of the job: all of them, or none and FileError."""
        return

    def write_summary(self, markdown: str) -> bool:
        """Append to the summary on the job's page; return whether that worked."""
        return False

    def keep_secret(self, value: str) -> None:
        """Show a token that was just made in no text from now on; in a job, tell its runner, too."""
        self.secrets.add(value)
        printing.keep_secret(value)

    def annotate(self, level: Level, message: str, *, title: str = "") -> None:
        """Show a message on the page of the run."""
        return


def local_run_id(local_id: str) -> str:
    """Return an id for a run outside a CI; random if `local_id` is empty, so that two people never share a label."""
    return f"{_LOCAL}{local_id or os.urandom(4).hex()}"


def is_local(run_id: str) -> bool:
    """Return whether this is the id of a run outside a CI, of which no forge knows."""
    return run_id.startswith(_LOCAL)


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """Facts of its repository that a run needs; empty if unknown.

    Attributes:
        repository: `OWNER/NAME`.
        server: Root of the pages of the server that has it, such as `https://git.example.com`.
    """

    repository: str = ""
    commit: str = ""
    server: str = ""


def of_checkout(directory: Path, *, known: Checkout, with_commit: bool = True) -> Checkout:
    """Return repository, commit and server, each from git if it is not known yet; empty outside a git repository.

    Raises:
        GitError: git is needed for the repository or the commit, but is not installed, refuses or fails.
    """
    asks_commit = with_commit and not known.commit
    if known.repository and known.server and not asks_commit:
        return known
    from cmlkit.git import checkout, remote

    found = None
    try:
        if not (known.repository and known.server):
            found = remote.origin(directory)
        commit = known.commit or (checkout.head_commit(directory) if asks_commit else "") or ""
    except GitError as error:
        # The environment may have all that is needed.
        if not isinstance(error, NotARepository) and (not known.repository or asks_commit):
            raise
        return known
    return Checkout(
        repository=known.repository or (found.repository if found else ""),
        commit=commit,
        server=known.server or (found.server if found else ""),
    )


def _marks(path: Path) -> dict[str, float]:
    """Return step of the boot script -> when it first began; empty if the file is out of reach, as in a container."""
    try:
        text = read_regular(path, MARKS_BYTES).decode("ascii", "replace")
    except OSError:
        return {}
    pairs = [line.split(" ") for line in reversed(text.splitlines())]
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
