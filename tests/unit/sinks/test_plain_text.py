"""Values in messages of commits and in titles name nobody and ask for nothing."""

from __future__ import annotations

import pytest

from cmlkit.sinks.plain_text import plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        # https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
        ("closes #1", "closes # 1"),
        ("fixes org/repo#3", "fixes org/repo# 3"),
        ("Resolves: GH-12", "Resolves: GH- 12"),
        ("closes https://github.com/org/repo/issues/3", "closes https ://github.com/org/repo/issues/3"),
        # https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
        ("a [skip ci]", "a (skip ci)"),
        ("[CI Skip] b", "(CI Skip) b"),
        ("[no ci]", "(no ci)"),
        ("[skip actions] [actions skip]", "(skip actions) (actions skip)"),
        ("skip-checks:true", "skip checks:true"),
        ("skip-checks: true", "skip checks: true"),
        # https://docs.github.com/en/pull-requests/committing-changes-to-your-project/creating-and-editing-commits
        ("Co-authored-by: Eve <eve@example.com>", "Co authored by: Eve <eve@example.com>"),
        ("Signed-off-by", "Signed off by"),
        ("x\n\nReviewed-by: eve", "x Reviewed by: eve"),
        ("Cmlkit-Branch: [main]", "Cmlkit Branch: [main]"),
        ("@org/team", "@ org/team"),
        ("a (@eve)", "a (@ eve)"),
        ("a\x1b[31m\u202eb", "a[31mb"),
    ],
)
def test_what_would_act_is_changed_so_that_people_see_it(value: str, shown: str) -> None:
    assert plain(value) == shown
    assert plain(shown) == shown


@pytest.mark.parametrize(
    "value",
    [
        "precision@5",
        "models/model@v2.joblib",
        "accuracy[0]",
        "f1-score",
        "group-by-month",
        "C# 7",
        "pseudo-r2",
        "The model is better: accuracy 0.93, was 0.92 [0.01, 0.02].",
        "val:loss",
        "cmlkit-demo.joblib",
    ],
)
def test_common_names_stay_as_they_are(value: str) -> None:
    assert plain(value) == value


def test_a_long_value_takes_no_long_time() -> None:
    assert plain("[skip " * 20_000).startswith("[skip [skip")
    assert plain("a-" * 50_000).startswith("a-a-")
