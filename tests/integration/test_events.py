"""Where results go, for each event that GitHub has, with the variables and the payload that it gives to a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.publishing.destination import EVENTS, RULES, EventRow
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.accounts import BOT
from cmlkit_sandbox.github.discussion import PullRequest
from cmlkit_sandbox.github.events import Event, Events
from cmlkit_sandbox.github.git_objects import TreeEntry
from cmlkit_sandbox.github.merging import merge
from cmlkit_sandbox.github.repository import Repository
from cmlkit_sandbox.github.seeding import add_fork

FEATURE, FROM_FORK, MERGED = 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A repository with a tag, an issue, and pull requests: of a branch, of a fork's `main`, and a merged one."""

    sandbox: Sandbox
    repository: Repository
    events: Events
    issue: int
    directory: Path

    def happens(self, event: Event, monkeypatch: pytest.MonkeyPatch) -> Event:
        for name, value in event.environ(self.directory).items():
            monkeypatch.setenv(name, value)
        return event

    def pull(self, number: int) -> PullRequest:
        found = self.repository.issues[number]
        assert isinstance(found, PullRequest)
        return found

    @property
    def opened(self) -> list[PullRequest]:
        """The pull requests that commands have opened."""
        return [pull for pull in self.repository.pulls if pull.number > self.issue]

    def head(self, branch: str) -> str | None:
        return self.repository.git.branch_head(branch)


def commit(repository: Repository, branch: str, path: str, *, start: str = "main", message: str = "Change") -> str:
    """Commit a file to a branch, as a person does; return the commit."""
    git = repository.git
    parent = git.branch_head(branch) or git.branch_head(start) or ""
    entry = TreeEntry(mode="100644", kind="blob", sha=git.write("blob", message.encode()), path=path)
    tree = git.write_tree(git.commit(parent).tree, [entry])
    sha = git.line(
        *("-c", "user.name=Ann", "-c", "user.email=ann@example.com"), "commit-tree", tree, "-p", parent, "-m", message
    )
    git.update_ref(f"refs/heads/{branch}", sha)
    return sha


def open_pull(sandbox: Sandbox, source: Repository, branch: str) -> int:
    """Open a pull request to main as a person does; return its number."""
    from cmlkit.forges.github import GitHub

    sandbox.github.add_token("ghp_ann", "ann")
    forge = GitHub(repository=sandbox.repository, token="ghp_ann", api_url=sandbox.github.api_url)
    head = f"{source.owner.login}:{branch}"
    return forge.create_pull_request(head=head, base="main", title=f"Of {branch}", body="", draft=False).number


@pytest.fixture
def scene(sandbox: Sandbox, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    repository = sandbox.github.hub.repository(sandbox.repository)
    repository.settings.allow_auto_merge = True
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")
    commit(repository, "feature", "feature.py")
    assert open_pull(sandbox, repository, "feature") == FEATURE
    fork = add_fork(sandbox.github.hub, sandbox.repository, "ann")
    commit(fork, "main", "stranger.py")
    assert open_pull(sandbox, fork, "main") == FROM_FORK
    commit(repository, "done", "done.py")
    assert open_pull(sandbox, repository, "done") == MERGED
    events = Events(hub=sandbox.github.hub, repository=repository)
    scene = Scene(
        sandbox=sandbox,
        repository=repository,
        events=events,
        issue=events.opened_issue("Retrain"),
        directory=tmp_path,
    )
    merge(sandbox.github.hub, repository, scene.pull(MERGED), actor=repository.owner, method="merge")
    repository.git.delete_ref("refs/heads/done")
    commit(repository, "work", "work.py")
    tagged = commit(repository, "released", "released.py")
    repository.git.update_ref("refs/tags/v1", tagged)
    repository.git.delete_ref("refs/heads/released")
    (checkout / "report.md").write_text("text")
    (checkout / "metrics.json").write_text("{}")
    return scene


def finished(scene: Scene, event: str, branch: str = "main", pull: int | None = None) -> Event:
    ended = scene.sandbox.github.start_run(scene.sandbox.repository, event=event, branch=branch)
    return scene.events.workflow_run(ended, pull=pull)


def finished_on_tag(scene: Scene) -> Event:
    ended = scene.sandbox.github.start_run(scene.sandbox.repository, event="push", branch="work")
    ended.branch, ended.sha = "v1", scene.repository.git.resolve("v1") or ""
    return scene.events.workflow_run(ended)


def queue_push(scene: Scene) -> Event:
    return scene.events.push(scene.events.queue_branch(FEATURE).removeprefix("refs/heads/"))


# (event, situation) -> how it comes about, and the branch that it is on.
HAPPENS: dict[tuple[str, str], tuple[Callable[[Scene], Event], str]] = {
    ("push", "of a branch"): (lambda s: s.events.push("work"), "work"),
    ("push", "of a tag"): (lambda s: s.events.push_tag("v1"), "v1"),
    ("push", "of a merge queue's own branch"): (queue_push, ""),
    ("schedule", "on the default branch"): (lambda s: s.events.schedule(), "main"),
    ("workflow_dispatch", "on any branch"): (lambda s: s.events.dispatch("refs/heads/work"), "work"),
    ("workflow_dispatch", "on a tag"): (lambda s: s.events.dispatch("refs/tags/v1"), "v1"),
    ("repository_dispatch", "on the default branch"): (lambda s: s.events.repository_dispatch(), "main"),
    ("pull_request", "within the repository"): (lambda s: s.events.pull_request(FEATURE), ""),
    ("pull_request", "closed by a merge"): (lambda s: s.events.pull_request(MERGED, action="closed"), ""),
    ("pull_request", "from a fork"): (lambda s: s.events.pull_request(FROM_FORK), ""),
    ("pull_request_target", "within the repository"): (lambda s: s.events.pull_request_target(FEATURE), ""),
    ("pull_request_target", "from a fork"): (lambda s: s.events.pull_request_target(FROM_FORK), ""),
    ("merge_group", "of a merge queue"): (lambda s: s.events.merge_group(FEATURE), ""),
    ("workflow_run", "after the run of a branch"): (lambda s: finished(s, "push", "work"), "work"),
    ("workflow_run", "after the run of a tag"): (finished_on_tag, "v1"),
    ("workflow_run", "after the run of a pull request"): (lambda s: finished(s, "pull_request", pull=FEATURE), ""),
    ("workflow_run", "after the run of a fork's pull request"): (
        lambda s: finished(s, "pull_request", pull=FROM_FORK),
        "",
    ),
    ("issue_comment", "on an issue"): (lambda s: s.events.issue_comment(s.issue), "main"),
    ("issue_comment", "on a pull request"): (lambda s: s.events.issue_comment(FEATURE), ""),
    ("issue_comment", "on a fork's pull request"): (lambda s: s.events.issue_comment(FROM_FORK), ""),
    ("release", "of a tag"): (lambda s: s.events.release("v1"), "v1"),
}
ROWS = [row for row in EVENTS if row.event]
each_event = pytest.mark.parametrize("row", ROWS, ids=[f"{row.event} {row.situation}" for row in ROWS])


def test_every_line_of_the_table_has_an_event() -> None:
    assert set(HAPPENS) == {(row.event, row.situation) for row in ROWS}


def named_pull(row: EventRow) -> int:
    return FROM_FORK if row.rule == "fork" else MERGED if row.rule == "merged" else FEATURE


@each_event
def test_a_pull_request_targets_the_branch_in_the_table(
    row: EventRow, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    happens, branch = HAPPENS[row.event, row.situation]
    scene.happens(happens(scene), monkeypatch)
    main, rule = scene.head("main"), RULES[row.rule]
    bases = {
        "that branch": branch,
        "the default branch": "main",
        "the pull request's own branch": "feature",
        "the branch that it was merged into": "main",
        "the branch that the queue merges into": "main",
    }
    code = run(["pr", "create", "metrics.json", "--squash"], environ=os.environ)
    if rule.base == "none: refused":
        assert (code, scene.opened) == (2, [])
        assert "comes from a fork" in (said := capsys.readouterr().err)
        assert "docs/how-to/comment-on-forks.md" in said
        return
    [pull] = scene.opened
    assert (code, pull.base, bool(pull.merged)) == (0, bases[rule.base], rule.merges)
    assert ("is not merged by itself" in capsys.readouterr().err) is not rule.merges
    assert (scene.head("main") == main) is not (rule.merges and pull.base == "main")


@each_event
def test_a_comment_and_a_check_go_to_the_place_in_the_table(
    row: EventRow, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = scene.happens(HAPPENS[row.event, row.situation][0](scene), monkeypatch)
    pull, rule = scene.pull(named_pull(row)), RULES[row.rule]
    is_after = row.event == "workflow_run" and row.rule in ("branch", "tag")
    commit = event.payload["workflow_run"]["head_sha"] if is_after else event.sha
    for command in ("comment", "check"):
        assert run([command, "create", "report.md"], environ=os.environ) == 0, capsys.readouterr().err
    places = {
        "the pull request": pull.number,
        "the last pull request of the group": FEATURE,
        "the issue": scene.issue,
        "the open pull request that this run opened or that holds the commit, else the commit": commit,
    }
    written: list[int | str] = [comment.number for comment in scene.repository.comments.values()]
    written += [comment.sha for comment in scene.repository.commit_comments.values()]
    assert written == [places[rule.comment]]
    [check] = scene.repository.check_runs.values()
    assert check.sha == (pull.head_sha if rule.check == "the pull request's head" else commit)
