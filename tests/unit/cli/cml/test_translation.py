"""Command lines as people write them for CML, in our words."""

from __future__ import annotations

import pytest

from cmlkit.cli.cml.translation import translated
from cmlkit.errors import SettingsError

RUN = {"GITHUB_REPOSITORY": "octo/forest", "GITHUB_SERVER_URL": "https://github.com"}


def ours(theirs: str, **environ: str) -> str:
    return " ".join(translated(theirs.split(), environ=environ, has_settings=True).arguments)


@pytest.mark.parametrize(
    ("theirs", "wanted"),
    [
        ("send-comment report.md", "comment create report.md"),
        ("send-comment --pr --update report.md", "comment create --pr --update report.md"),
        (
            "comment create --watermarkTitle=a --head-sha abc r.md",
            "comment create --watermark-title a --commit-sha abc r.md",
        ),
        ("comment update --native --publish-url=https://x r.md", "comment update r.md"),
        ("comment create --publish=false r.md", "comment create --no-publish r.md"),
        ("send-comment --no-publish --watch r.md", "comment create --no-publish --watch r.md"),
        ("publish plot.png --md -f report.md", "asset publish plot.png --md --file report.md"),
        ("comment create --pr=false r.md", "comment create r.md"),
        ("comment create --target pr/12 -- --pr", "comment create --target pr/12 -- --pr"),
        ("send-github-check report.md", "check create report.md"),
        ("check create --headSha=abc --json r.md", "check create --commit-sha abc --json r.md"),
        ("pr model/a.pkl", "pr create model/a.pkl"),
        ("pr --auto-merge out.txt", "pr create --merge out.txt"),
        ("pr create --user-name=A --userEmail a@b --remote origin .", "pr create --remote origin ."),
        ("pr --squash true train.py", "pr create --squash train.py"),
        ("pr --md create out.txt", "pr create --md out.txt"),
        ("pr --title create out.txt", "pr create --title create out.txt"),
        ("pr out.txt create", "pr create out.txt create"),
        ("comment --update create r.md", "comment create --update r.md"),
        ("runner --labels=x --log=info launch --cloud=aws", "runner launch --labels x --cloud aws"),
        ("ci", "repo prepare"),
        ("ci --fetch-depth=0", "repo prepare --fetch-depth 0"),
        ("ci --unshallow --user-name=bot", "repo prepare --unshallow --user-name bot"),
        ("rerun-workflow --id 12", "workflow rerun --id 12"),
        ("publish plot.png --md", "asset publish plot.png --md"),
        ("publish --md plot.png", "asset publish --md plot.png"),
        ("publish plot.png -t Title", "asset publish plot.png --title Title"),
        ("publish plot.png -tTitle", "asset publish plot.png --title Title"),
        ("publish plot.png --md --title=A", "asset publish plot.png --md --title A"),
        ("publish --md", "asset publish --md"),
        ("publish /dev/stdin --gitlab-uploads", "asset publish /dev/stdin"),
        ("publish -- -plot.png", "asset publish -- -plot.png"),
        ("publish --repo octo/forest plot.png", "asset publish plot.png"),
        ("--log debug send-comment r.md", "comment create r.md"),
        ("--debug comment --driver=github create r.md", "--debug comment create r.md"),
        ("comment create --log=info r.md --driver github", "comment create r.md"),
        ("send-comment --version", "--version"),
        ("send-comment --help", "comment create --help"),
    ],
)
def test_a_line_of_cmls_is_one_of_ours(theirs: str, wanted: str) -> None:
    assert ours(theirs, **RUN) == wanted


@pytest.mark.parametrize(
    "line",
    [
        "publish",
        "publish --title A --labels retrained --auto-merge squash",
        "publish --gate loss --json",
        "publish --config other.yaml --no-check",
        "publish --help",
        "train -- python publish.py publish",
        "model promote --pr 7",
        "asset prune --dry-run",
        "comment --help",
        "comment",
        "comment --help create",
        "pr",
        "pr --help",
        "--help",
        "--version",
    ],
)
def test_a_line_of_ours_stays_as_it_is(line: str) -> None:
    assert ours(line, **RUN, REPO_TOKEN="t") == line


def test_a_title_may_begin_with_a_dash_and_hold_anything() -> None:
    words = ["pr", "--title", "- fix", "--message=a=b", "--body", "", "."]
    assert list(translated(words, environ={}).arguments) == (
        ["pr", "create", "--title", "- fix", "--message", "a=b", "--body", "", "."]
    )


def test_a_flag_without_its_value_is_an_error_that_names_it() -> None:
    for line in ("pr . --title", "pr --title --md .", "pr --title -- ."):
        with pytest.raises(SettingsError, match="--title needs a value"):
            ours(line)


@pytest.mark.parametrize("line", ["tensorboard connect --logdir=logs", "tensorboard-dev --md", "tensorboard"])
def test_tensorboard_dev_is_closed(line: str) -> None:
    with pytest.raises(SettingsError, match="closed on 1 January 2024"):
        ours(line)


@pytest.mark.parametrize(
    "address",
    [
        "octo/forest",
        "Octo/Forest",
        "https://github.com/octo/forest",
        "https://github.com/octo/forest/",
        "https://github.com/octo/forest.git",
        "https://user:secret@github.com/octo/forest.git",
        "github.com/octo/forest",
        "git@github.com:octo/forest.git",
        "ssh://git@github.com:22/octo/forest.git",
        "git://github.com/octo/forest.git",
    ],
)
def test_the_repository_of_the_run_may_be_named_in_any_form(address: str) -> None:
    assert ours(f"send-comment --repo {address} r.md", **RUN) == "comment create r.md"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("octo/other", "names octo/other; this run belongs to octo/forest"),
        ("https://gitlab.com/octo/forest", "a repository at gitlab.com; this run works with github.com"),
        ("git@gitlab.com:octo/forest.git", "a repository at gitlab.com"),
        ("https://github.com/octo", "names octo, which is no repository"),
        ("forest", "names no repository"),
        ("https://github.com/octo/forest/tree/main", "names no repository"),
    ],
)
def test_another_repository_is_refused_with_the_reason(address: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"^--repo.*{why}"):
        ours(f"send-comment --repo {address} r.md", **RUN)
    with pytest.raises(SettingsError, match=f"^CML_REPO.*{why}"):
        ours("send-comment r.md", **RUN, CML_REPO=address)


def test_outside_a_run_the_named_repository_counts() -> None:
    translation = translated(["send-comment", "--repo=https://github.com/octo/forest", "r.md"], environ={})
    assert translation.variables == {"GITHUB_REPOSITORY": "octo/forest"}


def test_the_address_of_the_owner_registers_the_runner_with_the_organisation() -> None:
    line = "runner launch --cloud=aws --repo https://github.com/octo"
    assert ours(line, **RUN) == "runner launch --cloud aws --scope organisation"


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({"GITHUB_TOKEN": "job"}, "job"),
        ({"GITHUB_TOKEN": "job", "repo_token": "lower"}, "lower"),
        ({"GITHUB_TOKEN": "job", "repo_token": "lower", "REPO_TOKEN": "upper"}, "upper"),
        ({"REPO_TOKEN": " ", "GITHUB_TOKEN": "job"}, "job"),
        ({"REPO_TOKEN": "upper", "CML_TOKEN": "cml"}, "cml"),
        ({"CML_TOKEN": "cml", "CML_COMMENT_TOKEN": "comment"}, "comment"),
        ({"CML_TOKEN": "cml", "CML_SEND_COMMENT_DRIVER_TOKEN": "old"}, "old"),
        ({"REPO_TOKEN": "upper", "CML_TOKEN": "cml", "CMLKIT_TOKEN": "ours"}, None),
        ({}, None),
    ],
)
def test_tokens_have_cmls_order_below_ours(environ: dict[str, str], token: str | None) -> None:
    assert translated(["send-comment", "r.md"], environ=environ).variables.get("CMLKIT_TOKEN") == token


@pytest.mark.parametrize("flag", ["--token", "--driver-token", "--driverToken"])
def test_a_token_in_the_arguments_counts_most_with_a_warning_that_does_not_show_it(flag: str) -> None:
    translation = translated(["send-comment", flag, "ghp_x", "r.md"], environ={"CMLKIT_TOKEN": "ours"})
    assert translation.variables == {"CMLKIT_TOKEN": "ghp_x"}
    [note] = translation.notes
    assert note.startswith(f"{flag}: ")
    assert "ghp_x" not in note + repr(translation)


def test_an_empty_token_as_of_a_missing_secret_is_none() -> None:
    assert translated(["send-comment", "--token=", "r.md"], environ={"REPO_TOKEN": "t"}).variables == {
        "CMLKIT_TOKEN": "t"
    }


def test_a_token_in_the_arguments_registers_the_runner_too() -> None:
    environ = {"CMLKIT_RUNNER_TOKEN": "ours"}
    variables = translated(["runner", "launch", "--token=ghp_x"], environ=environ).variables
    assert variables == {"CMLKIT_TOKEN": "ghp_x", "CMLKIT_RUNNER_TOKEN": "ghp_x"}


@pytest.mark.parametrize(
    ("line", "environ", "wanted"),
    [
        ("pr .", {"CML_PR_MERGE": "true", "CML_PR_TITLE": "T"}, "pr create --merge --title T ."),
        ("pr . --title=X", {"CML_PR_TITLE": "T"}, "pr create . --title X"),
        ("pr --no-merge .", {"CML_PR_AUTO_MERGE": "true"}, "pr create ."),
        ("pr .", {"CML_PR_MERGE": "false", "CML_PR_TITLE": ""}, "pr create ."),
        ("send-comment r.md", {"CML_SEND_COMMENT_UPDATE": "1"}, "comment create --update r.md"),
        ("send-comment r.md", {"CML_COMMENT_UPDATE": "1", "CML_LOG": "debug"}, "comment create --update r.md"),
        ("publish a.png", {"CML_PUBLISH_MD": "true"}, "asset publish --md a.png"),
        ("ci", {"CML_CI_UNSHALLOW": "true"}, "repo prepare --unshallow"),
        ("ci", {"CML_REPO": "octo/forest", "CML_REPO_FETCH_DEPTH": "0"}, "repo prepare --fetch-depth 0"),
        ("runner launch", {"CML_RUNNER_CLOUD_REGION": "eu-west"}, "runner launch --region eu-west-1"),
        ("runner launch", {"RUNNER_LABELS": "cml"}, "runner launch --labels cml"),
        (
            "runner launch --region eu-north-1",
            {"CML_RUNNER_CLOUD_REGION": "eu-west"},
            "runner launch --region eu-north-1",
        ),
        ("runner launch", {"CML_RUNNER_LABELS": "a", "CMLKIT_RUNNER_LABELS": "b"}, "runner launch"),
        ("runner stop", {"CML_RUNNER_LABELS": "a"}, "runner stop"),
        ("train", {"CML_RUNNER_LABELS": "a", "CML_PR_TITLE": "T"}, "train"),
    ],
)
def test_variables_count_less_than_flags_and_our_own_variables(line: str, environ: dict[str, str], wanted: str) -> None:
    assert ours(line, **RUN, **environ) == wanted


def test_a_variable_of_a_refused_flag_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match="^CML_RUNNER_REUSE is not supported"):
        ours("runner launch", CML_RUNNER_REUSE="true")
    assert ours("runner launch", CML_RUNNER_REUSE="false") == "runner launch"
