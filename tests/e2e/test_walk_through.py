"""The README's quick start and the tutorial, done word for word by a newcomer, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cmlkit_sandbox import Sandbox
from tests import documented
from tests.e2e.act import ROOT, Act
from tests.e2e.templates import QUICK_TRAINING, accept_keys, rest, the_result_is_in_a_pull_request
from tests.e2e.walk import Reader, Step, environ_of_a_newcomer, steps
from tests.integration.aws_client import until_state
from tests.integration.installation import Distribution, build

README, TUTORIAL = ROOT / "README.md", ROOT / "docs" / "tutorial.md"
HERE, ON_EC2 = "Train here", "Train on EC2"
HERE_IN_TUTORIAL, ON_EC2_IN_TUTORIAL = "2. Open a pull request, without a cloud", "4. Train on EC2"
# Of the first step's, what whoever begins with EC2 does too: install cmlkit, and allow pull requests.
ALSO_BEFORE_EC2 = 2


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """GitHub with an empty repository, whose Actions may not open pull requests, as of a new one."""
    with Sandbox(tmp_path / "sandbox", repository="octo/forest") as running:
        accept_keys(running)
        running.github.hub.repository(running.repository).settings.can_create_pull_requests = False
        yield running


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return build(ROOT, tmp_path_factory.mktemp("index"))


@pytest.fixture
def reader(sandbox: Sandbox, wheel: Distribution, act: Act, tmp_path: Path) -> Reader:
    home = tmp_path / "home"
    folder = home / "work"
    folder.mkdir(parents=True)
    return Reader(sandbox=sandbox, act=act, folder=folder, environ=environ_of_a_newcomer(sandbox, wheel, home, "train"))


def effort(done: Sequence[Step]) -> int:
    """Number of steps, and of decisions that they leave to the reader."""
    return len(done) + sum(len(step.choices) for step in done)


@pytest.mark.parametrize(("page", "title"), [(README, HERE), (TUTORIAL, HERE_IN_TUTORIAL)])
def test_the_way_without_a_cloud_takes_five_steps_and_decisions(page: Path, title: str) -> None:
    assert 0 < effort(steps(page, title)) <= 5


@pytest.mark.parametrize(("page", "title"), [(README, ON_EC2), (TUTORIAL, ON_EC2_IN_TUTORIAL)])
def test_the_way_to_ec2_takes_nine_steps_and_decisions(page: Path, title: str) -> None:
    assert 0 < effort(steps(page, title)) + ALSO_BEFORE_EC2 <= 9


@pytest.mark.slow
def test_the_readme_leads_to_a_pull_request_without_a_cloud_and_then_from_ec2(reader: Reader, sandbox: Sandbox) -> None:
    a_repository_that_trains(reader)
    for step in steps(README, HERE):
        reader.does(step)
    assert reader.runs[0].jobs == {"due": "success", "train": "success"}, reader.runs[0].log
    the_result_is_in_a_pull_request(reader.runs[0], sandbox)
    (reader.folder / "train.py").write_text(QUICK_TRAINING.replace("0.9", "0.95").replace('"trees": 5', '"trees": 6'))
    for step in steps(README, ON_EC2):
        reader.does(step)
    assert set(reader.runs[1].jobs) == {"due", "launch", "train", "stop"}, reader.runs[1].log
    assert set(reader.runs[1].jobs.values()) == {"success"}, reader.runs[1].log
    [instance] = sandbox.aws.instances()
    until_state(sandbox.aws, instance.id, "terminated")


@pytest.mark.slow
def test_the_tutorial_leads_from_an_empty_folder_to_a_pull_request(reader: Reader, sandbox: Sandbox) -> None:
    for step in steps(TUTORIAL, HERE_IN_TUTORIAL):
        reader.does(step)
        shows_what_is_printed(step, reader)
    assert reader.runs[0].jobs == {"due": "success", "train": "success"}, reader.runs[0].log
    the_result_is_in_a_pull_request(reader.runs[0], sandbox)
    # The start on EC2 is the README's, with the same file.
    for step in steps(TUTORIAL, ON_EC2_IN_TUTORIAL)[:-1]:
        reader.does(step)
        shows_what_is_printed(step, reader)
    files = [entry["path"] for entry in rest(sandbox, "git/trees/main?recursive=1")["tree"]]
    assert [path for path in files if path.startswith(".github/workflows/")] == [".github/workflows/train-on-ec2.yml"]


def a_repository_that_trains(reader: Reader) -> None:
    """Put a training script into the repository, as the README supposes, and go there."""
    clone = Step(prose="", script="git clone --quiet https://github.com/octo/forest.git && cd forest", output="")
    reader.does(clone)
    (reader.folder / "train.py").write_text(QUICK_TRAINING)
    reader.does(Step(prose="", script="git add . && git commit -qm Begin && git push -q", output=""))


def shows_what_is_printed(step: Step, reader: Reader) -> None:
    if step.output:
        printed = reader.printed.replace(reader.sandbox.url, "https://github.com")
        assert documented.normal(printed) == documented.normal(step.output)


def test_a_step_that_leaves_a_choice_is_counted_twice() -> None:
    assert effort([Step(prose="Make a token, or use the *one or two* that `or` has.", script="", output="")]) == 2


@pytest.mark.slow
def test_a_step_that_nobody_can_do_is_none(reader: Reader) -> None:
    with pytest.raises(AssertionError, match="Nobody knows how to do this: Think about it"):
        reader.does(Step(prose="Think about it.", script="", output=""))
