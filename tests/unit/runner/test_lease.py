"""The lease: names and tags that tell ours from others', and how long they may live."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cmlkit.clouds.launching import Instance
from cmlkit.errors import SettingsError
from cmlkit.forges.runners import Runner
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.lease import RunnerName
from cmlkit.settings.schema import RunnerSpec

RUN = WorkflowRun(repository="octo/x", run_id="16123456789", attempt=2)
RUNNER = Runner(id=7, name="cmlkit-x", status="offline", busy=False, labels=())
INSTANCE = Instance(
    id="i-1", state="running", instance_type="t3.medium", market="spot", region="r", zone="ra", launched=0.0
)


@pytest.mark.parametrize("run_id", ["16123456789", "local1a2b3c4d", "a-1-2"])
def test_a_name_says_whose_it_is_and_until_when(run_id: str) -> None:
    name = lease.new_name(replace(RUN, run_id=run_id), 3, expires=1_800_000_000.7)
    assert RunnerName.of(name) == RunnerName(run_id=run_id, attempt=2, number=3, expires=1_800_000_000)
    assert len(name) <= 64


def test_two_names_of_one_run_differ() -> None:
    assert len({lease.new_name(RUN, 1, expires=1.0) for _ in range(50)}) == 50


@pytest.mark.parametrize("name", ["", "cmlkit", "cmlkit-1", "cmlkit-1-2-3", "my-cmlkit-1-1-1-00000001-abcdef", "web"])
def test_a_name_that_is_not_ours_says_nothing(name: str) -> None:
    assert RunnerName.of(name) is None


def test_a_name_belongs_to_its_run_in_every_attempt_and_to_no_other() -> None:
    name = lease.new_name(RUN, 1, expires=1.0)
    assert lease.is_name_of(replace(RUN, attempt=9), name)
    assert not lease.is_name_of(replace(RUN, run_id="1612345678"), name)
    assert not lease.is_name_of(replace(RUN, run_id="161234567890"), name)


def test_the_users_tags_come_along_as_text() -> None:
    tags = lease.tags(RUN, RUNNER, scope="octo", expires=12.9, extra={"cost-center": 7, "team": "ml"})
    assert tags == {**lease.tags(RUN, RUNNER, scope="octo", expires=12.9), "cost-center": "7", "team": "ml"}


def test_the_tags_say_whose_an_instance_is_and_until_when() -> None:
    assert lease.tags(RUN, RUNNER, scope="octo", expires=12.9) == {
        "cmlkit:run": "16123456789",
        "cmlkit:attempt": "2",
        "cmlkit:repository": "octo/x",
        "cmlkit:label": "cmlkit-16123456789-2",
        "cmlkit:runner-id": "7",
        "cmlkit:scope": "octo",
        "cmlkit:expires": "12",
    }


def test_the_regions_of_a_runners_instance_are_in_its_labels() -> None:
    labels = ("self-hosted", *lease.region_labels(["eu-west-1", "us-east-1"]), "cmlkit-1-1")
    assert lease.remembered_regions(replace(RUNNER, labels=labels)) == ["eu-west-1", "us-east-1"]
    assert lease.remembered_regions(RUNNER) == []


@pytest.mark.parametrize("name", ["cmlkit:run", "CMLKIT:mine"])
def test_tags_of_cmlkits_own_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"'{name}' is reserved") as raised:
        lease.tags(RUN, RUNNER, scope="octo", expires=1.0, extra={name: "1"})
    assert raised.value.next_step == "Rename it in `tags`."


@pytest.mark.parametrize(("text", "expires"), [("1800000000", 1_800_000_000), ("soon", None), ("", None), ("-5", None)])
def test_only_a_time_is_taken_for_an_expiry(text: str, expires: int | None) -> None:
    assert lease.expires(replace(INSTANCE, tags={"cmlkit:expires": text})) == expires


def test_an_instance_without_a_lease_has_no_expiry() -> None:
    assert lease.expires(INSTANCE) is None


@pytest.mark.parametrize(("kept", "expires"), [("900", 900), ("1100", 1000), ("soon", 1000)])
def test_a_look_ends_a_lease_sooner_and_never_later(kept: str, expires: int) -> None:
    tagged = replace(INSTANCE, tags={"cmlkit:expires": "1000", "cmlkit:kept-until": kept})
    assert lease.expires(tagged) == expires


def launched_by(run: WorkflowRun, spec: RunnerSpec, runner_id: int) -> Runner:
    name = lease.new_name(run, 1, expires=1_900_000_000)
    return Runner(id=runner_id, name=name, status="offline", busy=False, labels=(lease.launch_label(run, spec),))


OTHER_RUN = replace(RUN, run_id="1")
SPEC = RunnerSpec(instance_type=("t3.medium",), labels=("a", "b"))


@pytest.mark.parametrize(
    ("run", "spec", "runner_id", "is_doubled"),
    [
        (RUN, SPEC, 6, True),
        (RUN, replace(SPEC, labels=("b", "a"), wait_timeout=60.0, count=3), 6, True),
        (replace(RUN, job="other"), SPEC, 6, True),
        (RUN, SPEC, 8, False),
        (RUN, replace(SPEC, labels=("a",)), 6, False),
        (RUN, replace(SPEC, instance_type=("g5.xlarge",)), 6, False),
        (replace(RUN, attempt=1), SPEC, 6, False),
        (replace(RUN, job="train-1"), SPEC, 6, False),
        (replace(RUN, job="train-all-1"), SPEC, 6, False),
        (OTHER_RUN, SPEC, 6, False),
    ],
)
def test_a_launch_that_asks_for_the_same_was_there_before(
    run: WorkflowRun, spec: RunnerSpec, runner_id: int, is_doubled: bool
) -> None:
    other = launched_by(run, spec, runner_id)
    found = lease.earlier_launch(RUNNER, lease.launch_label(RUN, SPEC), [other], RUN)
    assert (found == other) is is_doubled


@pytest.mark.parametrize(
    ("number", "label", "earlier"), [(1, "mine", True), (1, "another", False), (2, "mine", False), (3, "mine", False)]
)
def test_only_the_first_runner_of_a_launch_says_that_another_one_is_earlier(
    number: int, label: str, earlier: bool
) -> None:
    # The runners of one launch are registered at once, in any order.
    run = WorkflowRun(repository="octo/forest", run_id="77", attempt=1)
    own, other = (
        Runner(id=item, name=lease.new_name(run, which, expires=9.0), status="offline", busy=False, labels=(of,))
        for item, which, of in ((5, 1, "mine"), (4, number, label))
    )
    assert lease.earlier_launch(own, "mine", [own, other], run) == (other if earlier else None)


def test_of_several_earlier_launches_the_first_one_is_named() -> None:
    others = [launched_by(RUN, SPEC, runner_id) for runner_id in (6, 4, 5)]
    assert lease.earlier_launch(RUNNER, lease.launch_label(RUN, SPEC), others, RUN) == others[1]


def test_a_launch_label_is_short_and_names_the_attempt() -> None:
    assert re.fullmatch(r"cmlkit-launch-2-[0-9a-f]{10}", lease.launch_label(RUN, SPEC))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (None, "unknown"),
        (1_000_000.0 + 4320.0, "ends in 1 h 12 min"),
        (1_000_000.0 - 300.0, "over for 5 min"),
    ],
)
def test_the_end_of_a_lease_is_told_in_words(end: float | None, said: str) -> None:
    assert lease.words(end, now=1_000_000.0) == said


def test_the_instances_of_a_repository_have_it_and_any_run_among_their_tags() -> None:
    assert lease.tags_of_repository("octo/forest") == {lease.RUN: "", lease.REPOSITORY: "octo/forest"}
