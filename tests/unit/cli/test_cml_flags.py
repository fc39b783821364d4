"""CML's flags of `runner launch`, in our words."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from cmlkit.cli.cml_flags import translated
from cmlkit.errors import SettingsError

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "migrate-from-cml.md"
SCRIPT = base64.b64encode(b"apt-get update").decode()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            "--cloud=aws --cloud-region=eu-west --cloud-type=t2.micro",
            "--cloud aws --region eu-west-1 --instance-type t2.micro",
        ),
        ("--cloud-region eu-central-1", "--region eu-central-1"),
        ("--cloud-spot --cloud-spot-price 0.5", "--market spot --max-price 0.5"),
        ("--cloud-hdd-size=50 --cloud-image ami-1", "--disk-size 50 --image ami-1"),
        ("--cloud-metadata team=ml --cloud-permission-set p", "--tags team=ml --iam-instance-profile p"),
        ("--cloud-aws-subnet s-1 --cloud-aws-security-group g", "--subnet s-1 --security-group g"),
        ("--cloud-gpu=nogpu --single --no-retry --driver=github", ""),
        ("--cloud-gpu v100", "--gpus 1"),
        ("--cloud-spot=false --single=false", "--market on-demand"),
        ("--no-cloud-spot --reuse=false", "--market on-demand"),
        ("--cloud-spot=true --cloud-spot-price -1", "--market spot"),
        ("--cloud-aws-subnet-id s-1", "--subnet s-1"),
        ("--idle-timeout=300", "--idle-timeout 300s"),
        ("--idle-timeout 5min", "--idle-timeout 5m"),
        ("--idle-timeout 1h30m", "--idle-timeout 1h30m"),
        ("--labels=cml-runner --instance-type m7i.large", "--labels=cml-runner --instance-type m7i.large"),
    ],
)
def test_a_flag_of_cmls_is_one_of_ours(theirs: str, ours: str) -> None:
    assert translated(theirs.split()) == ours.split()


def test_a_startup_script_comes_in_base64() -> None:
    assert translated(["--cloud-startup-script", SCRIPT]) == ["--startup-script", "apt-get update"]


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        ("--cloud=gcp", "--cloud is 'gcp'; cmlkit launches on AWS only."),
        ("--cloud-type=m+v100", "one of CML's own sizes"),
        ("--idle-timeout=-1", "cannot be turned off"),
        ("--idle-timeout never", "cannot be turned off"),
        ("--tf-resource=x", "does not use Terraform"),
        ("--cloud-startup-script=echo", "is not base64"),
        ("--token=ghp_x", "other users can see arguments"),
        ("--reuse", "serves one job"),
        ("--driver gitlab", "the only one"),
    ],
)
def test_what_has_no_counterpart_says_why(theirs: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)):
        translated(theirs.split())


def test_the_guide_says_of_each_flag_whether_it_works() -> None:
    table = GUIDE.read_text().split("| The same flag works? |", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:] if line]
    assert len(rows) >= 20
    for flags, _, works in rows:
        for flag in re.findall(r"(?<![a-z])--[a-z-]+", flags):
            try:
                known = translated([flag, {"--cloud": "aws", "--cloud-startup-script": SCRIPT}.get(flag, "1")])
            except SettingsError:
                assert works.startswith("an error"), flag
            else:
                assert works.startswith("yes"), flag
                assert flag not in known or flag in ("--cloud", "--labels", "--idle-timeout")
