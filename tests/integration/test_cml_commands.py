"""The commands for workflows that were written for CML, against the sandbox."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from cmlkit.__main__ import run
from cmlkit.clock import SystemClock
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.accounts import BOT
from cmlkit_sandbox.github.repository import Repository
from tests.integration.project import PIXEL

ROOT = Path(__file__).parents[2]
# Where the bytes that the tests take for an image are stored.
ASSET = f"{hashlib.sha256(PIXEL).hexdigest()}.png"


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def called(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What a command that succeeds prints on standard output."""
    capsys.readouterr()
    code = run(command, environ=os.environ)
    shown = capsys.readouterr()
    assert code == 0, shown.err
    return shown.out.strip()


def test_repo_prepare_names_an_author_where_git_has_none(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(called(capsys, "ci", "--json"))["user_name"] == "github-actions[bot]"
    assert git("config", "user.name") == "github-actions[bot]"


def test_repo_prepare_leaves_the_author_that_git_has(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("config", "user.name", "Ann")
    git("config", "user.email", "ann@example.com")
    called(capsys, "repo", "prepare", "--user-name", "Bob")
    assert (git("config", "user.name"), git("config", "user.email")) == ("Ann", "ann@example.com")


def test_repo_prepare_writes_no_token(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_TOKEN", "ghp_secret")
    called(capsys, "ci")
    written = [path for path in checkout.rglob("*") if path.is_file()]
    assert checkout / ".git" / "config" in written
    assert [path for path in written if b"ghp_secret" in path.read_bytes()] == []


def test_repo_prepare_fetches_the_history_when_asked(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called(capsys, "ci")
    for message in ("first", "second"):
        git("commit", "--quiet", "--allow-empty", "--message", message)
    git("clone", "--quiet", "--depth", "1", checkout.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert git("rev-list", "--count", "HEAD") == "1"
    assert json.loads(called(capsys, "ci", "--unshallow", "--json"))["unshallowed"] is True
    assert git("rev-list", "--count", "HEAD") == "2"
    assert json.loads(called(capsys, "ci", "--unshallow", "--json"))["unshallowed"] is False


def test_repo_prepare_outside_of_a_repository_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert run(["ci"], environ={}) == 2
    assert "not a git repository" in capsys.readouterr().err


def repository(sandbox: Sandbox) -> Repository:
    return sandbox.github.hub.repository(sandbox.repository)


def comments(sandbox: Sandbox, number: int) -> list[str]:
    """What the comments of a pull request or issue show, without their hidden first line."""
    return [comment.body.partition("\n")[2] for comment in repository(sandbox).comments_of(number)]


@pytest.fixture
def pull_request(sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Number of a pull request that this run has opened with `cmlkit pr`."""
    (checkout / "model").mkdir()
    (checkout / "model" / "forest.joblib").write_bytes(b"weights")
    return int(json.loads(called(capsys, "pr", "model", "--title", "New model", "--json"))["pull_request_number"])


def test_pr_opens_a_pull_request_with_the_files(sandbox: Sandbox, pull_request: int) -> None:
    [pull] = repository(sandbox).pulls
    assert (pull.number, pull.title, pull.base) == (pull_request, "New model", "main")
    assert repository(sandbox).git.line("show", f"{pull.head_sha}:model/forest.joblib") == "weights"


def test_pr_leaves_the_checkout_as_it_is(pull_request: int) -> None:
    assert git("status", "--porcelain", "--branch").splitlines()[1:] == ["?? model/"]
    assert git("branch", "--list") == ""


def test_pr_again_in_the_same_run_adds_to_the_same_pull_request(
    sandbox: Sandbox, checkout: Path, pull_request: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "metrics.json").write_text("{}")
    assert called(capsys, "pr", "create", "metrics.json", "--md").startswith(f"[Pull request #{pull_request}](http")
    [pull] = repository(sandbox).pulls
    assert repository(sandbox).git.line("show", f"{pull.head_sha}:metrics.json") == "{}"


def test_pr_again_keeps_the_title_and_the_text_unless_it_names_others(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [first, second, third] = names = ["a.txt", "b.txt", "c.txt"]
    for name in names:
        (checkout / name).write_text(name)
    called(capsys, "pr", first, "--branch", "exp", "--title", "Retrain", "--body", "As agreed")
    called(capsys, "pr", second, "--branch", "exp")
    [pull] = repository(sandbox).pulls
    assert (pull.title, str(pull.body).partition("\n")[2]) == ("Retrain", "As agreed")
    called(capsys, "pr", third, "--branch", "exp", "--title", "Tune", "--body", "Again")
    assert (pull.title, str(pull.body).partition("\n")[2]) == ("Tune", "Again")


def test_pr_keeps_the_title_and_the_text_of_a_pull_request_that_a_person_opened(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "a.txt").write_text("a")
    called(capsys, "pr", "a.txt", "--branch", "exp")
    [pull] = repository(sandbox).pulls
    pull.title, pull.body = "My experiment", "Why I try this"
    (checkout / "b.txt").write_text("b")
    called(capsys, "pr", "b.txt", "--branch", "exp")
    assert pull.title == "My experiment"
    assert pull.body.partition("\n")[2] == "Why I try this"


def test_pr_with_files_that_the_base_has_opens_none(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "README.md").write_text("# A project\n")
    assert json.loads(called(capsys, "pr", "README.md", "--json"))["changed"] is False
    assert not repository(sandbox).pulls


def test_pr_merges_by_itself_when_asked(sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository(sandbox).settings.allow_auto_merge = True
    (checkout / "a.txt").write_text("a")
    called(capsys, "pr", "--squash", "a.txt")
    [pull] = repository(sandbox).pulls
    assert pull.merged


def test_pr_refuses_two_ways_of_merging(sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "a.txt").write_text("a")
    assert run(["pr", "create", "--merge", "--squash", "a.txt"], environ=os.environ) == 2
    assert "--merge and --squash exclude each other" in capsys.readouterr().err
    assert not repository(sandbox).pulls


def test_pr_refuses_a_branch_by_the_name_of_its_flag(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "a.txt").write_text("a")
    for branch in ("main", "two words", "exp/{model}"):
        assert run(["pr", "create", "--branch", branch, "a.txt"], environ=os.environ) == 2
        said = capsys.readouterr().err
        assert "--branch" in said
        assert "publish.branch" not in said


@pytest.mark.parametrize("path", ["absent.bin", "../source/README.md", ".git/config"])
def test_pr_refuses_what_it_cannot_commit(sandbox: Sandbox, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pr", path], environ=os.environ) == 2
    assert path in capsys.readouterr().err
    assert not repository(sandbox).pulls


def test_comment_update_keeps_one_comment_of_the_pull_request_of_the_run(
    sandbox: Sandbox, checkout: Path, pull_request: int, capsys: pytest.CaptureFixture[str]
) -> None:
    report = checkout / "report.md"
    for text in ("first", "second"):
        report.write_text(text)
        url = called(capsys, "comment", "update", "--pr", "report.md")
    assert comments(sandbox, pull_request) == ["second"]
    assert f"/pull/{pull_request}#" in url


def test_comment_create_makes_a_comment_each_time(
    sandbox: Sandbox, checkout: Path, pull_request: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("first", "second"):
        (checkout / "report.md").write_text(text)
        called(capsys, "comment", "create", "--target", f"pr/{pull_request}", "report.md")
    assert comments(sandbox, pull_request) == ["first", "second"]


def test_comments_of_other_workflows_and_titles_stay(
    sandbox: Sandbox,
    checkout: Path,
    pull_request: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for workflow, title in (("Daily", ""), ("Weekly", ""), ("Weekly", "Of {workflow}")):
        monkeypatch.setenv("GITHUB_WORKFLOW", workflow)
        (checkout / "report.md").write_text(workflow)
        called(capsys, "send-comment", "--update", "--watermark-title", title, "report.md")
    assert comments(sandbox, pull_request) == ["Daily", "Weekly", "Weekly\n\n<sub>Of Weekly</sub>"]


def test_a_comment_without_a_pull_request_goes_to_the_commit(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "report.md").write_text("text")
    called(capsys, "comment", "create", "report.md")
    [comment] = repository(sandbox).commit_comments.values()
    assert comment.body.endswith("text")


@pytest.mark.parametrize(
    ("text", "arguments", "exit_code", "message"),
    [
        ("x" * (64 * 1024**2 + 1), [], 2, "larger than 64 MiB"),
        ("x", ["--target", "wiki"], 2, "not known"),
        ("x", ["--pr"], 7, "No open pull request"),
        ("x", ["--target", "pr/99"], 7, "404|not exist|Not Found"),
    ],
)
def test_a_comment_that_cannot_be_written_says_why(
    sandbox: Sandbox,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    exit_code: int,
    message: str,
) -> None:
    (checkout / "report.md").write_text(text)
    assert run(["comment", "create", "report.md", *arguments], environ=os.environ) == exit_code
    assert re.search(message, capsys.readouterr().err)
    assert not repository(sandbox).commit_comments


def test_an_asset_is_stored_once_on_a_branch_without_history(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "plot.PNG").write_bytes(PIXEL)
    urls = {called(capsys, "asset", "publish", "plot.PNG") for _ in range(2)}
    assert len(urls) == 1
    there = repository(sandbox).git
    assert there.line("ls-tree", "-r", "--name-only", "cmlkit-assets").splitlines() == [ASSET, "README.md"]
    assert there.merge_base("main", "cmlkit-assets") is None


def test_the_link_of_an_asset_shows_it(sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    url = called(capsys, "asset", "publish", "plot.png")
    assert re.fullmatch(rf"{sandbox.github.url}/{sandbox.repository}/blob/[0-9a-f]{{40}}/{ASSET}\?raw=true", url)
    assert requests.get(url, timeout=10).content == PIXEL


def test_an_asset_is_an_image_in_markdown_and_other_files_are_links(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "plot.png").write_bytes(PIXEL)
    (checkout / "paper.pdf").write_bytes(b"%PDF-1.7")
    assert called(capsys, "asset", "publish", "plot.png", "--md", "--title", "A plot").startswith("[![A plot](http")
    assert called(capsys, "asset", "publish", "paper.pdf", "--md").startswith("[paper.pdf](http")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("plot.png", b"<html>Not found</html>", "is not in PNG format"),
        ("plot.png", b"", "is empty"),
        ("folder.png", None, "cannot be read: Is a directory"),
        ("plot.png", PIXEL + bytes(101 * 1024**2), "101.0 MiB"),
    ],
)
def test_an_asset_that_would_not_show_is_refused(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, why: str
) -> None:
    if content is None:
        (checkout / name).mkdir()
    else:
        (checkout / name).write_bytes(content)
    assert run(["asset", "publish", name], environ=os.environ) == 2
    assert why in capsys.readouterr().err
    assert repository(sandbox).git.branch_head("cmlkit-assets") is None


def test_an_asset_that_is_not_there_is_an_error(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publish", "absent.png", "--md"], environ=os.environ) == 2
    assert "absent.png" in capsys.readouterr().err
    assert repository(sandbox).git.branch_head("cmlkit-assets") is None


def test_the_tutorial_written_for_cml_publishes_with_one_word_changed(sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "model").mkdir()
    (checkout / "model" / "metrics.txt").write_text("Accuracy: 0.97\n")
    for name in ("random_forest.joblib", "confusion_matrix.png"):
        (checkout / "model" / name).write_bytes(PIXEL)
    tutorial = f"""
        cmlkit() {{ {sys.executable} -m cmlkit "$@"; }}
        cmlkit ci
        cmlkit pr model/random_forest.joblib
        cat model/metrics.txt > report.md
        cmlkit publish model/confusion_matrix.png --md >> report.md
        cmlkit send-comment --pr --update report.md
    """
    subprocess.run(["bash", "-euc", tutorial], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    [pull] = repository(sandbox).pulls
    [comment] = comments(sandbox, pull.number)
    assert comment.startswith("Accuracy: 0.97")
    [url] = re.findall(r"!\[.*?\]\((http.*?)\)", comment)
    assert requests.get(url, timeout=10).content == PIXEL


@pytest.fixture
def job_token(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of a workflow's job, which may create checks."""
    sandbox.github.add_token("ghs_job", BOT, kind="job")
    monkeypatch.setenv("CMLKIT_TOKEN", "ghs_job")


@pytest.mark.usefixtures("job_token")
def test_a_check_is_begun_and_completed_as_one(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "report.md").write_text("text")
    called(capsys, "check", "create", "--title", "Training", "--status", "in_progress", "report.md")
    [check] = repository(sandbox).check_runs.values()
    assert (check.name, check.status, check.conclusion) == ("Training", "in_progress", None)
    called(capsys, "send-github-check", "--title", "Training", "--conclusion", "cancelled", "report.md")
    [check] = repository(sandbox).check_runs.values()
    assert (check.status, check.conclusion) == ("completed", "cancelled")
    assert (check.output.summary or "").startswith("text\n\n[The workflow run](http")


@pytest.mark.usefixtures("job_token")
def test_a_check_of_a_pull_requests_run_is_on_its_head(
    sandbox: Sandbox,
    checkout: Path,
    pull_request: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (checkout / "report.md").write_text("text")
    (checkout / "event.json").write_text(json.dumps({"pull_request": {"number": pull_request}}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", "event.json")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    called(capsys, "check", "create", "report.md")
    [check] = repository(sandbox).check_runs.values()
    assert check.sha == repository(sandbox).pulls[0].head_sha


def test_where_checks_are_not_permitted_it_is_a_commit_status(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "report.md").write_text("text")
    called(capsys, "check", "create", "--conclusion", "timed_out", "report.md")
    [status] = repository(sandbox).statuses
    assert (status.context, status.state) == ("CML Report", "failure")


def test_the_tutorials_runner_is_launched_with_one_word_changed(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--cloud=aws", "--cloud-region=eu-west", "--cloud-type=t2.micro", "--labels=cml-runner", "--single"]
    sandbox.aws.settling.launches = 0  # else the first request would be refused, and nothing be there to take back
    # Nothing boots here: AWS takes it back, so that the launch does not wait for its runner.
    sandbox.aws.fail("RunInstances", after=lambda call: sandbox.aws.interrupt(sandbox.aws.instances()[0].id, seconds=0))
    assert run(["runner", *flags], environ=os.environ) == 4
    [instance] = sandbox.aws.instances()
    assert (instance.instance_type, instance.region, instance.market) == ("t2.micro", "eu-west-1", "on-demand")
    [registering] = [call for call in sandbox.github.requests if call.path.endswith("/generate-jitconfig")]
    assert registering.status == 201


def test_a_comment_follows_its_file_until_it_is_told_to_end(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Path("progress.md")
    report.write_text("epoch 1 of 9\n")

    def at_the_next_look(seconds: float) -> None:
        report.write_text("all epochs done\n")
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: at_the_next_look(seconds))
    url = called(capsys, "comment", "update", "--watch", "--target", "commit", str(report))
    [comment] = repository(sandbox).commit_comments.values()
    assert str(comment.id) in url
    assert "all epochs done" in comment.body
