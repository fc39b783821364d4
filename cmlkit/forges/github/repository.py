"""The forge: one repository on GitHub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cmlkit.clock import Clock
from cmlkit.forges.github import API_URL
from cmlkit.forges.github.access import Tokens
from cmlkit.forges.github.assets import Assets
from cmlkit.forges.github.attestations import Attestations
from cmlkit.forges.github.checks import Checks
from cmlkit.forges.github.comments import Comments
from cmlkit.forges.github.facts import FACTS
from cmlkit.forges.github.operations import checked_repository
from cmlkit.forges.github.patience import MAX_WAIT_SECONDS
from cmlkit.forges.github.pull_requests import PullRequests
from cmlkit.forges.github.runners import DEFAULT_RUNNER_GROUP, Runners, RunnerScope
from cmlkit.forges.github.signed_commits import SignedCommits
from cmlkit.forges.github.tags import Tags
from cmlkit.forges.github.transport import Transport
from cmlkit.forges.github.workflow_runs import WorkflowRuns

if TYPE_CHECKING:
    import requests


class GitHub(SignedCommits, Assets, Tags, PullRequests, Comments, Checks, Attestations, WorkflowRuns, Tokens, Runners):
    """One repository on one GitHub, worked on with one token.

    Requests are retried where that is safe: on outages and lost connections with growing pauses, on rate limits for as
    long as GitHub asks, together at most `max_wait` seconds. A write whose answer got lost is looked for before it is
    sent again. All methods raise `PermissionDenied`, `NotFound`, `Conflict` or `ServiceError` as GitHub answers.

    Args:
        repository: `OWNER/NAME`.
        token: Never shown: not in messages, not in `repr`.
        api_url: Root of the REST API; `https://HOST/api/v3` for GitHub Enterprise Server.
        graphql_url: Derived from `api_url` when empty.
        runner_scope: Whether runners are registered with the repository or with its organisation.
        runner_group_id: Group of new runners; the default group has the id 1.
        session: A `requests.Session`, such as one with a proxy; a new one when None.
        clock: Tells the time and waits.
        notify: Told in one line before a wait for a rate limit.
        environ: Variables for the git that carries files over 35 MiB: PATH, proxies, certificates.
        max_wait: Seconds that all waits of one request may last together.

    Raises:
        SettingsError: `repository` or `api_url` is malformed.
        PermissionDenied: `token` is empty or malformed.
    """

    facts = FACTS

    def __init__(
        self,
        *,
        repository: str,
        token: str,
        api_url: str = API_URL,
        graphql_url: str = "",
        runner_scope: RunnerScope = "repository",
        runner_group_id: int = DEFAULT_RUNNER_GROUP,
        session: requests.Session | None = None,
        clock: Clock | None = None,
        notify: Callable[[str], None] = lambda text: None,
        environ: Mapping[str, str] | None = None,
        max_wait: float = MAX_WAIT_SECONDS,
    ) -> None:
        self.full_name = checked_repository(repository)
        self.runner_scope = runner_scope
        self.runner_group_id = runner_group_id
        self.environ = environ or {}
        self.pushed = set()
        self.http = Transport(
            token=token,
            api_url=api_url,
            graphql_url=graphql_url,
            session=session,
            clock=clock,
            notify=notify,
            max_wait=max_wait,
        )

    def __repr__(self) -> str:
        return f"GitHub(repository={self.full_name!r}, api_url={self.http.api_url!r})"
