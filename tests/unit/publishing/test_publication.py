"""The result of a publish: when it fails the run, and what the run is told."""

from __future__ import annotations

from typing import Any

import pytest

from cmlkit.errors import GateRejected
from cmlkit.gate.verdict import RuleResult, Verdict
from cmlkit.publishing.publication import Publication
from cmlkit.settings.schema import PublishSpec

RULES = (
    RuleResult(text="accuracy >= 0.9", metric="accuracy", passed=False, value=0.8),
    RuleResult(text="loss <= 0.1", metric="loss", passed=True, value=0.05),
    RuleResult(text="f1 >= champion", metric="f1", passed=None, value=0.5),
    RuleResult(text="recall >= 0.7", metric="recall", passed=False, value=0.6),
)
REJECTED = Verdict(outcome="rejected", headline="Rejected.", rules=RULES)
WHY = "Rejected. Failed: accuracy >= 0.9; recall >= 0.7."


def publication(verdict: Verdict, *, changed: bool = True, **fields: Any) -> Publication:
    return Publication(verdict=verdict, changed=changed, **fields)


@pytest.mark.parametrize("on_rejected", ["fail", "skip"])
@pytest.mark.parametrize(
    ("found", "message", "next_step"),
    [
        (
            publication(REJECTED, pull_request_url="https://forge.example/1"),
            WHY,
            "The draft pull request https://forge.example/1 has the details.",
        ),
        (publication(REJECTED), WHY, "Nothing was published."),
        (
            publication(REJECTED, changed=False),
            f"{WHY} It is the model of the base branch.",
            "Nothing was published. Train a better model, or correct the rules of the gate.",
        ),
    ],
    ids=["a draft", "nothing published", "the base branch's own model"],
)
def test_a_rejected_model_fails_the_run_with_the_rules_that_failed(
    on_rejected: str, found: Publication, message: str, next_step: str
) -> None:
    with pytest.raises(GateRejected) as caught:
        found.raise_if_rejected(PublishSpec(on_rejected=on_rejected))
    assert (caught.value.message, caught.value.next_step) == (message, next_step)


@pytest.mark.parametrize("changed", [True, False])
@pytest.mark.parametrize(
    ("verdict", "on_rejected"), [(REJECTED, "warn"), (Verdict(outcome="better", headline="Better."), "fail")]
)
def test_a_run_does_not_fail_for_an_accepted_model_or_if_a_rejection_is_only_a_warning(
    verdict: Verdict, on_rejected: str, changed: bool
) -> None:
    publication(verdict, changed=changed).raise_if_rejected(PublishSpec(on_rejected=on_rejected))
