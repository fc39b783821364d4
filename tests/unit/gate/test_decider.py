"""Metrics as tools write them -> which of them decide, and the verdict."""

from __future__ import annotations

import pytest

import cmlkit
from cmlkit.gate.decider import candidates
from cmlkit.gate.difference import Measured, differences
from cmlkit.gate.direction import higher_is_better
from cmlkit.gate.significance import Interval, paired_interval
from cmlkit.gate.verdict import compare

# Columns of Keras' CSVLogger, of ultralytics' results.csv, of Lightning's metrics.csv, of Hugging Face's
# all_results.json, of scikit-learn's cross_validate and classification_report, of LightGBM and XGBoost.
KERAS = ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
ULTRALYTICS = [
    "epoch", "time", "train/box_loss", "train/cls_loss", "metrics/precision(B)", "metrics/recall(B)",
    "metrics/mAP50(B)", "metrics/mAP50-95(B)", "val/box_loss", "val/cls_loss", "lr/pg0",
]  # fmt: skip
REPORT = [
    "0.precision", "0.recall", "0.f1-score", "0.support", "1.precision", "1.recall", "1.f1-score", "1.support",
    "accuracy", "macro avg.f1-score", "macro avg.support", "weighted avg.f1-score",
]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "deciding"),
    [
        (KERAS, ["val_accuracy", "val_loss"]),
        (ULTRALYTICS, ULTRALYTICS[4:10]),
        (["train_loss", "valid_loss", "step", "lr-Adam"], ["valid_loss"]),
        (["eval_f1", "eval_loss", "eval_runtime", "eval_samples_per_second", "train_loss"], ["eval_f1", "eval_loss"]),
        (["fit_time", "score_time", "test_score", "train_score"], ["test_score"]),
        (REPORT, ["accuracy", "macro avg.f1-score", "weighted avg.f1-score"]),
        (["training's auc", "valid_1's auc"], ["valid_1's auc"]),
        (["train-rmse-mean", "train-rmse-std", "test-rmse-mean", "test-rmse-std"], ["test-rmse-mean"]),
        (["train.accuracy", "test.accuracy", "test.n"], ["test.accuracy"]),
        (["accuracy", "latency_ms", "throughput", "memory_mb", "model_size"], ["accuracy"]),
        (["rf.accuracy", "baseline.accuracy"], ["rf.accuracy"]),
        (["class_0_f1", "class_1_f1", "macro_f1"], ["macro_f1"]),
        (
            ["multi_class_log_loss", "mean_per_class_accuracy", "class_3_accuracy"],
            ["multi_class_log_loss", "mean_per_class_accuracy"],
        ),
        (["train0-auc", "valid0-auc", "auc"], ["valid0-auc"]),
        (["train0-auc", "auc"], ["auc"]),
        (["cat.iou", "dog.iou", "mean.iou"], ["mean.iou"]),
        (["a/cat.iou", "a.mean.iou", "b/cat.iou"], ["a.mean.iou", "b/cat.iou"]),
        (
            ["setosa.precision", "setosa.recall", "setosa.f1-score", "rf.precision", "rf.recall"],
            ["rf.precision", "rf.recall"],
        ),
        (
            [f"{part}0.{name}" for part in ("train", "valid") for name in ("precision", "recall", "f1-score")],
            ["valid0.precision", "valid0.recall", "valid0.f1-score"],
        ),
        (["loss"], ["loss"]),
        (["train_loss", "train_accuracy"], []),
        (["epoch", "lift", "wobble_index"], ["lift"]),
        (["epoch", "time"], []),
        ([], []),
    ],
)
def test_held_out_metrics_decide_then_unmarked_ones_and_never_those_of_training(
    names: list[str], deciding: list[str]
) -> None:
    deltas = differences(None, Measured(values=dict.fromkeys(names, 1.0)), higher_is_better)
    assert [delta.name for delta in candidates(deltas)] == deciding


def test_a_training_metric_or_a_time_never_judges() -> None:
    before = {"epoch": 19, "loss": 0.3, "val_loss": 0.4, "fit_time": 0.01}
    after = {"epoch": 19, "loss": 0.5, "val_loss": 0.3, "fit_time": 0.02}
    verdict = compare(before, after)
    assert verdict.headline == "Better than the champion: val_loss 0.3 against 0.4 (−0.1)."


def test_two_metrics_that_disagree_are_not_judged() -> None:
    verdict = compare({"val_accuracy": 0.9, "val_loss": 0.3}, {"val_accuracy": 0.91, "val_loss": 0.35})
    assert (verdict.outcome, verdict.accepted, verdict.may_merge) == ("unjudged", True, False)
    assert verdict.headline == (
        "Not judged: val_accuracy 0.91 against 0.9 (+0.01) is better and val_loss 0.35 against 0.3 (+0.05) worse:"
        " say which metric decides (primary-metric)."
    )
    assert [delta.improved for delta in verdict.deltas] == [True, False]


def test_an_equal_metric_disagrees_with_nothing() -> None:
    verdict = compare({"accuracy": 0.9, "f1": 0.8}, {"accuracy": 0.9, "f1": 0.85})
    assert verdict.headline == "Better than the champion: f1 0.85 against 0.8 (+0.05)."
    assert compare({"accuracy": 0.9, "f1": 0.8}, {"accuracy": 0.9, "f1": 0.8}).outcome == "same"


def test_the_setting_decides_before_the_first_rule_and_the_rule_before_the_names() -> None:
    before, after = {"accuracy": 0.9, "loss": 0.3, "f1": 0.8}, {"accuracy": 0.8, "loss": 0.2, "f1": 0.9}
    assert compare(before, after).outcome == "unjudged"
    assert compare(before, after, ["loss <= 1", "accuracy > 0.1"]).outcome == "better"
    assert compare(before, after, ["loss <= 1"], primary_metric="Accuracy").outcome == "worse"


def test_a_direction_that_is_said_counts_before_the_name() -> None:
    said = cmlkit.compare({"churn": 0.2}, {"churn": 0.3}, directions={"Churn": "lower"})
    assert (said.outcome, said.deltas[0].improved) == ("worse", False)
    against = cmlkit.compare({"accuracy": 0.2}, {"accuracy": 0.3}, directions={"accuracy": "lower"})
    assert against.outcome == "worse"


@pytest.mark.parametrize(
    ("before", "after", "primary", "why"),
    [
        ({"a": 1}, {"a": 2}, "a", "say whether higher or lower is better for a (directions)"),
        ({"f1": 1}, {"f1": 2}, "auc", "neither model has the primary metric auc"),
        ({"f1": 1}, {"f1": 2, "auc": 1}, "auc", "only one model has auc"),
        ({"epoch": 3}, {"epoch": 4}, "", "no metric of both models is known to be better if it is higher, or lower"),
        ({"loss": 1}, {"loss": 2, "val_loss": 1}, "", "only one model has val_loss"),
    ],
)
def test_an_unjudged_model_says_why(before: dict[str, float], after: dict[str, float], primary: str, why: str) -> None:
    verdict = compare(before, after, primary_metric=primary)
    assert verdict.outcome == "unjudged"
    assert verdict.headline.startswith(f"Not judged: {why}")


def test_a_metric_without_an_interval_does_not_decide_beside_one_that_has_it() -> None:
    before, after = {"accuracy": 0.92, "auc": 0.93}, {"accuracy": 0.924, "auc": 0.934}
    verdict = compare(before, after, intervals={"accuracy": Interval(low=-0.01, high=0.02, samples=250)})
    assert verdict.outcome == "same"


def test_too_few_samples_judge_nothing() -> None:
    interval = paired_interval([1, 0, 1, 1], [1, 1, 1, 1])
    verdict = compare({"accuracy": 0.75}, {"accuracy": 1.0}, intervals={"accuracy": interval})
    assert verdict.outcome == "unjudged"
    assert verdict.headline == ("Not judged: accuracy 1 against 0.75 (+0.25), 4 samples are too few to tell.")


def test_a_rule_that_is_met_vouches_for_an_unjudged_model() -> None:
    before, after = {"accuracy": 0.9, "loss": 0.3, "n": 1}, {"accuracy": 0.91, "loss": 0.35, "n": 5}
    verdict = compare(before, after, ["n == 5"])
    assert (verdict.outcome, verdict.may_merge) == ("unjudged", True)
    assert verdict.headline.endswith("(primary-metric). 1 rule passed.")


def test_the_first_model_is_named_with_the_metric_that_would_decide() -> None:
    assert compare(None, {"epoch": 19, "loss": 0.3, "val_loss": 0.4}).headline == "First model: val_loss 0.4."
    assert compare(None, {"epoch": 19}).headline == "First model."
    assert compare({"recall": 1}, {"epoch": 19}).headline == "No metric of the champion to compare with."
