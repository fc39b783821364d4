"""Which place an environment belongs to, and what every place knows."""

from __future__ import annotations

import pytest

from cmlkit.ci import workplace
from cmlkit.ci.github_actions import GithubActions
from cmlkit.ci.local import Local

# What the boot script writes into the environment of the job.
INSTANCE = {
    "CMLKIT_INSTANCE_ID": "i-1",
    "CMLKIT_INSTANCE_TYPE": "t3.medium",
    "CMLKIT_INSTANCE_MARKET": "spot",
    "CMLKIT_INSTANCE_REGION": "eu-west-1",
    "CMLKIT_INSTANCE_PRICE_USD_PER_HOUR": "0.0137",
    "CMLKIT_INSTANCE_STARTED": "not known",
}


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": "secret"}, GithubActions),
        ({"GITHUB_RUN_ID": "123"}, GithubActions),
        ({"GITHUB_REPOSITORY": "octo/model"}, GithubActions),
        ({"GITHUB_TOKEN": "secret"}, Local),
        ({"GITHUB_ACTIONS": "", "CI": "true"}, Local),
        ({}, Local),
    ],
    ids=["a step", "a run that is named", "a repository that is named", "a token in a shell", "another CI", "a shell"],
)
def test_the_environment_tells_the_place(environ: dict[str, str], place: type) -> None:
    assert type(workplace(environ)) is place


@pytest.mark.parametrize("place", [{}, {"GITHUB_ACTIONS": "true"}], ids=["local", "GitHub Actions"])
def test_the_instance_is_what_the_boot_script_told_the_job(place: dict[str, str]) -> None:
    facts = workplace(place | INSTANCE).instance_facts()
    assert facts is not None
    assert (facts.instance_id, facts.market, facts.price, facts.started) == ("i-1", "spot", 0.0137, None)
    assert workplace(place).instance_facts() is None
