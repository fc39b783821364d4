"""CML's flags of `runner launch`, in our words."""

from __future__ import annotations

import base64
import re

import pytest

from cmlkit.cli.cml.translation import translated
from cmlkit.errors import SettingsError
from cmlkit.settings.setting import MAPPING

SCRIPT = b"apt-get update\napt-get install -y libgomp1 # and what else the training script of this project needs\n"


def ours(theirs: str, **environ: str) -> list[str]:
    words = translated(["runner", "launch", *theirs.split()], environ=environ, has_settings=True).arguments
    assert list(words[:2]) == ["runner", "launch"]
    return list(words[2:])


@pytest.mark.parametrize(
    ("theirs", "wanted"),
    [
        (
            "--cloud=aws --cloud-region=eu-west --cloud-type=t2.micro",
            "--cloud aws --region eu-west-1 --instance-type t2.micro",
        ),
        ("--cloud-region eu-central-1", "--region eu-central-1"),
        ("--cloud-region us-east", "--region us-east-1"),
        ("--cloud-region us-west", "--region us-west-1"),
        ("--cloud-region eu-north", "--region eu-north-1"),
        ("--cloud-spot --cloud-spot-price 0.5", "--market spot --max-price 0.5"),
        ("--cloud-hdd-size=50 --cloud-image ami-1", "--disk-size 50 --image ami-1"),
        ("--cloud-metadata team=ml --cloud-permission-set p", "--tags team=ml --iam-instance-profile p"),
        ("--cloud-image ubuntu@x86_64:099720109477:*focal-20.04*", "--image 099720109477:*focal-20.04*"),
        ("--cloud-image ubuntu", ""),
        ("--cloud-image nvidia", ""),
        ("--cloud-type m", "--instance-type m5.2xlarge"),
        ("--cloud-type m+t4", "--instance-type g4dn.xlarge"),
        ("--cloud-gpu nvidia-tesla-t4 --cloud-type m", "--instance-type g4dn.xlarge"),
        ("--cloud-type xl --cloud-gpu k80", "--instance-type p2.16xlarge"),
        ("--cloud-type l --cloud-gpu nogpu", "--instance-type m5.8xlarge"),
        ("--cloud-metadata team=ml stage=dev --single", "--tags team=ml --tags stage=dev"),
        ("--cloud-type= --cloud-gpu= --cloud-hdd-size= --idle-timeout=", ""),
        ("--cloud-aws-subnet s-1 --cloud-aws-security-group g", "--subnet s-1 --security-group g"),
        ("--cloud-aws-security-group= --cloud-permission-set=", ""),
        ("--cloud-gpu=nogpu --single --no-retry --driver=github", ""),
        ("--cloud-gpu v100", "--gpus 1"),
        ("--cloud-gpu v100 --cloud-type g4dn.xlarge", "--instance-type g4dn.xlarge"),
        ("--cloud-spot=false --single=false", "--market on-demand"),
        ("--cloud-spot false --single false", "--market on-demand"),
        ("--no-cloud-spot --reuse=false --no-reuse-idle", "--market on-demand"),
        ("--cloud-spot=true --cloud-spot-price -1", "--market spot"),
        ("--cloud-aws-subnet-id s-1", "--subnet s-1"),
        ("--cloudRegion us-east --cloudAwsSubnetId s-1 --cloudSpot", "--region us-east-1 --subnet s-1 --market spot"),
        ("--idle-timeout=300", "--idle-timeout 300s"),
        ("--idle-timeout 5min", "--idle-timeout 300s"),
        ("--idle-timeout 1h30m", "--idle-timeout 5400s"),
        ("--labels=cml-runner --instance-type m7i.large", "--labels cml-runner --instance-type m7i.large"),
        ("--cml-version 0.18.0 --tpi-version x --workdir /tmp/x --path y --destroy-delay 60", ""),
        ("--name session-08 --docker-volumes /a:/a /b:/b --log debug", ""),
    ],
)
def test_a_flag_of_cmls_is_one_of_ours(theirs: str, wanted: str) -> None:
    assert ours(theirs) == wanted.split()


@pytest.mark.parametrize(
    ("pair", "tags"),
    [
        ("cost=7", {"cost": "7"}),
        ("spare", {"spare": ""}),
        ("note=a, b=c", {"note": "a, b=c"}),
        ("on=yes", {"on": "yes"}),
    ],
)
def test_the_value_of_a_tag_stays_the_text_that_it_is(pair: str, tags: dict[str, str]) -> None:
    words = translated(["runner", "launch", "--cloud-metadata", pair], environ={}, has_settings=True).arguments
    assert words[2] == "--tags"
    assert MAPPING.parse(words[3]) == tags


def test_a_gpu_beside_a_type_without_any_is_left_to_the_launch_to_refuse() -> None:
    assert ours("--cloud-gpu=t4", CML_RUNNER_CLOUD_TYPE="m") == ["--instance-type", "m5.2xlarge", "--gpus", "1"]


def test_a_duration_may_be_written_out_as_cml_takes_it() -> None:
    words = translated(
        ["runner", "launch", "--idle-timeout", "1 hour, 5 minutes"], environ={}, has_settings=True
    ).arguments
    assert list(words[2:]) == ["--idle-timeout", "3900s"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_startup_script_comes_in_base64_which_breaks_its_lines_at_76_characters(line_end: str) -> None:
    # The output of GNU `base64`, and of `openssl base64` on Windows.
    broken = line_end.join(base64.encodebytes(SCRIPT).decode().splitlines()) + line_end
    for text in (broken, base64.b64encode(SCRIPT).decode(), base64.b64encode(SCRIPT).decode().rstrip("=")):
        words = translated(
            ["runner", "launch", "--cloud-startup-script", text], environ={}, has_settings=True
        ).arguments
        assert list(words[2:]) == ["--startup-script", SCRIPT.decode()]


def test_a_zone_is_its_region_and_the_log_says_so() -> None:
    translation = translated(
        ["runner", "launch", "--cloud-region", "us-east-1a"], environ={"CMLKIT_RUNNER_LABELS": "x"}
    )
    assert list(translation.arguments[2:]) == ["--region", "us-east-1"]
    [note] = translation.notes
    assert "us-east-1a is a zone" in note


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        ("--cloud=gcp", "--cloud is 'gcp'; cmlkit launches on AWS only."),
        ("--cloud-type=m+v100", "one of CML's own sizes"),
        ("--cloud-type=m --cloud-gpu=v100", "'m+v100' is one of CML's own sizes"),
        ("--cloud-type=m --cloud-gpu=tesla", "'m+v100' is one of CML's own sizes"),
        ("--idle-timeout=-1", "cannot be turned off"),
        ("--idle-timeout -1", "cannot be turned off"),
        ("--idle-timeout never", "cannot be turned off"),
        ("--idle-timeout soon", "no duration"),
        ("--idle-timeout 5fortnights", "no duration"),
        ("--tf-resource=x", "does not use Terraform"),
        ("--tf_resource=x", "does not use Terraform"),
        ("--cloud-startup-script=echo!", "is not base64"),
        ("--reuse", "serves one job"),
        ("--reuseIdle", "serves one job"),
        ("--driver gitlab", "works with github only"),
        ("--cloud-region", "needs a value"),
        ("--cloud-region --single", "needs a value"),
        ("--docker-machine x", "without Docker Machine"),
    ],
)
def test_what_has_no_counterpart_says_why(theirs: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)):
        ours(theirs)


def test_a_flag_that_is_refused_says_where_the_guide_is() -> None:
    with pytest.raises(SettingsError) as refusal:
        ours("--cloud-ssh-private=key")
    assert "docs/how-to/debug-a-runner.md" in refusal.value.next_step
    assert "migrate-from-cml.md" in refusal.value.next_step


@pytest.mark.parametrize("arguments", [["--labels=cml"], ["--"], ["--idle-timeout=1800", "--dry-run"]])
def test_the_runner_without_a_cloud_is_refused_as_it_was_this_machine_with_cml(arguments: list[str]) -> None:
    with pytest.raises(SettingsError, match="would make this machine a runner") as refusal:
        translated(["runner", *arguments], environ={"RUNNER_LABELS": "cml,vm"})
    assert "cmlkit runner launch" in refusal.value.next_step


@pytest.mark.parametrize("variable", ["CML_RUNNER_CLOUD", "CMLKIT_RUNNER_CLOUD"])
def test_a_variable_may_name_the_cloud(variable: str) -> None:
    words = translated(["runner", "--labels=x", "--cloud-region=eu-west"], environ={variable: "aws"}).arguments
    assert list(words) in (
        ["runner", "launch", "--market", "on-demand", "--labels", "x", "--region", "eu-west-1"],
        ["runner", "launch", "--market", "on-demand", "--cloud", "aws", "--labels", "x", "--region", "eu-west-1"],
    )


def test_a_line_of_cmls_has_its_label_and_region_which_its_jobs_look_for() -> None:
    for line, market in (("runner launch", ""), ("runner", "--market on-demand ")):
        line += " --cloud=aws --cloud-type=g5.xlarge"
        words = f"runner launch --labels cml {market}--region us-west-1 --cloud aws --instance-type g5.xlarge"
        assert list(translated(line.split(), environ={}).arguments) == words.split()
        plain = "runner launch --cloud aws --instance-type g5.xlarge"
        assert list(translated(line.split(), environ={}, has_settings=True).arguments) == plain.split()


@pytest.mark.parametrize("line", ["runner launch", "runner launch --cloud aws --instance-type g5.xlarge --json"])
def test_a_line_of_ours_has_our_defaults(line: str) -> None:
    assert list(translated(line.split(), environ={}).arguments) == line.split()


def test_the_runner_without_a_command_has_cmls_label_market_and_region_unless_others_are_named() -> None:
    assert list(translated(["runner", "--cloud=aws"], environ={}).arguments) == (
        ["runner", "launch", "--labels", "cml", "--market", "on-demand", "--region", "us-west-1", "--cloud", "aws"]
    )
    environ = {"AWS_REGION": "eu-west-1", "CMLKIT_RUNNER_LABELS": "gpu", "CMLKIT_RUNNER_MARKET": "spot-then-on-demand"}
    assert list(translated(["runner", "--cloud=aws"], environ=environ).arguments) == (
        ["runner", "launch", "--cloud", "aws"]
    )


@pytest.mark.parametrize(
    "arguments", [["runner"], ["runner", "--help"], ["runner", "stop"], ["runner", "list", "--this-run"]]
)
def test_help_and_our_own_commands_stay_as_they_are(arguments: list[str]) -> None:
    assert translated(arguments, environ={"CML_RUNNER_REUSE": "true"}).arguments == arguments
