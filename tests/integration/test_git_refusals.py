"""Commands when git gives no answer: it refuses a checkout of another user, as in containers, or is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.errors import GitError, GitFailed, NotARepository
from cmlkit.git import checkout as git_checkout
from cmlkit.git import history, remote
from cmlkit.git.access import GitAccess, access_of
from cmlkit.git.command import ask_git, git_text, run_git
from cmlkit.git.prepare import set_author
from cmlkit.git.push import push_blob
from cmlkit.records.training_run import RECORD
from cmlkit_sandbox import Sandbox
from tests.integration.model_repository import MODEL as FOREST
from tests.integration.model_repository import ModelRepository, model_repository

pytestmark = pytest.mark.slow

TRAIN = (
    "mkdir -p model; echo 'Accuracy: 0.97' > model/metrics.txt; echo pixels > model/confusion_matrix.png;"
    " echo weights > model/random_forest.joblib"
)
MODEL = "model/random_forest.joblib"
PROGRAMS = ("bash", "env", "mkdir")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: its exit code, and what it printed."""

    code: int
    output: str
    errors: str


@pytest.fixture(params=["refuses", pytest.param("is missing", marks=pytest.mark.slow)])
def without_git(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """Variables with which git gives no answer."""
    if request.param == "refuses":
        return {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in PROGRAMS:
        place = next(folder for folder in os.environ["PATH"].split(":") if Path(folder, name).exists())
        (programs / name).symlink_to(Path(place, name))
    return {"PATH": str(programs)}


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


@pytest.fixture
def team(sandbox: Sandbox, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the checkout, as the working directory, with a training in it."""
    folder = checkout / "team-a"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=os.environ) == 0
    return folder


@pytest.fixture
def forest(checkout: Path) -> ModelRepository:
    """A clone with two versions of a model, as the working directory."""
    made = model_repository(checkout)
    made.commit(0.9)
    made.commit(0.95)
    return made


def cmlkit(*arguments: str, environ: Mapping[str, str]) -> Ended:
    """Run a command in a process of its own, as the sandbox in this one needs git."""
    done = subprocess.run(
        [sys.executable, "-m", "cmlkit", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(code=done.returncode, output=done.stdout, errors=done.stderr)


def files(sandbox: Sandbox) -> set[str]:
    """Paths of the models on all branches."""
    git = sandbox.github.hub.repository(sandbox.repository).git
    trees = [git.git("ls-tree", "-r", "--name-only", ref.sha).decode() for ref in git.refs("refs/heads/")]
    return {path for tree in trees for path in tree.split() if path.endswith(".joblib")}


def nothing_was_written(sandbox: Sandbox) -> bool:
    repository = sandbox.github.hub.repository(sandbox.repository)
    refs = [ref.name for ref in repository.git.refs("refs/")]
    return not repository.pulls and refs == ["refs/heads/main"] and not repository.git.git("ls-tree", "main", "model")


def says_the_way_out(errors: str, folder: Path) -> bool:
    refusal = "dubious ownership" in errors and f"git config --global --add safe.directory {folder}" in errors
    return refusal or ("git is not installed" in errors and "Install git" in errors)


COMMANDS = [("publish",), ("pr", "model"), ("model", "promote")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_needs_a_path_in_the_repository_stops_before_anything_is_written(
    command: tuple[str, ...], sandbox: Sandbox, team: Path, without_git: Mapping[str, str]
) -> None:
    ended = cmlkit(*command, environ=without_git)
    assert ended.code == 2
    assert says_the_way_out(ended.errors, team.parent)
    assert nothing_was_written(sandbox)


@pytest.mark.parametrize("command", COMMANDS[:2], ids=" ".join)
def test_in_a_job_the_path_in_the_repository_follows_from_its_workspace(
    command: tuple[str, ...], sandbox: Sandbox, team: Path, without_git: Mapping[str, str]
) -> None:
    ended = cmlkit(*command, environ={**without_git, "GITHUB_WORKSPACE": str(team.parent)})
    assert ended.code == 0, ended.errors
    assert files(sandbox) == {f"team-a/{MODEL}"}
    assert "are taken from the job's workspace" in ended.errors


def test_a_job_trusts_its_own_checkout_where_cml_does(
    sandbox: Sandbox, team: Path, refused: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's setting, so that git works in later steps, too; an ignored file stays ignored."""
    home = tmp_path / "home.gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home))
    job = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(team.parent)}
    (team / ".gitignore").write_text("*.env\n")
    (team / "model" / "key.env").write_text("secret")
    for command in (("pr", "."), ("repo", "prepare"), ("pr", ".")):
        ended = cmlkit(*command, environ=job)
        assert ended.code == 0, ended.errors
    assert home.read_text().count(f"directory = {team.parent}\n") == 1
    [pull] = sandbox.github.hub.repository(sandbox.repository).pulls
    tree = sandbox.github.hub.repository(sandbox.repository).git.line("ls-tree", "-r", "--name-only", pull.head_sha)
    assert "team-a/model/random_forest.joblib" in tree
    assert "key.env" not in tree


@pytest.mark.parametrize(("folder", "actions"), [("elsewhere", "true"), ("project", "")])
def test_a_checkout_outside_of_a_job_or_its_workspace_is_not_trusted_by_itself(
    sandbox: Sandbox,
    team: Path,
    refused: None,
    tmp_path: Path,
    folder: str,
    actions: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home.gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home))
    ended = cmlkit(
        "repo", "prepare", environ={"GITHUB_ACTIONS": actions, "GITHUB_WORKSPACE": str(team.parents[1] / folder)}
    )
    assert ended.code == 2
    assert "dubious ownership" in ended.errors
    assert not home.exists()


def test_a_promotion_in_a_job_looks_below_the_folder_that_it_runs_in(
    sandbox: Sandbox, team: Path, without_git: Mapping[str, str]
) -> None:
    ended = cmlkit("model", "promote", environ={**without_git, "GITHUB_WORKSPACE": str(team.parent)})
    assert f"team-a/{MODEL}" in ended.errors  # which main does not have
    assert nothing_was_written(sandbox)


def test_a_workspace_that_holds_the_checkout_in_a_folder_is_not_taken_for_its_root(
    sandbox: Sandbox, team: Path, without_git: Mapping[str, str]
) -> None:
    ended = cmlkit("publish", environ={**without_git, "GITHUB_WORKSPACE": str(team.parents[1])})
    assert ended.code == 0, ended.errors
    assert files(sandbox) == {f"team-a/{MODEL}"}


def test_a_workspace_elsewhere_says_nothing_about_this_folder(
    sandbox: Sandbox, team: Path, tmp_path: Path, without_git: Mapping[str, str]
) -> None:
    (tmp_path / "workspace").mkdir()
    ended = cmlkit("publish", environ={**without_git, "GITHUB_WORKSPACE": str(tmp_path / "workspace")})
    assert ended.code == 2
    assert nothing_was_written(sandbox)


def test_a_checkout_that_was_downloaded_without_git_has_the_workspace_as_its_root(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """actions/checkout falls back to the REST API if no git is there: no .git comes with the files."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "downloaded" / "team-a"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=os.environ) == 0
    assert run(["publish"], environ=os.environ) == 0
    assert files(sandbox) == {f"team-a/{MODEL}"}


def test_outside_a_job_and_a_repository_the_folder_stands_for_the_root(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=os.environ) == 0
    assert run(["publish"], environ=os.environ) == 0
    assert files(sandbox) == {MODEL}


@pytest.mark.parametrize(
    "command",
    [
        ("model", "list"),
        ("model", "diff"),
        ("model", "show", FOREST, "--at", "champion"),
        ("model", "pull", FOREST, "--at", "champion", "--output", "pulled.joblib"),
        ("model", "pull", FOREST, "--at", "HEAD", "--force", "--output", "pulled.joblib"),
    ],
    ids=" ".join,
)
def test_what_reads_the_history_says_why_it_cannot(
    command: tuple[str, ...], forest: ModelRepository, without_git: Mapping[str, str]
) -> None:
    ended = cmlkit(*command, environ=without_git)
    assert ended.code == 2
    assert says_the_way_out(ended.errors, forest.directory)
    assert not (forest.directory / "pulled.joblib").exists()


def test_a_comment_on_the_checked_out_commit_is_not_made_elsewhere_instead(
    sandbox: Sandbox, team: Path, without_git: Mapping[str, str]
) -> None:
    Path("report.md").write_text("All is well.\n")
    ended = cmlkit("comment", "create", "report.md", environ={**without_git, "GITHUB_SHA": ""})
    assert ended.code == 2
    assert says_the_way_out(ended.errors, team.parent)


def test_a_command_that_needs_no_commit_needs_no_git(sandbox: Sandbox, without_git: Mapping[str, str]) -> None:
    ended = cmlkit("runner", "list", "--this-run", environ={**without_git, "GITHUB_SHA": ""})
    assert ended.code == 0, ended.errors


def test_a_repository_that_only_git_knows_is_not_called_unknown(
    sandbox: Sandbox, checkout: Path, without_git: Mapping[str, str]
) -> None:
    git_text(checkout, "remote", "add", "origin", "https://github.com/octo/forest.git")
    ended = cmlkit("runner", "list", "--this-run", environ={**without_git, "GITHUB_REPOSITORY": ""})
    assert ended.code == 2
    assert says_the_way_out(ended.errors, checkout)


def test_a_training_only_loses_its_commit_and_says_so(forest: ModelRepository, without_git: Mapping[str, str]) -> None:
    ended = cmlkit("train", "--data", "", "--", "bash", "-c", TRAIN, environ=without_git)
    assert ended.code == 0, ended.errors
    assert "The record names no commit." in ended.errors
    assert says_the_way_out(ended.errors, forest.directory)
    assert json.loads(RECORD.read_text())["commit"] == ""


def test_a_training_outside_a_repository_has_no_commit_to_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=os.environ) == 0
    assert "commit" not in capsys.readouterr().err


def test_init_goes_by_the_files_that_are_there_and_says_so(checkout: Path, without_git: Mapping[str, str]) -> None:
    Path("train.py").write_text("import joblib\n")
    ended = cmlkit("init", environ=without_git)
    assert ended.code == 0, ended.errors
    assert says_the_way_out(ended.errors, checkout)
    assert "python train.py" in Path("cmlkit.yaml").read_text()


def test_init_outside_a_repository_has_nothing_to_say_about_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("import joblib\n")
    assert run(["init"], environ=os.environ) == 0
    assert "repository:" not in capsys.readouterr().err


def test_no_question_about_the_checkout_is_answered_with_nothing(forest: ModelRepository, refused: None) -> None:
    there = forest.directory
    for ask in (
        git_checkout.head_commit,
        git_checkout.prefix,
        remote.origin,
        git_checkout.files,
        history.default_branch,
        access_of,
        lambda folder: set_author(folder, name="ann", email="ann@example.com"),
        lambda folder: history.resolve(folder, "main"),
        lambda folder: history.fetch(folder, "main"),
    ):
        with pytest.raises(GitError, match="dubious ownership") as caught:
            ask(there)
        assert f"safe.directory {there}" in caught.value.next_step


def test_what_is_not_there_is_an_answer(checkout: Path) -> None:
    assert git_checkout.head_commit(checkout) is None
    assert remote.origin(checkout) is None
    assert git_checkout.remote_address(checkout, "upstream") is None
    assert history.resolve(checkout, "absent") is None
    assert history.branch_ref(checkout, "main") is None
    assert git_checkout.files(checkout) == []


def test_a_place_in_the_reflog_that_is_too_far_back_is_no_commit(forest: ModelRepository) -> None:
    assert history.resolve(forest.directory, "main@{1}")
    assert history.resolve(forest.directory, "main@{100}") is None


def test_a_folder_outside_a_repository_is_told_from_a_broken_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NotARepository, match="is in no git repository: not a git repository"):
        git_checkout.prefix(tmp_path)
    (tmp_path / ".git").write_text("gitdir: /absent\n")  # as a worktree that is mounted without its repository
    with pytest.raises(GitFailed, match="/absent"):
        git_checkout.prefix(tmp_path)


def test_a_git_that_takes_too_long_is_no_answer_either(checkout: Path) -> None:
    git_text(checkout, "config", "alias.wait", "!sleep 5")
    with pytest.raises(GitFailed, match=r"git wait took more than 0 s\."):
        run_git(checkout, "wait", timeout=0.1)


def test_a_folder_that_is_gone_is_not_taken_for_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a folder"):
        run_git(tmp_path / "gone", "status")


def test_git_speaks_english_whatever_the_locale(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    git_text(checkout, "config", "alias.locale", '!printf %s "$LC_ALL"')
    assert ask_git(checkout, "locale") == "C"


def test_a_folder_whose_name_ends_in_a_space_or_is_not_utf8_keeps_its_name(checkout: Path) -> None:
    folder = checkout / os.fsdecode(b"team-\xe4 ")
    folder.mkdir()
    assert git_checkout.prefix(folder).name == folder.name


def test_a_large_file_without_git_says_what_git_is_needed_for(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"git is not installed\. Files that are too large"):
        push_blob(
            b"large",
            access=GitAccess(url="https://git.invalid/a/b.git"),
            ref="refs/x",
            author="a <a@example.com>",
            environ={"PATH": str(tmp_path)},
        )


@pytest.mark.parametrize(("environ", "seconds"), [({}, "60"), ({"GIT_HTTP_LOW_SPEED_TIME": "5"}, "5")])
def test_git_gives_up_servers_that_go_silent(tmp_path: Path, environ: Mapping[str, str], seconds: str) -> None:
    shown = ("-c", 'alias.shown=!echo "$GIT_HTTP_LOW_SPEED_LIMIT $GIT_HTTP_LOW_SPEED_TIME"', "shown")
    assert run_git(tmp_path, *shown, environ={**os.environ, **environ}).decode().split() == ["1000", seconds]
