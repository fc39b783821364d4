"""Names of experiment branches: made from the template, refused as git and GitHub would."""

from __future__ import annotations

import dataclasses

import pytest

from cmlkit.errors import SettingsError
from cmlkit.publishing.branch import LONGEST_BYTES, check_branch, experiment_branch, refused
from cmlkit.records.workflow_run import Trigger, WorkflowRun
from cmlkit.settings.schema import PublishSpec


def branch(template: str, *, base: str = "main") -> str:
    return experiment_branch(template, base=base, run="812", attempt=2, date="2024-05-31", sha="0123456789abcdef")


def test_the_template_knows_base_run_attempt_date_and_sha() -> None:
    assert branch("x/{base}/{run}.{attempt}/{date}-{sha}") == "x/main/812.2/2024-05-31-0123456"


def test_a_base_with_slashes_stays_as_it_is() -> None:
    assert branch("cmlkit/{base}/{run}", base="release/1.x") == "cmlkit/release/1.x/812"


def test_braces_can_be_written_doubled() -> None:
    assert branch("a/{{b}}-{run}") == "a/{b}-812"


@pytest.mark.parametrize("template", ["x/{model}", "x/{}", "x/{run!r}", "x/{run:>9}", "x/{run.__class__}"])
def test_another_field_is_refused_with_the_known_ones(template: str) -> None:
    with pytest.raises(SettingsError, match=r"known are \{base\}, \{run\}, \{attempt\}, \{date\}, \{sha\}"):
        branch(template)


def test_a_template_with_an_open_brace_is_refused() -> None:
    with pytest.raises(SettingsError, match="malformed"):
        branch("x/{run")


@pytest.mark.parametrize(
    "name",
    [
        "", "/a", "a/", "a//b", ".a", "a/.b", "a.", "a.lock", "a.lock/b", "a..b", "a b", "a\tb", "a\x7fb", "a~b", "a^b",
        "a:b", "a?b", "a*b", "a[b", "a\\b", "@", "a@{b", "-a", "HEAD", "a" * 245,
        "0123456789abcdef0123456789abcdef01234567",
    ],
)  # fmt: skip
def test_a_name_that_git_or_github_refuses_is_refused_with_the_reason(name: str) -> None:
    assert refused(name)


@pytest.mark.parametrize("name", ["a", "a/b", "a-b", "a.b", "a@b", "{a}", "modèle/été", "a" * LONGEST_BYTES, "a#b%c"])
def test_other_names_are_taken(name: str) -> None:
    assert refused(name) == ""


def test_the_error_shows_name_template_and_setting() -> None:
    with pytest.raises(SettingsError, match=r"'a b/812', made from 'a b/\{run\}', has a blank") as caught:
        branch("a b/{run}")
    assert "publish.branch" in caught.value.next_step


@pytest.mark.parametrize(("template", "words"), [("{base}", "the base branch itself"), ("cmlkit-assets", "images")])
def test_a_branch_that_is_taken_is_refused_with_its_name_and_a_better_one(template: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        branch(template)
    assert repr(template.format(base="main")) in caught.value.message
    assert caught.value.next_step == "Change the setting publish.branch, such as to cmlkit/{base}/{run}."


RUN = WorkflowRun(
    repository="octo/forest", run_id="7", sha="a" * 40, trigger=Trigger(kind="branch", branch="daily"), event="push"
)
FIELDS = "{base}-{run}-{attempt}-{date}-{sha}"


@pytest.mark.parametrize(
    ("run", "base", "name"),
    [
        (RUN, "", "daily-7-1-2000-01-01-aaaaaaa"),
        (dataclasses.replace(RUN, attempt=3), "results", "results-7-3-2000-01-01-aaaaaaa"),
        (dataclasses.replace(RUN, sha=""), "", "daily-7-1-2000-01-01-0000000"),
    ],
    ids=["of the event", "a base that the user names", "outside of a commit"],
)
def test_a_name_is_checked_before_the_training_with_all_that_is_known_then(
    run: WorkflowRun, base: str, name: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check_branch(run, PublishSpec(branch=f"a b/{FIELDS}", base=base))
    assert repr(f"a b/{name}") in caught.value.message


@pytest.mark.parametrize("template", ["{base}", "{base}/{job}"])
def test_before_the_training_the_events_branch_and_unknown_fields_are_refused(template: str) -> None:
    with pytest.raises(SettingsError):
        check_branch(RUN, PublishSpec(branch=template))
    check_branch(RUN, PublishSpec(branch=f"x/{FIELDS}"))
