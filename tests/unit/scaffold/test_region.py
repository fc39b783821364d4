"""The region that a machine is set up for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmlkit.scaffold.region import region

# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
PROFILES = "[default]\nregion = us-east-2\noutput = json\n\n[profile ml]\nregion=eu-central-1\n"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "us-west-2"}, ("eu-north-1", "AWS_REGION")),
        ({"AWS_DEFAULT_REGION": "us-west-2", "HOME": "/home/me"}, ("us-west-2", "AWS_DEFAULT_REGION")),
        ({"HOME": "/home/me"}, ("us-east-2", "profile default of the AWS CLI")),
        ({"HOME": "/home/me", "AWS_PROFILE": "ml"}, ("eu-central-1", "profile ml of the AWS CLI")),
        ({"HOME": "/home/me", "AWS_PROFILE": "other"}, ("", "")),
        ({"AWS_CONFIG_FILE": "/elsewhere", "HOME": "/home/me"}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_it_is_named_by_a_variable_or_by_the_profile(environ: Mapping[str, str], expected: tuple[str, str]) -> None:
    files = {Path("/home/me/.aws/config"): PROFILES}
    assert region(environ, lambda path: files.get(path, "")) == expected


def test_a_file_that_is_none_of_the_cli_names_no_region() -> None:
    assert region({"AWS_CONFIG_FILE": "x"}, lambda path: "region: eu-west-1\n") == ("", "")
