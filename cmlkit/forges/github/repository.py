"""The forge: one repository on GitHub."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cmlkit.clock import Clock
from cmlkit.errors import SettingsError
from cmlkit.forges.access import Access
from cmlkit.forges.base import (
    AnnotatedTag,
    Annotation,
    Attestation,
    Changes,
    Check,
    CheckStatus,
    Comment,
    Commit,
    Conclusion,
    ContentForge,
    Divergence,
    Issue,
    NewPullRequest,
    Outlook,
    PullRequest,
    Repository,
    TreeFile,
)
from cmlkit.forges.github import API_URL
from cmlkit.forges.github.access import Account
from cmlkit.forges.github.actions_settings import ActionsSettings
from cmlkit.forges.github.assets import Assets
from cmlkit.forges.github.attestations import Attestations
from cmlkit.forges.github.checks import Checks
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.comments import Comments
from cmlkit.forges.github.facts import FACTS
from cmlkit.forges.github.forked import ForkedContent
from cmlkit.forges.github.git_data import GitData
from cmlkit.forges.github.issues import Issues
from cmlkit.forges.github.merging import Merging
from cmlkit.forges.github.opening import Opening
from cmlkit.forges.github.outlook import look
from cmlkit.forges.github.patience import MAX_WAIT_SECONDS
from cmlkit.forges.github.pull_requests import PullRequests
from cmlkit.forges.github.runners import DEFAULT_RUNNER_GROUP, Runners, RunnerScope
from cmlkit.forges.github.tags import Tags
from cmlkit.forges.github.transport import Transport
from cmlkit.forges.github.workflow_files import WorkflowFiles
from cmlkit.forges.github.workflow_runs import WorkflowRuns
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload, RunnerGroup
from cmlkit.forges.workflows import FailedRun, Job
from cmlkit.sinks.secrets import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from cmlkit.git.access import GitAccess


class GitHub:
    """One repository on one GitHub server, with one token.

    Requests are retried if that is safe: on outages and lost connections with growing pauses, on rate limits for as
    long as GitHub asks, together at most `max_wait` seconds. After a lost answer, its effect is looked up before
    it is sent again. All methods raise `PermissionDenied`, `NotFound`, `Conflict` or `ServiceError` as GitHub answers.

    Args:
        repository: `OWNER/NAME`.
        token: Never shown: not in messages, not in `repr`.
        checks_token: Creates checks if GitHub refuses them to `token`, as it does to a personal one; none if empty.
        api_url: Root of the REST API; `https://HOST/api/v3` for GitHub Enterprise Server.
        graphql_url: Derived from `api_url` if empty.
        runner_scope: Whether runners are registered with the repository or with its organisation.
        runner_group_id: Group of new runners; the default group has the id 1.
        session: A `requests.Session`, such as one with a proxy; a new one if None.
        clock: Tells the time and waits.
        notify: Called with one line before a wait for a rate limit.
        environ: Environment of git, which carries files over 35 MiB: PATH, proxies, certificates.
        max_wait: Longest total wait of one request, in seconds.
        is_of_app: Whether the token is known to be that of a GitHub App, not GITHUB_TOKEN, for advice.
        hurried: Whether the first request is tried once only, to show whether anybody is there.
        keep_secret: Called with the credential of each runner that is registered, before it is returned.

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
        checks_token: str = "",
        api_url: str = API_URL,
        graphql_url: str = "",
        runner_scope: RunnerScope = "repository",
        runner_group_id: int = DEFAULT_RUNNER_GROUP,
        session: requests.Session | None = None,
        clock: Clock | None = None,
        notify: Callable[[str], None] = lambda text: None,
        environ: Mapping[str, str] | None = None,
        max_wait: float = MAX_WAIT_SECONDS,
        is_of_app: bool = False,
        hurried: bool = False,
        keep_secret: Callable[[str], None] = lambda value: None,
    ) -> None:
        def transport(token: str) -> Transport:
            return Transport(
                token=token,
                api_url=api_url,
                graphql_url=graphql_url,
                session=session,
                clock=clock,
                notify=notify,
                max_wait=max_wait,
                is_of_app=is_of_app,
                hurried=hurried,
                secrets=secrets,
            )

        secrets = Secrets.of(environ or {})
        self.http = transport(token)
        self._environ = environ or {}
        self._client = client = Client(self.http, repository)
        self._account = Account(client)
        self.actions_settings = ActionsSettings(client)
        self._workflow_files = WorkflowFiles(client, self._account)
        self._git = GitData(client, self._environ, self._workflow_files)
        # Where branches and commits are: here, or in a fork.
        self._content: ContentForge = self._git
        self._pulls = PullRequests(client)
        self._merging = Merging(client, self._pulls)
        self._opening: Opening | None = Opening(client, self._git)
        self._comments = Comments(client, self._account)
        self._issues = Issues(client, self._account)
        others = Checks(Client(transport(checks_token), repository)) if checks_token else None
        self._checks = Checks(client, others=others)
        self._tags = Tags(client, self._workflow_files)
        self._assets = Assets(client, self._git)
        self._attestations = Attestations(client)
        self._workflow_runs = WorkflowRuns(client)
        self._runners = Runners(client, scope=runner_scope, group_id=runner_group_id, keep_secret=keep_secret)

    def __repr__(self) -> str:
        return f"GitHub(repository={self.full_name!r}, api_url={self.http.api_url!r})"

    @property
    def full_name(self) -> str:
        """`OWNER/NAME`."""
        return self._client.full_name

    def with_fork(self, fork: str, *, base: str = "") -> GitHub:
        """Return the same repository with branches and commits in a fork, for a token that may write only there.

        Args:
            fork: `OWNER/NAME`.
            base: The target branch of pull requests, the only one looked up in the repository itself; its
                default branch if empty.

        Raises:
            SettingsError: The fork's name is malformed, or that of the repository.
        """
        client = Client(self.http, fork)
        if client.full_name.lower() == self.full_name.lower():
            raise SettingsError(f"publish.fork is {fork}, the repository itself.", next_step="Leave the setting out.")
        forked = copy.copy(self)
        workflow_files = WorkflowFiles(client, self._account)
        fork_data = GitData(client, self._environ, workflow_files)
        forked._content = ForkedContent(self._git, fork_data, workflow_files, base=base)
        forked._pulls = PullRequests(self._client, head_owner=client.owner)
        forked._opening = None
        return forked

    def repository(self) -> Repository:
        return self._content.repository()

    def git_access(self) -> GitAccess:
        return self._content.git_access()

    def check_start(self, commit: str) -> None:
        self._content.check_start(commit)

    def check_tag(self, commit: str) -> None:
        self._workflow_files.check(commit)

    def branch_head(self, branch: str) -> str | None:
        return self._content.branch_head(branch)

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        return self._content.read_file(path, ref=ref)

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        return self._content.blob_ids(commit, paths)

    def tree_files(self, commit: str, paths: Iterable[str]) -> Mapping[str, TreeFile]:
        return self._content.tree_files(commit, paths)

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        return self._content.commit(changes, branch=branch, parent=parent, is_new=is_new)

    def upload(self, changes: Changes, *, parent: str) -> None:
        self._content.upload(changes, parent=parent)

    def look_ahead(self, outlook: Outlook) -> None:
        if self._opening is None:  # the branch is in the fork
            outlook = dataclasses.replace(outlook, branch="")
        look(self._client, self._account, outlook)

    def commit_and_open(
        self, changes: Changes, *, branch: str, parent: str, pull_request: NewPullRequest
    ) -> tuple[str, PullRequest | None]:
        if self._opening is None:
            return self._content.commit(changes, branch=branch, parent=parent, is_new=True), None
        return self._opening.commit_and_open(changes, branch=branch, parent=parent, pull_request=pull_request)

    def divergence(self, base: str, head: str) -> Divergence:
        return self._content.divergence(base, head)

    def merge_into(self, branch: str, commit: str) -> str:
        return self._content.merge_into(branch, commit)

    def delete_branch(self, branch: str) -> None:
        self._content.delete_branch(branch)

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        return self._git.commits_of(path, ref=ref, limit=limit)

    def author_of(self, commit: str) -> str:
        return self._git.author_of(commit)

    def create_blob(self, content: bytes) -> str:
        return self._git.create_blob(content)

    def create_commit(self, *, parent: str, files: Iterable[TreeFile], message: str, merging: str = "") -> str:
        return self._git.create_commit(parent=parent, files=files, message=message, merging=merging)

    def create_branch(self, branch: str, commit: str) -> None:
        self._content.create_branch(branch, commit)

    def push_commit(self, commit: str, *, directory: Path) -> None:
        self._content.push_commit(commit, directory=directory)

    def let_go(self, commit: str) -> None:
        self._content.let_go(commit)

    def move_branch(self, branch: str, commit: str) -> None:
        self._git.move_branch(branch, commit)

    def pull_requests(
        self, *, base: str = "", head: str = "", state: str = "open", limit: int | None = None
    ) -> list[PullRequest]:
        return self._pulls.pull_requests(base=base, head=head, state=state, limit=limit)

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        return self._pulls.pull_requests_with(commit)

    def pull_request_authors(self, number: int) -> set[str]:
        return self._pulls.pull_request_authors(number)

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        return self._pulls.create_pull_request(head=head, base=base, title=title, body=body, draft=draft)

    def update_pull_request(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> PullRequest:
        return self._pulls.update_pull_request(number, title=title, body=body, state=state)

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        return self._pulls.set_draft(pull_request, draft)

    def add_labels(self, number: int, labels: Sequence[str]) -> None:
        self._pulls.add_labels(number, labels)

    def request_reviewers(self, number: int, *, people: Sequence[str] = (), teams: Sequence[str] = ()) -> None:
        self._pulls.request_reviewers(number, people=people, teams=teams)

    def add_assignees(self, number: int, people: Sequence[str]) -> None:
        self._pulls.add_assignees(number, people)

    def set_milestone(self, number: int, title: str) -> None:
        self._pulls.set_milestone(number, title)

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        self._merging.enable_auto_merge(pull_request, method)

    def merge_when_ready(self, pull_request: PullRequest, method: str) -> None:
        self._merging.merge_when_ready(pull_request, method)

    def pull_request(self, number: int) -> PullRequest:
        return self._pulls.pull_request(number)

    def merge(self, pull_request: PullRequest, method: str) -> str:
        return self._merging.merge(pull_request, method)

    def comments(self, place: int | str) -> list[Comment]:
        return self._comments.comments(place)

    def create_comment(self, place: int | str, body: str) -> Comment:
        return self._comments.create_comment(place, body)

    def comment_among(self, place: int | str, body: str) -> list[Comment]:
        return self._comments.comment_among(place, body)

    def update_comment(self, comment: Comment, body: str) -> Comment:
        return self._comments.update_comment(comment, body)

    def delete_comment(self, comment: Comment) -> None:
        self._comments.delete_comment(comment)

    def issues(self) -> list[Issue]:
        return self._issues.issues()

    def create_issue(self, *, title: str, body: str) -> Issue:
        return self._issues.create_issue(title=title, body=body)

    def close_issue(self, number: int) -> None:
        self._issues.close_issue(number)

    def required_checks(self, branch: str) -> list[str]:
        return self._checks.required_checks(branch)

    def create_check(
        self,
        *,
        name: str,
        commit: str,
        conclusion: Conclusion,
        title: str,
        summary: str,
        details_url: str = "",
        status: CheckStatus = "completed",
        annotations: Sequence[Annotation] = (),
    ) -> Check:
        return self._checks.create_check(
            name=name,
            commit=commit,
            conclusion=conclusion,
            title=title,
            summary=summary,
            details_url=details_url,
            status=status,
            annotations=annotations,
        )

    def create_status(
        self, *, name: str, commit: str, conclusion: Conclusion, title: str, details_url: str = ""
    ) -> str:
        return self._checks.create_status(
            name=name, commit=commit, conclusion=conclusion, title=title, details_url=details_url
        )

    def variable(self, name: str) -> str | None:
        return self.actions_settings.variable(name)

    def has_secret(self, name: str) -> bool:
        return self.actions_settings.has_secret(name)

    def access(self) -> Access:
        return self._account.access()

    def actions_may_create_pull_requests(self) -> bool:
        return self._account.actions_may_create_pull_requests()

    def login(self) -> str:
        return self._account.login()

    def token_note(self) -> str:
        return self._account.token_note()

    def find_commit(self, name: str) -> Commit:
        return self._tags.find_commit(name)

    def tag_ids(self, prefix: str) -> dict[str, str]:
        return self._tags.tag_ids(prefix)

    def tag(self, tag_id: str) -> AnnotatedTag:
        return self._tags.tag(tag_id)

    def create_tag(self, name: str, *, commit: str, message: str) -> AnnotatedTag:
        return self._tags.create_tag(name, commit=commit, message=message)

    def root_files(self, commit: str) -> dict[str, str]:
        return self._assets.root_files(commit)

    def messages_since(self, ref: str, moment: float) -> list[str]:
        return self._assets.messages_since(ref, moment)

    def replace_branch(self, branch: str, commit: str, *, expected: str) -> None:
        self._assets.replace_branch(branch, commit, expected=expected)

    def open_discussions(self) -> dict[int, str]:
        return self._assets.open_discussions()

    def update_body(self, number: int, body: str) -> None:
        self._assets.update_body(number, body)

    def attestations(self, sha256: str) -> list[Attestation]:
        return self._attestations.attestations(sha256)

    def failed_runs(self, workflow: str, *, since: float) -> list[FailedRun]:
        return self._workflow_runs.failed_runs(workflow, since=since)

    def run_attempt(self, run_id: str) -> int:
        return self._workflow_runs.run_attempt(run_id)

    def annotation_titles(self, run_id: str, *, attempt: int) -> list[str]:
        return self._workflow_runs.annotation_titles(run_id, attempt=attempt)

    def rerun(self, run_id: str) -> None:
        self._workflow_runs.rerun(run_id)

    def jobs(self, run_id: str) -> list[Job]:
        return self._workflow_runs.jobs(run_id)

    @property
    def runner_agent(self) -> RunnerAgent:
        return self._runners.runner_agent

    @property
    def runner_owner(self) -> str:
        return self._runners.runner_owner

    def runner_download(self, *, architecture: str) -> RunnerDownload:
        return self._runners.runner_download(architecture=architecture)

    def create_jit_runner(self, *, name: str, labels: Sequence[str]) -> JitRunner:
        return self._runners.create_jit_runner(name=name, labels=labels)

    def runner(self, runner_id: int) -> Runner | None:
        return self._runners.runner(runner_id)

    def runners(self) -> list[Runner]:
        return self._runners.runners()

    def use_runner_group(self, group: str) -> None:
        self._runners.use_runner_group(group)

    def runner_group(self) -> RunnerGroup | None:
        return self._runners.runner_group()

    def delete_runner(self, runner_id: int) -> None:
        self._runners.delete_runner(runner_id)
