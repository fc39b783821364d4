"""The order of runs, what a model must leave alone, and the name of the branch beside one that keeps its model."""

from __future__ import annotations

import pytest

from cmlkit.publishing.branch import LONGEST_BYTES, refused
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.precedence import Origin, Place, beside, origin_in


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
    assert Place(branch="models").sentence() == ""


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sha256": "0", "size": 1}', b"[]"])
def test_a_manifest_without_a_verdict_tells_no_origin(content: bytes) -> None:
    assert origin_in(content) is None
