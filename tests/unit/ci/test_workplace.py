"""Which place an environment belongs to, and what every place knows."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize(
    ("written", "marks"),
    [
        ("user 100\nstartup-script 110\nwatchers 140\n", {"user": 100.0, "startup-script": 110.0, "watchers": 140.0}),
        ("user 100\nuser 900\n", {"user": 100.0}),
        ("user soon\n\nwatchers 1 2\nrunner 7\n\x00\xff", {"runner": 7.0}),
        ("user 100\n" * 10_000, {}),
        (None, {}),
    ],
    ids=["a boot", "a second boot", "others' lines", "more than a boot writes", "no file"],
)
def test_the_marks_of_the_boot_are_those_that_its_script_wrote(
    tmp_path: Path, written: str | None, marks: dict[str, float]
) -> None:
    if written is not None:
        (tmp_path / "marks").write_text(written, encoding="latin-1")
    facts = workplace(INSTANCE | {"CMLKIT_HOME": str(tmp_path), "CMLKIT_INSTANCE_LAUNCHER": "box"}).instance_facts()
    assert facts is not None
    assert (facts.marks, facts.launcher) == (marks, "box")
