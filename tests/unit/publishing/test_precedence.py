"""The order of runs, what a model must leave alone, and the name of the branch beside one that keeps its model."""

from __future__ import annotations

import dataclasses

import pytest

from cmlkit.errors import SettingsError
from cmlkit.forges.base import Changes, NewFile, PullRequest
from cmlkit.model.manifest import ModelManifest, RecordedVerdict
from cmlkit.publishing.branch import LONGEST_BYTES, refused
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.precedence import Origin, Overtaken, Place, Precedence, Reason, beside, origin_in
from tests.fake_forge import FastClock
from tests.unit.publishing.in_memory import ToldForge


def of_run(run: str, attempt: int = 1, *, trained: str = "", accepted: bool = True) -> Origin:
    return Origin(run=run, attempt=attempt, trained=trained, is_accepted=accepted)


@pytest.mark.parametrize(
    ("ours", "theirs", "older"),
    [
        (of_run("99"), of_run("100"), True),
        (of_run("100"), of_run("99"), False),
        # Run again, an old run trains later, on the code and the settings of then.
        (of_run("99", 2, trained="2024-06-02"), of_run("100", trained="2024-06-01"), True),
        (of_run("100"), of_run("100", 2), True),
        (
            of_run("local1a", trained="2024-06-01T08:00:00+00:00"),
            of_run("local0b", trained="2024-06-01T09:00:00"),
            True,
        ),
        (of_run("local1a", trained="2024-06-02"), of_run("100", trained="2024-06-01"), False),
        (of_run("local1a"), of_run("100", trained="2024-06-01"), False),
        (of_run("local1a", trained="2024-06-01"), of_run("100"), False),
        (of_run("local1a", trained="2024-06-01"), of_run("local0b", trained="2024-06-01"), False),
        (of_run("100", trained="2024-06-01"), of_run("local1a", trained="2024-06-02"), True),
        (of_run("100", 2), of_run("100", 2), False),
    ],
)
def test_runs_are_ordered_by_number_and_others_by_their_training(ours: Origin, theirs: Origin, older: bool) -> None:
    assert ours.is_older_than(theirs) is older


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (of_run("2"), None, ""),
        (of_run("2"), of_run("1"), ""),
        (of_run("1"), of_run("2", accepted=False), "newer"),
        (of_run("2", accepted=False), of_run("1"), "accepted"),
        (of_run("2", accepted=False), of_run("1", accepted=False), ""),
        (of_run("2"), of_run("1", accepted=False), ""),
        (of_run("2", accepted=False), of_run("2"), ""),
    ],
)
def test_a_model_leaves_a_newer_one_and_a_rejected_one_leaves_an_accepted_one(
    ours: Origin, theirs: Origin | None, reason: str
) -> None:
    assert ours.must_leave(theirs) == reason


@pytest.mark.parametrize(
    ("name", "own"),
    [("cmlkit/main/100", "cmlkit/main/100-2"), ("models", "models-100-2"), ("m" * LONGEST_BYTES, "cmlkit/100-2")],
)
def test_the_branch_beside_another_is_of_this_attempt_alone(name: str, own: str) -> None:
    marker = Marker(kind="pull-request", subject="m.joblib", run="100", attempt=2)
    assert beside(name, marker) == own
    assert not refused(own)


def test_the_sentence_names_what_stays_and_where_the_result_is() -> None:
    place = Place(branch="m-1", kept="models", reason="accepted")
    assert place.sentence(quoted=lambda name: f"`{name}`") == (
        "`models` has a model that the gate accepted, unlike this one, and stays as it is: this result is on `m-1`."
    )
    place = Place(branch="m-1", kept="#7", reason="newer")
    assert place.sentence(quoted=lambda name: f"`{name}`") == (
        "#7 has the model of a newer run, and stays as it is: this result is on `m-1`."
    )
    assert place.sentence().endswith("this result is on m-1.")
    assert Place(branch="models").sentence() == ""


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sha256": "0", "size": 1}', b"[]"])
def test_a_manifest_without_a_verdict_tells_no_origin(content: bytes) -> None:
    assert origin_in(content) is None


MANIFEST, SUBJECT = "m.json", "m.joblib"


class Others(ToldForge):
    """A forge with the models that other runs have published."""

    def model(self, branch: str, run: str, *, attempt: int = 1, accepted: bool = True, verdict: bool = True) -> str:
        """Commit a manifest as the run does; one of cmlkit 0.1.0 has no verdict."""
        outcome = RecordedVerdict(outcome="better" if accepted else "rejected", run=run, attempt=attempt)
        manifest = ModelManifest(sha256="0" * 64, size=1, verdict=outcome if verdict else None)
        changes = Changes(message="M", files=[NewFile(path=MANIFEST, content=manifest.to_json().encode())])
        parent = self.branches.get(branch, self.branches["main"])
        return self.commit(changes, branch=branch, parent=parent, is_new=branch not in self.branches)

    def pull(
        self, branch: str, run: str, *, base: str = "main", subject: str = SUBJECT, draft: bool = False, by: str = "toy"
    ) -> PullRequest:
        marker = Marker(kind="pull-request", subject=subject, run=run)
        opened = self.create_pull_request(head=branch, base=base, title="T", body=str(marker), draft=draft)
        self.pulls[opened.number] = dataclasses.replace(opened, author=by)
        return self.pulls[opened.number]

    def published(self, branch: str, run: str, *, accepted: bool = True, attempt: int = 1) -> PullRequest:
        self.model(branch, run, accepted=accepted, attempt=attempt)
        return self.pull(branch, run)


@pytest.fixture
def others() -> Others:
    forge = Others("octo/forest")
    forge.start({})
    return forge


def rules(forge: Others, *, accepted: bool = True, attempt: int = 1) -> Precedence:
    """The rules for the model of run 100."""
    return Precedence(
        ours=of_run("100", attempt, accepted=accepted),
        marker=Marker(kind="pull-request", subject=SUBJECT, run="100", attempt=attempt),
        manifest=MANIFEST,
        base="main",
        base_head=forge.branches["main"],
        forge=forge,
        clock=FastClock(),
    )


@pytest.mark.parametrize(
    ("theirs", "accepted", "branch", "kept", "reason"),
    [
        ([], True, "cmlkit/100", "", ""),
        ([("b", "99", True)], True, "b", "", ""),
        ([("b", "99", True), ("c", "98", True)], True, "c", "", ""),
        ([("b", "99", True), ("c", "98", False)], True, "b", "", ""),
        ([("b", "100", False), ("c", "98", True)], True, "b", "", ""),
        ([("b", "99", False), ("c", "98", True)], False, "b", "#2", "accepted"),
        ([("b", "98", True), ("c", "99", True)], False, "cmlkit/100", "#2", "accepted"),
        ([("b", "99", True), ("c", "101", True)], True, "b", "#2", "newer"),
        ([("b", "101", False)], True, "cmlkit/100", "#1", "newer"),
    ],
    ids=[
        "none",
        "an earlier one",
        "the newest",
        "an accepted one",
        "the run's own",
        "a rejected one beside an accepted one",
        "two accepted ones",
        "an earlier one beside a newer one",
        "a newer one",
    ],
)
def test_an_update_goes_on_with_the_best_pull_request_that_it_may_take(
    others: Others, theirs: list[tuple[str, str, bool]], accepted: bool, branch: str, kept: str, reason: Reason
) -> None:
    for name, run, is_accepted in theirs:
        others.published(name, run, accepted=is_accepted)
    found = rules(others, accepted=accepted).place("cmlkit/100", reuses=True)
    assert found == Place(branch=branch, head=others.branches.get(branch), kept=kept, reason=reason)
    alone = rules(others, accepted=accepted).place("cmlkit/100", reuses=False)
    assert alone == Place(branch="cmlkit/100")


def test_a_pull_request_of_others_of_another_model_or_base_is_not_gone_on_with(others: Others) -> None:
    for name in ("b", "c", "d"):
        others.model(name, "99")
    others.pull("b", "99", by="ann")
    others.pull("c", "99", subject="other.joblib")
    others.pull("d", "99", base="develop")
    assert rules(others).place("cmlkit/100", reuses=True) == Place(branch="cmlkit/100")


def test_a_branch_that_keeps_its_model_is_named_with_the_pull_request_that_does(others: Others) -> None:
    others.published("cmlkit/daily", "101")
    found = rules(others, attempt=2).place("cmlkit/daily", reuses=False)
    assert found == Place(branch="cmlkit/daily-100-2", kept="cmlkit/daily", reason="newer")
    earlier = others.model("cmlkit/daily-100-2", "100")
    for reuses, kept in ((False, "cmlkit/daily"), (True, "#1")):
        found = rules(others, attempt=2).place("cmlkit/daily", reuses=reuses)
        assert found == Place(branch="cmlkit/daily-100-2", head=earlier, kept=kept, reason="newer")


def test_a_branch_of_people_is_refused(others: Others) -> None:
    others.commit(Changes(message="By hand", files=()), branch="daily", parent=others.branches["main"], is_new=True)
    with pytest.raises(SettingsError, match="'daily' exists, and cmlkit did not make it"):
        rules(others).place("daily", reuses=False)


@pytest.mark.parametrize("draft", [True, False])
def test_a_manifest_without_a_verdict_is_judged_by_the_pull_request_that_brings_it(others: Others, draft: bool) -> None:
    head = others.model("cmlkit/b", "99", verdict=False)
    elsewhere = others.pull("cmlkit/b", "101", base="develop")
    assert rules(others, accepted=False).place("cmlkit/b", reuses=False).reason == ""
    others.pull("cmlkit/b", "101", subject="other.joblib", by="ann")
    assert rules(others, accepted=False).place("cmlkit/b", reuses=False).reason == ""
    opened = others.pull("cmlkit/b", "99", draft=draft)
    others.published("cmlkit/c", "101")
    assert rules(others).is_judged_alike("cmlkit/b", head) is not draft
    assert rules(others, accepted=False).place("cmlkit/b", reuses=False).reason == ("" if draft else "accepted")
    assert rules(others, accepted=False).outranks(opened) is not draft
    assert rules(others).yields_to(opened) is not draft
    assert rules(others).outranks(elsewhere) is False


def test_a_pull_request_without_a_verdict_is_of_the_run_and_the_attempt_in_its_text(others: Others) -> None:
    others.model("cmlkit/b", "100", verdict=False)
    opened = others.pull("cmlkit/b", "100")
    assert rules(others, accepted=False, attempt=2).outranks(opened)
    assert not rules(others, accepted=False).outranks(opened)
    # When its model was trained is unknown, so that nothing tells which of two runs outside of Actions is newer.
    local = dataclasses.replace(rules(others), ours=of_run("local1a", trained="2024-06-01"))
    assert local.place("cmlkit/b", reuses=False).reason == ""


def test_a_branch_that_another_run_is_making_is_waited_for(others: Others) -> None:
    others.create_branch("daily", others.branches["main"])
    ours = rules(others)
    with pytest.raises(SettingsError, match="'daily' exists"):
        ours.place("daily", reuses=False)
    assert isinstance(ours.clock, FastClock)
    assert ours.clock.slept != []


def test_a_branch_whose_manifest_has_a_verdict_is_judged_by_that_whatever_its_pull_request_says(others: Others) -> None:
    others.model("cmlkit/b", "99")
    others.pull("cmlkit/b", "101", draft=True)
    assert rules(others).place("cmlkit/b", reuses=False).reason == ""
    assert rules(others, accepted=False).place("cmlkit/b", reuses=False).reason == "accepted"


@pytest.mark.parametrize(
    ("ours", "run", "theirs", "outranks", "yields"),
    [
        (False, "99", True, True, True),
        (False, "99", False, False, True),
        (False, "101", False, True, True),
        (True, "99", True, False, True),
        (True, "101", False, False, False),
        (True, "101", True, False, True),
    ],
)
def test_no_model_is_given_up_for_one_with_less_right(
    others: Others, ours: bool, run: str, theirs: bool, outranks: bool, yields: bool
) -> None:
    pull = others.published("cmlkit/b", run, accepted=theirs)
    found = rules(others, accepted=ours)
    assert (found.outranks(pull), found.yields_to(pull)) == (outranks, yields)


def test_a_pull_request_of_which_nothing_is_known_gives_way_to_none_and_gets_way_from_all(others: Others) -> None:
    others.commit(Changes(message="M", files=()), branch="b", parent=others.branches["main"], is_new=True)
    pull = others.create_pull_request(head="b", base="main", title="T", body="By hand", draft=False)
    assert (rules(others, accepted=False).outranks(pull), rules(others).yields_to(pull)) == (False, True)


@pytest.mark.parametrize(
    ("run", "options", "is_overtaken"),
    [
        ("101", {}, True),
        ("99", {}, False),
        ("101", {"by": "ann"}, False),
        ("101", {"subject": "other.joblib"}, False),
        ("101", {"base": "develop"}, False),
    ],
)
def test_a_newer_run_with_a_pull_request_for_the_model_overtakes_this_one(
    others: Others, run: str, options: dict[str, str], is_overtaken: bool
) -> None:
    others.model("cmlkit/b", run)
    others.pull("cmlkit/b", run, **options)  # type: ignore[arg-type]
    assert rules(others).is_overtaken() is is_overtaken


@pytest.mark.parametrize(
    ("ours", "run", "theirs", "is_alike"),
    [(True, "99", True, True), (True, "99", False, False), (False, "99", False, True), (False, "100", True, False)],
)
def test_a_branch_may_hold_this_result_only_if_the_gate_found_the_same(
    others: Others, ours: bool, run: str, theirs: bool, is_alike: bool
) -> None:
    head = others.model("cmlkit/b", run, accepted=theirs)
    assert rules(others, accepted=ours).is_judged_alike("cmlkit/b", head) is is_alike


def test_a_branch_without_a_manifest_may_hold_any_result_and_one_of_a_newer_run_none(others: Others) -> None:
    assert rules(others).is_judged_alike("main", others.branches["main"]) is True
    head = others.model("cmlkit/b", "101")
    with pytest.raises(Overtaken, match="Another run has written its model to the branch 'cmlkit/b'") as caught:
        rules(others).is_judged_alike("cmlkit/b", head)
    assert caught.value.next_step == "Run it again."
