"""Names of metrics, as libraries document them -> the better direction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import get_scorer, get_scorer_names

from cmlkit.gate.direction import higher_is_better, words
from cmlkit.gate.metric_names import HIGHER, LOWER, NEITHER

CASES: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("directions.json").read_text(encoding="utf-8")
)
MEANT = {"higher": True, "lower": False, "neither": None}


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        pytest.param(name, MEANT[direction], id=f"{source}: {name}")
        for source, directions in CASES.items()
        for direction, names in directions.items()
        for name in names
    ],
)
def test_the_direction_is_told_by_whole_words(name: str, direction: bool | None) -> None:
    assert higher_is_better(name) is direction


@pytest.mark.parametrize("name", get_scorer_names())
def test_a_scorer_of_scikit_learn_returns_more_for_the_better_and_its_function_as_its_sign_says(name: str) -> None:
    scorer: Any = get_scorer(name)
    if name != "max_error":  # as neg_max_error was called before scikit-learn 1.6
        assert higher_is_better(name) is True
    assert higher_is_better(scorer._score_func.__name__) is (scorer._sign > 0)


def test_a_name_of_the_tables_has_one_direction() -> None:
    assert HIGHER.isdisjoint(LOWER | NEITHER)
    assert LOWER.isdisjoint(NEITHER)


@pytest.mark.parametrize("name", ["", "@", "_" * 9, "a" * 10_000, "neg", "negative", "%", "²", "准确率"])
def test_a_name_without_a_known_word_tells_nothing(name: str) -> None:
    assert higher_is_better(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("val/topK-Accuracy(B)", "val top k accuracy b"),
        ("F1Score", "f1 score"),
        ("valAUC", "val auc"),
        ("HTTPError2", "http error2"),
        ("mAP50-95", "map50 95"),
        ("chrF++", "chrf++"),
        ("R²", "r2"),
        ("P@5", "precision 5"),
        ("pre@10-mean", "precision 10 mean"),
        ("test_R@1", "test recall 1"),
        ("map@5", "map 5"),
        ("größeAbs", "grösseabs"),
        ("__", ""),
        ("a" * 999 + "_bc", "a" * 999),
    ],
)
def test_a_name_has_words(name: str, expected: str) -> None:
    assert " ".join(words(name)) == expected


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("loss", False),
        ("loss_time", None),
        ("loss_time_ms", None),
        ("loss_time_ms_99", None),
        ("loss_time_total", False),
        ("time_loss", False),
        ("time_to_loss_ms", False),
        ("loss_std_total", None),
        ("ms_99", None),
    ],
)
def test_a_time_or_a_size_is_the_last_word_but_for_its_unit(name: str, direction: bool | None) -> None:
    assert higher_is_better(name) is direction


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("neg_loss", True),
        ("minus_log_loss", True),
        ("negative_mean_squared_error_mean", True),
        ("neg_log_likelihood", False),
        ("neg_log_loss_error", False),
        ("neg_accuracy", True),
        ("negated", None),
        ("test_neg", None),
        ("fid_score", False),
        ("score", True),
        ("scores_fid", False),
        ("loss_accuracy", True),
        ("accuracy_loss", False),
        ("accuracy_coverage", True),
        ("loss2", False),
        ("ap7", True),
        ("val_top_k_accuracy3_5", True),
        ("p1", None),
    ],
)
def test_the_last_known_name_decides_and_a_loss_may_be_negated(name: str, direction: bool | None) -> None:
    assert higher_is_better(name) is direction
