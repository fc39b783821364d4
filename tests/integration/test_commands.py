"""The commands against the sandbox: what works, and what bad input is answered with; nothing may be left behind."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
from pathlib import Path

import boto3
import pytest

from cmlkit.__main__ import run
from cmlkit.ci.base import SUMMARY_LIMIT_BYTES
from cmlkit.records.training_run import RECORD
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github.seeding import add_attestation

TRAIN = (
    "mkdir -p model; echo 'Accuracy: 0.97' > model/metrics.txt; echo pixels > model/confusion_matrix.png;"
    " echo weights > model/random_forest.joblib"
)


def trained() -> None:
    assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=os.environ) == 0


def nothing_is_left(sandbox: Sandbox) -> bool:
    repository = sandbox.github.hub.repository(sandbox.repository)
    alive = [instance for instance in sandbox.aws.instances() if instance.state != "terminated"]
    runners = sandbox.github.hub.runners.of(sandbox.repository)
    return (
        not alive
        and not runners
        and not repository.pulls
        and [ref.name for ref in repository.git.refs("refs/heads/")] == ["refs/heads/main"]
    )


def test_publish_prints_what_it_made(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    trained()
    capsys.readouterr()
    assert run(["publish", "--json", "--gate", "accuracy >= 0.9", "--labels", "retrained"], environ=os.environ) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["verdict"] == "first"
    assert result["pull_request_url"].endswith("/pull/1")
    assert result["metrics"] == {"Accuracy": 0.97}
    assert "model/random_forest.joblib" in result["files"]


@pytest.mark.parametrize(("owner", "cores"), [("github-hosted", os.cpu_count()), ("self-hosted", None)])
def test_the_record_of_a_training_has_the_cores_of_a_hosted_machine(
    owner: str, cores: int | None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_ENVIRONMENT", owner)
    trained()
    assert json.loads(RECORD.read_text()).get("hosted_cores") == cores


def test_a_summary_without_room_for_the_report_is_a_warning(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained()
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * (SUMMARY_LIMIT_BYTES - 10))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert run(["publish"], environ=os.environ) == 0
    assert "::warning title=cmlkit::The job summary has no room" in capsys.readouterr().err
    summary.write_bytes(b"")
    assert run(["publish"], environ=os.environ) == 0
    assert "Accuracy" in summary.read_text(encoding="utf-8")


def test_a_text_that_is_too_long_is_shortened_and_is_in_the_summary_in_full_if_nothing_may_be_stored(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "| name | value |\n|---|---|\n" + "| a | 1 |\n" * 500
    Path("report.md").write_text("\n".join([table] * 15))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert run(["comment", "create", "--no-publish", "--target", "commit", "report.md"], environ=os.environ) == 0
    (comment,) = sandbox.github.hub.repository(sandbox.repository).commit_comments.values()
    text = comment.body
    assert text.count("| a | 1 |") > 500 * 12
    assert re.search(r"more rows: \[the whole report\]\(http.*/actions/runs/", text)
    assert (tmp_path / "summary.md").read_text().count("| a | 1 |") == 500 * 15
    assert "it was shortened" in capsys.readouterr().err


def test_a_rejected_model_is_a_draft_and_exit_code_6(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    trained()
    assert run(["publish", "--gate", "accuracy >= 0.99"], environ=os.environ) == 6
    assert "accuracy >= 0.99" in capsys.readouterr().err
    [pull] = sandbox.github.hub.repository(sandbox.repository).pulls
    assert pull.draft


def test_outside_actions_a_training_that_is_published_again_is_not_doubled(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID")
    trained()
    assert run(["publish"], environ=os.environ) == 0
    assert run(["publish"], environ=os.environ) == 0
    repository = sandbox.github.hub.repository(sandbox.repository)
    assert [pull.state for pull in repository.pulls] == ["open"]
    trained()
    assert run(["publish"], environ=os.environ) == 0
    assert [pull.state for pull in repository.pulls] == ["closed", "open"]


def test_report_prints_markdown_and_writes_nothing(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    trained()
    asked = len(sandbox.github.requests)
    capsys.readouterr()
    assert run(["report", "--gate", "accuracy >= 0.9"], environ=os.environ) == 0
    markdown = capsys.readouterr().out
    assert "Accuracy" in markdown
    assert run(["report", "--gate", "accuracy >= 0.9", "--json"], environ=os.environ) == 0
    assert json.loads(capsys.readouterr().out)["markdown"].strip() == markdown.strip()
    assert {item.method for item in sandbox.github.requests[asked:]} <= {"GET"}


@pytest.mark.parametrize(
    ("command", "variables", "exit_code", "message"),
    [
        (["publish"], {"CMLKIT_TOKEN": ""}, 3, "No GitHub token is set"),
        (["publish"], {"CMLKIT_TOKEN": "ghp_unknown"}, 3, "401|token"),
        (["publish"], {"CMLKIT_TOKEN": "ghp_reader"}, 3, "permission|not accessible|contents"),
        (["publish"], {"GITHUB_REPOSITORY": "octo/absent"}, 7, "octo/absent"),
        (["publish"], {"GITHUB_REPOSITORY": "not a repository"}, 2, "OWNER/NAME"),
        (["publish", "--base", "absent"], {}, 2, "no branch 'absent'"),
        (["publish", "--branch", "bad..name"], {}, 2, "bad..name"),
        (["publish", "--gate", "accuracy >="], {}, 2, "gate"),
        (["publish", "--directions", "beauty=up"], {}, 2, "higher or lower"),
        (["publish", "--config", "absent.yaml"], {}, 2, "absent.yaml does not exist"),
        (["publish", "--files", "absent.bin"], {}, 2, "absent.bin"),
        (["publish", "--files", "../source/README.md"], {}, 2, "README.md"),
        (["runner", "launch"], {"CMLKIT_RUNNER_TOKEN": "", "CMLKIT_TOKEN": ""}, 3, "No GitHub token is set"),
        (["runner", "launch"], {"CMLKIT_RUNNER_TOKEN": "ghp_reader"}, 3, "Administration|permission|scope repo"),
        (["runner", "launch"], {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 3, "no AWS credentials"),
        (["runner", "launch"], {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, 2, "No AWS region is set"),
        (["runner", "launch"], {"CMLKIT_GATE": "accuracy >>= 1"}, 2, "accuracy >>= 1"),
        (["train", "--run", "true"], {"CMLKIT_GATE": "accuracy >>= 1"}, 2, "accuracy >>= 1"),
        (["runner", "launch", "--instance-type", "t9.huge"], {}, 2, "t9.huge"),
        (["runner", "launch", "--dry-run", "--image", "ami-0123456789abcdef0"], {}, 2, "ami-0123456789abcdef0"),
        (
            ["runner", "launch", "--image", "windows"],
            {},
            2,
            "--image: runner.image is 'windows'; it takes ubuntu-24.04",
        ),
        (["runner", "launch", "--dry-run", "--subnet", "subnet-00000000"], {}, 2, "subnet"),
        (["runner", "launch", "--wait-timeout", "soon"], {}, 2, "a duration with a unit"),
        (["runner", "launch", "--max-lifetime", "0s"], {}, 2, "--max-lifetime.*a duration longer than 0s"),
        (["runner", "launch", "--dry-run", "--disk-type", "gp9"], {}, 2, "--disk-type: .*gp9.*one of gp3"),
        (["doctor", "--subnet", "subnet-1"], {}, 2, "--subnet: .*ids such as subnet-0123"),
        (["config", "show"], {"CMLKIT_RUNNER_IDLE_TIMEOUT": "3h"}, 2, "CMLKIT_RUNNER_IDLE_TIMEOUT: .*max-lifetime"),
        (["runner", "launch", "--tags", "a=1", "--tags", "a=2"], {}, 2, "--tags: .*'a' occurs twice"),
        (["runner", "launch"], {"CMLKIT_TRAIN_MODEL": "../m.joblib"}, 2, "CMLKIT_TRAIN_MODEL: .*inside the project"),
        (["train", "--run", "true", "--model", "/m.joblib"], {}, 2, "inside the project"),
        (["runner", "launch"], {"CMLKIT_TRAIN_MODEL": "out/m.joblib"}, 2, "train.model is 'out/m.joblib', which links"),
        (["train", "--run", "true", "--model", "out/m.joblib"], {}, 2, "train.model is 'out/m.joblib', which links"),
        (["publish", "--branch", "main"], {}, 2, "'main' is the base branch itself"),
        (["publish", "--branch", "main", "--base", "absent"], {}, 2, "no branch 'absent'"),
        (["runner", "launch"], {"CMLKIT_PUBLISH_BRANCH": "main"}, 2, "'main' is the base branch itself"),
        (
            ["train", "--run", "true"],
            {"CMLKIT_PUBLISH_BRANCH": "{base}", "GITHUB_ACTIONS": "true"},
            2,
            "'main' is the base branch itself",
        ),
        (
            ["train", "--run", "true"],
            {"CMLKIT_PUBLISH_BRANCH": "{model}", "GITHUB_ACTIONS": "true"},
            2,
            "publish.branch",
        ),
    ],
)
def test_bad_input_says_what_is_wrong_and_leaves_nothing(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    variables: dict[str, str],
    exit_code: int,
    message: str,
) -> None:
    trained()
    Path("out").symlink_to("/")
    sandbox.github.add_token("ghp_reader", "octo", permissions={"contents": "read", "metadata": "read"})
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    capsys.readouterr()
    assert run(command, environ=os.environ) == exit_code
    shown = capsys.readouterr().err
    assert re.search(message, shown), shown
    assert "Traceback" not in shown
    assert "defect" not in shown
    assert nothing_is_left(sandbox)


def test_a_misspelt_variable_is_a_warning_at_every_command_that_reads_settings(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CMLKIT_RUNNER_INSTANCE_TYP", "t3.large")
    for command in (["config", "show"], ["runner", "list"], ["runner", "launch", "--dry-run"]):
        assert run(command, environ=os.environ) == 0
        shown = capsys.readouterr().err
        assert shown.count("CMLKIT_RUNNER_INSTANCE_TYP has no effect") == 1
        assert "Did you mean CMLKIT_RUNNER_INSTANCE_TYPE?" in shown


def test_without_a_default_network_the_error_names_the_setting(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    ec2 = boto3.client("ec2")
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    [network] = ec2.describe_vpcs()["Vpcs"]
    ec2.delete_vpc(VpcId=network["VpcId"])
    assert run(["runner", "launch"], environ=os.environ) == 2
    assert "subnet" in capsys.readouterr().err
    assert nothing_is_left(sandbox)


@pytest.mark.slow
def test_a_runner_that_never_comes_is_given_up_and_taken_back(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.aws.settling.launches = 0  # else a slow machine could spend the seconds before the launch
    assert run(["runner", "launch", "--wait-timeout", "5s"], environ=os.environ) == 5
    assert "not online" in capsys.readouterr().err
    assert nothing_is_left(sandbox)


def test_dry_run_shows_the_plan_with_prices_and_launches_nothing(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runner", "launch", "--dry-run", "--json"], environ=os.environ) == 0
    plan = json.loads(capsys.readouterr().out)
    assert all(option["usd_per_hour"] > 0 for option in plan["options"])
    assert nothing_is_left(sandbox)


def test_dry_run_says_what_the_limit_on_the_price_leaves_out(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runner", "launch", "--dry-run", "--max-price", "0.014"], environ=os.environ) == 0
    assert "Left out by `max-price`" in capsys.readouterr().err


def test_stopping_and_reaping_and_listing_find_nothing_where_nothing_is(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("stop", "list", "reap"):
        assert run(["runner", command, "--json"], environ=os.environ) == 0
        assert not any(json.loads(capsys.readouterr().out).values())


def test_a_broken_record_says_to_train_again(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    trained()
    RECORD.write_text("{")
    assert run(["publish"], environ=os.environ) == 2
    assert "Run cmlkit train again" in capsys.readouterr().err
    assert nothing_is_left(sandbox)


def test_model_show_and_verify(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    Path("model").mkdir()
    Path("model/m.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert run(["model", "verify", "model/m.pkl", "--json"], environ=os.environ) == 0
    assert json.loads(capsys.readouterr().out)["imports"] == []
    assert run(["model", "show", "model/m.pkl"], environ=os.environ) == 2
    assert "manifest" in capsys.readouterr().err


class Command:
    """An object that runs a command as it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_model_verify_names_what_is_not_on_its_list_and_fails_on_it_if_that_is_asked_for(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("m.pkl").write_bytes(pickle.dumps(Command()))
    assert run(["model", "verify", "m.pkl", "--json"], environ=os.environ) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["untrusted"] == [f"{os.name}.system"]
    assert run(["model", "verify", "--fail-on", "untrusted", "m.pkl"], environ=os.environ) == 2
    assert f"{os.name}.system" in capsys.readouterr().err
    Path("plain.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert run(["model", "verify", "--fail-on", "untrusted", "plain.pkl"], environ=os.environ) == 0
    assert not Path("ran").exists()


def test_model_verify_says_why_a_known_name_is_not_trusted(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["model", "verify", "m.pkl", "--fail-on", "untrusted", "--json"]
    Path("m.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert run(command, environ=os.environ) == 0
    Path("m.pkl").write_bytes(b"cnumpy\nmemmap\n(Vfile\ntR.")
    capsys.readouterr()
    assert run(command, environ=os.environ) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["untrusted"] == ["numpy.memmap"]
    assert json.loads(shown.out)["reasons"] == ["numpy.memmap: models name it, but do not call it"]
    assert "what cmlkit does not know: numpy.memmap" in shown.err
    assert run(command[:3], environ=os.environ) == 0


def test_model_verify_asks_which_workflow_attested_the_file(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    trained()
    command = ["model", "verify", "model/random_forest.joblib", "--attestation", "--json"]
    capsys.readouterr()
    assert run(command, environ=os.environ) == 2
    assert f"{sandbox.repository} has no attestation" in capsys.readouterr().err
    add_attestation(
        sandbox.github.hub,
        sandbox.repository,
        name="model/random_forest.joblib",
        sha256=hashlib.sha256(Path("model/random_forest.joblib").read_bytes()).hexdigest(),
        run="77",
        workflow=".github/workflows/train.yml",
    )
    assert run(command, environ=os.environ) == 0
    shown = capsys.readouterr()
    [attestation] = json.loads(shown.out)["attestations"]
    assert attestation["workflow"] == ".github/workflows/train.yml"
    assert attestation["signature"] == "not checked"
    assert "signatures are not checked" in shown.err
    assert attestation["run"].endswith("/actions/runs/77/attempts/1")
    assert f"gh attestation verify model/random_forest.joblib --repo {sandbox.repository}" in shown.err
