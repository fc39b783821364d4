"""Where results go, for each event that GitHub has, with the variables and the payload that it gives to a run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from cmlkit.__main__ import run
from cmlkit.publishing.destination import EVENTS, RULES, EventRow
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.accounts import BOT, Level
from cmlkit_sandbox.github.discussion import PullRequest
from cmlkit_sandbox.github.events import Event, Events
from cmlkit_sandbox.github.git_objects import TreeEntry
from cmlkit_sandbox.github.merging import merge
from cmlkit_sandbox.github.repository import Protection, Repository
from cmlkit_sandbox.github.seeding import add_fork
from tests.integration.project import PIXEL

# Each of them runs several jobs.
pytestmark = pytest.mark.slow

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
# One row of each rule at once, the rest with the slow tests.
_FIRST = {row.rule: row for row in reversed(ROWS)}.values()
each_event = pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=[] if row in _FIRST else pytest.mark.slow) for row in ROWS],
    ids=[f"{row.event} {row.situation}" for row in ROWS],
)


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


@pytest.mark.slow
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


def trained(checkout: Path, text: str = "weights") -> None:
    """What `cmlkit train` leaves in the checkout."""
    (checkout / "train.py").write_text(
        "import pathlib\n"
        "folder = pathlib.Path('model'); folder.mkdir(exist_ok=True)\n"
        f"(folder / 'forest.joblib').write_text('{text}')\n"
        "(folder / 'metrics.txt').write_text('accuracy: 0.9')\n"
    )
    (checkout / "cmlkit.yaml").write_text(
        "train: {run: python train.py, model: model/forest.joblib, plots: [], data: []}\n"
    )
    assert run(["train"], environ=os.environ) == 0


def test_publish_in_a_pull_request_opens_one_to_its_branch_and_reports_to_it(
    scene: Scene, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.happens(scene.events.pull_request(FEATURE), monkeypatch)
    trained(checkout)
    main, head = scene.head("main"), scene.head("feature")
    assert run(["publish", "--auto-merge", "squash"], environ=os.environ) == 0
    [pull] = scene.opened
    [comment] = scene.repository.comments.values()
    [check] = scene.repository.check_runs.values()
    assert (pull.base, pull.merged is not None, scene.head("main")) == ("feature", True, main)
    assert f"for #{FEATURE}" in (pull.body or "")
    assert comment.number == FEATURE
    assert f"The result is in #{pull.number}" in comment.body
    assert check.sha == head


@pytest.mark.slow
@pytest.mark.parametrize(
    "happens",
    [lambda s: s.events.pull_request(FROM_FORK), lambda s: s.events.pull_request_target(FROM_FORK)],
    ids=["pull_request", "pull_request_target"],
)
def test_publish_for_a_fork_writes_the_report_to_the_summary_and_nothing_else(
    happens: Callable[[Scene], Event],
    scene: Scene,
    checkout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scene.happens(happens(scene), monkeypatch)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary := tmp_path / "summary.md"))
    trained(checkout)
    refs = scene.repository.git.refs("refs/")
    assert run(["publish"], environ=os.environ) == 0
    assert "docs/how-to/comment-on-forks.md" in capsys.readouterr().err
    assert "accuracy" in summary.read_text()
    assert (scene.opened, scene.repository.git.refs("refs/")) == ([], refs)


def test_a_pull_request_of_the_default_branch_never_changes_it_without_a_review(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(scene.repository, "release", "old.py")
    pull = scene.pull(FEATURE)
    pull.head, pull.base = "main", "release"
    pull.head_sha, pull.base_sha = scene.head("main") or "", scene.head("release") or ""
    scene.happens(scene.events.pull_request(FEATURE), monkeypatch)
    assert run(["pr", "create", "metrics.json", "--merge"], environ=os.environ) == 0
    [opened] = scene.opened
    assert (opened.base, opened.merged) == ("main", None)
    assert "main is the default branch" in capsys.readouterr().err


def test_a_branch_that_is_named_is_targeted_and_may_be_merged_into(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.happens(scene.events.pull_request(FEATURE), monkeypatch)
    assert run(["pr", "create", "metrics.json", "--merge", "--target-branch", "work"], environ=os.environ) == 0
    [opened] = scene.opened
    assert (opened.base, opened.merged is not None) == ("work", True)


def test_a_target_branch_that_does_not_exist_is_an_error_before_anything_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.happens(scene.events.push("main"), monkeypatch)
    before = len(scene.sandbox.github.requests)
    assert run(["pr", "create", "metrics.json", "--target-branch", "absent"], environ=os.environ) == 2
    assert "has no branch 'absent'" in capsys.readouterr().err
    assert {each.method for each in scene.sandbox.github.requests[before:]} <= {"GET"}


def test_a_pull_request_that_was_closed_with_its_branch_gone_is_an_error_with_a_way_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = scene.events.pull_request(FEATURE, action="closed")
    scene.repository.git.delete_ref("refs/heads/feature")
    scene.happens(event, monkeypatch)
    assert run(["pr", "create", "metrics.json"], environ=os.environ) == 2
    said = capsys.readouterr().err
    assert "has no branch 'feature'" in said
    assert "--target-branch" in said


def message(scene: Scene, pull: PullRequest) -> str:
    return scene.repository.git.commit(pull.head_sha).message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "skips"),
    [
        ([], True),
        (["--message", "Retrain"], False),
        (["--merge"], False),
        (["--message", "Retrain", "--skip-ci"], True),
        (["--no-skip-ci"], False),
    ],
)
def test_the_commit_skips_ci_unless_a_message_or_a_merge_is_asked_for(
    flags: list[str], skips: bool, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CML 0.20 does; the first line is all that a person reads in a list of commits."""
    scene.happens(scene.events.push("work"), monkeypatch)
    assert run(["pr", "create", "metrics.json", *flags], environ=os.environ) == 0
    assert message(scene, scene.opened[0]).splitlines()[0].endswith("[skip ci]") is skips


@pytest.mark.slow
@pytest.mark.parametrize("ruleset", [True, False], ids=["ruleset", "branch protection"])
@pytest.mark.parametrize("flags", [[], ["--no-skip-ci"]])
def test_a_required_check_that_skip_ci_leaves_pending_is_named(
    ruleset: bool,
    flags: list[str],
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scene.sandbox.github.protect(scene.sandbox.repository, "main", Protection(checks=("tests",), ruleset=ruleset))
    scene.happens(scene.events.schedule(), monkeypatch)
    assert run(["pr", "create", "metrics.json", *flags], environ=os.environ) == 0
    assert ("main requires checks that [skip ci] leaves pending: tests" in capsys.readouterr().err) is not bool(flags)


def rounds(scene: Scene, monkeypatch: pytest.MonkeyPatch, *flags: str) -> list[str]:
    """Run a workflow that opens a pull request on each push, as with a personal token; return the branches made."""
    scene.sandbox.github.add_token("ghp_person", "octo")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghp_person")
    branch, made = "main", []
    for number in range(1, 4):
        monkeypatch.setenv("GITHUB_RUN_ID", str(4710 + number))
        scene.happens(scene.events.push(branch), monkeypatch)
        Path("metrics.json").write_text(f'{{"round": {number}}}')
        if run(["pr", "create", "metrics.json", "--message", f"Round {number}", *flags], environ=os.environ) != 0:
            break
        branch = scene.opened[-1].head
        made.append(branch)
    return made


@pytest.mark.parametrize("flags", [(), ("--branch", "results-of-{run}")], ids=["the usual name", "a name of one's own"])
def test_a_push_of_cmlkits_own_branch_does_not_start_a_chain(
    flags: tuple[str, ...], scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(rounds(scene, monkeypatch, *flags)) == 1
    said = capsys.readouterr().err
    assert "would start the next run" in said
    assert "publish.allow-chains" in said


@pytest.mark.slow
def test_a_setting_allows_chains(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMLKIT_PUBLISH_ALLOW_CHAINS", "true")
    made = rounds(scene, monkeypatch)
    assert made == [
        "cmlkit/pr/main/4711",
        "cmlkit/pr/cmlkit/pr/main/4711/4712",
        "cmlkit/pr/cmlkit/pr/cmlkit/pr/main/4711/4712/4713",
    ]


@pytest.fixture
def own(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """A pull request that cmlkit has opened, with a branch of any name."""
    scene.happens(scene.events.push("main"), monkeypatch)
    assert run(["pr", "create", "metrics.json", "--branch", "results"], environ=os.environ) == 0
    return scene.opened[0]


OWN: dict[str, Callable[[Scene, PullRequest], Event]] = {
    "push": lambda s, pull: s.events.push(pull.head),
    "pull_request": lambda s, pull: s.events.pull_request(pull.number),
    "pull_request_target": lambda s, pull: s.events.pull_request_target(pull.number),
    "workflow_run": lambda s, pull: finished(s, "push", pull.head),
}


@pytest.mark.slow
@pytest.mark.parametrize("event", OWN)
def test_nothing_is_launched_or_published_for_cmlkits_own_branch_but_it_may_be_reported_on(
    event: str,
    scene: Scene,
    own: PullRequest,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained(checkout)
    scene.happens(OWN[event](scene, own), monkeypatch)
    for refused in (["runner", "launch"], ["publish"], ["pr", "create", "report.md"]):
        capsys.readouterr()
        assert run(refused, environ=os.environ) == 2
        assert "would start the next run" in capsys.readouterr().err
    assert (scene.opened, scene.sandbox.aws.instances()) == ([own], [])
    for command in ("comment", "check"):
        assert run([command, "create", "report.md"], environ=os.environ) == 0


@pytest.mark.slow
def test_a_run_that_a_person_starts_on_cmlkits_own_branch_is_that_persons_wish(
    scene: Scene, own: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.happens(scene.events.dispatch(f"refs/heads/{own.head}"), monkeypatch)
    assert run(["pr", "create", "report.md"], environ=os.environ) == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_branch_that_a_result_was_merged_into_is_not_cmlkits_own(
    method: Literal["merge", "squash", "rebase"], scene: Scene, own: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = message(scene, own) if method == "squash" else ""
    merge(scene.sandbox.github.hub, scene.repository, own, actor=scene.repository.owner, method=method, title=title)
    scene.happens(scene.events.push("main"), monkeypatch)
    assert run(["pr", "create", "report.md"], environ=os.environ) == 0


READS = ("actions", "checks", "contents", "issues", "metadata", "pull_requests", "statuses")


@pytest.fixture
def summary(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The job's summary, in a run whose token may only read."""
    levels: Mapping[str, Level] = dict.fromkeys(READS, "read")
    scene.sandbox.github.add_token("ghs_reads", BOT, kind="job", permissions=levels)
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_reads")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "keeps"),
    [
        (["comment", "create", "report.md"], True),
        (["comment", "update", "report.md"], True),
        (["check", "create", "report.md"], True),
        (["pr", "create", "report.md"], False),
        (["pr", "create", "report.md", "--target-branch", "main"], False),
        (["asset", "publish", "plot.png"], False),
    ],
)
def test_a_forks_pull_request_names_what_helps_and_keeps_the_report(
    command: list[str],
    keeps: bool,
    scene: Scene,
    summary: Path,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    scene.happens(scene.events.pull_request(FROM_FORK), monkeypatch)
    assert run(command, environ=os.environ) in (2, 3)
    said = capsys.readouterr().err
    assert "docs/how-to/comment-on-forks.md" in said
    assert "under permissions" not in said
    assert (summary.exists() and summary.read_text() == "text\n") is keeps
    assert ("is in the job's summary instead" in said) is keeps


def test_dependabots_run_may_ask_for_more_permissions_but_has_its_own_secrets(
    scene: Scene, summary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = Events(hub=scene.events.hub, repository=scene.repository, actor="dependabot[bot]")
    scene.happens(events.pull_request(FEATURE), monkeypatch)
    assert run(["comment", "create", "report.md"], environ=os.environ) == 3
    said = capsys.readouterr().err
    assert "unless the workflow names permissions" in said
    assert "Dependabot's secrets" in said
    assert summary.read_text() == "text\n"


def test_a_token_that_only_lacks_a_permission_is_told_to_ask_for_it(
    scene: Scene, summary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.happens(scene.events.pull_request(FEATURE), monkeypatch)
    assert run(["comment", "create", "report.md"], environ=os.environ) == 3
    said = capsys.readouterr().err
    assert "under permissions: of the job" in said
    assert "fork" not in said
    assert not summary.exists()


def test_a_workflow_that_follows_a_forks_run_finds_its_pull_request(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another pull request may have the same commit at its head, as anybody can push it to a fork."""
    stranger = add_fork(scene.sandbox.github.hub, scene.sandbox.repository, "bob")
    stranger.git.git("fetch", "--quiet", str(scene.repository.git.path), scene.pull(FROM_FORK).head_sha)
    stranger.git.update_ref("refs/heads/main", scene.pull(FROM_FORK).head_sha)
    open_pull(scene.sandbox, stranger, "main")
    scene.happens(finished(scene, "pull_request", pull=FROM_FORK), monkeypatch)
    assert run(["comment", "update", "--target", "pr", "report.md"], environ=os.environ) == 0
    [comment] = scene.repository.comments.values()
    assert comment.number == FROM_FORK


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "named", "code"),
    [
        ("{server}/octo/random-forest.git", "", 0),
        ("{server}/ann/random-forest", "ann/random-forest", 0),
        ("{server}/ann/random-forest", "", 2),
        ("https://elsewhere.example/octo/random-forest.git", "", 2),
        ("", "", 2),
    ],
    ids=["the repository", "the fork in the settings", "another fork", "another server", "no such remote"],
)
def test_a_remote_is_the_repository_or_the_fork_in_the_settings(
    address: str, named: str, code: int, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    if address:
        url = address.format(server=scene.sandbox.github.url)
        subprocess.run(["git", "remote", "add", "mine", url], check=True)
    monkeypatch.setenv("CMLKIT_PUBLISH_FORK", named)
    scene.sandbox.github.add_token("ghp_ann", "ann")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghp_ann")
    scene.happens(scene.events.push("work"), monkeypatch)
    assert run(["pr", "create", "metrics.json", "--remote", "mine"], environ=os.environ) == code
    found = [(pull.head_repository.full_name, pull.base) for pull in scene.opened]
    assert found == ([(named or scene.sandbox.repository, "work")] if code == 0 else [])


def test_a_merge_that_is_asked_for_happens_at_once_if_the_repository_has_no_auto_merge(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with CML, which merges upon creation then."""
    scene.repository.settings.allow_auto_merge = False
    scene.happens(scene.events.schedule(), monkeypatch)
    assert run(["pr", "create", "metrics.json", "--rebase"], environ=os.environ) == 0
    assert [pull.merged is not None for pull in scene.opened] == [True]


@pytest.mark.slow
def test_a_pull_request_that_cannot_be_merged_yet_stays_open_and_says_why(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.repository.settings.allow_auto_merge = False
    scene.sandbox.github.protect(scene.sandbox.repository, "main", Protection(checks=("tests",)))
    scene.happens(scene.events.schedule(), monkeypatch)
    assert run(["pr", "create", "metrics.json", "--merge"], environ=os.environ) == 0
    assert [pull.state for pull in scene.opened] == ["open"]
    said = capsys.readouterr().err
    assert "tests" in said
    assert "'Allow auto-merge'" in said
