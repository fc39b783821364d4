"""The evaluator of workflow expressions, which must not take what it does not know for empty."""

from __future__ import annotations

import pytest

from tests.cml.expression import UnknownExpression, condition, expanded, value_of

CONTEXTS = {
    "github": {"event_name": "push", "ref": "refs/heads/main", "event": {"label": None}},
    "secrets": {"TOKEN": "t"},
    "needs": {"train": {"result": "success"}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event_name == 'push' && github.ref != 'refs/heads/dev'", True),
        ("!(github.event_name == 'PUSH')", False),
        ("github.event.pull_request.head.sha || github.ref", "refs/heads/main"),
        ("format('it''s {0}', secrets.TOKEN)", "it's t"),
        ("contains(github.ref, 'main') && startsWith(github.ref, 'refs/tags/')", False),
        ("needs.train.result == 'success'", True),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(text: str, value: object) -> None:
    assert value_of(text, CONTEXTS) == value


@pytest.mark.parametrize("text", ["hashFiles('a')", "secrets.OTHER", "inputs.name", "github.ref[0]", "1 < 2", "a b"])
def test_what_is_not_known_is_an_error(text: str) -> None:
    with pytest.raises(UnknownExpression):
        value_of(text, CONTEXTS)


def test_only_what_stands_in_braces_is_an_expression() -> None:
    assert expanded("$TOKEN ${{ secrets.TOKEN }} ${{secrets.TOKEN}}", CONTEXTS) == "$TOKEN t t"


@pytest.mark.parametrize(
    ("text", "runs"),
    [("", False), ("true", False), ("always()", True), ("${{ failure() }}", True), ("success()", False)],
)
def test_after_a_failure_only_conditions_about_it_let_a_step_run(text: str, runs: bool) -> None:
    assert condition(text, CONTEXTS, failed=True) is runs
