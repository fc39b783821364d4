"""Metrics files in the formats that people have, and what is said of those that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.errors import MetricsError
from cmlkit.gate import metrics


def read(folder: Path, name: str, content: str | bytes) -> dict[str, float]:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return metrics.read([name], folder)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("metrics.txt", "Accuracy: 0.97\n", {"Accuracy": 0.97}),
        ("metrics.txt", "# of today\naccuracy=0.97\n\nlog loss : 1e-3\n", {"accuracy": 0.97, "log loss": 0.001}),
        ("metrics.json", '{"accuracy": 0.97, "train": {"loss": 0.1}}', {"accuracy": 0.97, "train.loss": 0.1}),
        ("metrics.yaml", "accuracy: 0.97\nloss: 1\n", {"accuracy": 0.97, "loss": 1.0}),
        ("metrics.csv", "accuracy,loss\n0.90,0.3\n0.97,0.1\n", {"accuracy": 0.97, "loss": 0.1}),
        ("metrics.csv", "name,value\naccuracy,0.97\nloss,0.1\n", {"accuracy": 0.97, "loss": 0.1}),
        ("metrics.csv", "accuracy,0.97\nloss,0.1\n", {"accuracy": 0.97, "loss": 0.1}),
        ("metrics.csv", "accuracy,0.97\n", {"accuracy": 0.97}),
        ("metrics.csv", ",accuracy\n0,0.97\n", {"accuracy": 0.97}),
        ("metrics.csv", ",0\naccuracy,0.97\n", {"accuracy": 0.97}),
        ("metrics.csv", "epoch,loss\n1,\n2,0.5\n", {"epoch": 2.0, "loss": 0.5}),
        ("metrics.csv", "step,train,test\n1,0.3,\n2,,0.9\n", {"step": 2.0, "train": 0.3, "test": 0.9}),
        ("metrics.csv", "a;b\n1;2\n", {"a": 1.0, "b": 2.0}),
        ("metrics.tsv", "a\tb\n1\t2\n", {"a": 1.0, "b": 2.0}),
        ("metrics.yaml", "loss: 1e-3\n", {"loss": 0.001}),
        ("metrics.txt", "\ufeffaccuracy: 1\n", {"accuracy": 1.0}),
    ],
)
def test_each_format_is_read(tmp_path: Path, name: str, content: str, found: dict[str, float]) -> None:
    assert read(tmp_path, name, content) == found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.txt", "", "The metrics file m.txt is empty"),
        ("m.txt", "  \n", "is empty"),
        ("m.txt", "accuracy: high\n", "m.txt:1: 'accuracy' is 'high', which is not a number"),
        ("m.txt", "accuracy: 0.9\nloss: nan\n", "m.txt:2: 'loss' is nan"),
        ("m.txt", "accuracy: inf\n", "'accuracy' is inf"),
        ("m.txt", "it went well\n", "m.txt:1: 'it went well' is not a metric"),
        ("m.txt", "accuracy: 1\nAccuracy: 2\n", "'Accuracy' occurs twice"),
        ("m.txt", "précision: 1".encode("latin-1"), "is not UTF-8"),
        ("m.json", '{"a": NaN}', "'a' is nan"),
        ("m.json", '{"a": true}', "which is not a number"),
        ("m.json", '{"a": null}', "which is not a number"),
        ("m.json", '{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        ("m.json", "{", "is not valid JSON"),
        ("m.json", "{}", "contains no metrics"),
        ("m.json", '{"a": [1]}', "which is not a number"),
        ("m.json", '{"a":' * 30 + "1" + "}" * 30, "nests deeper"),
        ("m.json", "[" * 100_000, "m.json"),
        ("m.json", '{"": 1}', "the value 1 has no name"),
        ("m.json", "0.97", "the value 0.97 has no name"),
        ("m.yaml", "a: [", "m.yaml:1: this is not valid YAML: expected the node content"),
        ("m.yaml", "a: 1\nb:\n  c: true\n", "m.yaml:3: 'b.c' is 'true', which is not a number"),
        ("m.yaml", "a: 1\na: 2\n", "the key 'a' occurs twice"),
        ("m.yaml", "a: [1, 2]\n", "m.yaml:1: 'a' is a list"),
        ("m.yaml", "a: " + "1" * 5000, "m.yaml:1: 'a' is inf"),
        ("m.yaml", "a: 2024-13-45", "which is not a number"),
        ("m.yaml", "a: &a {x: 1}\nb: {c: *a}\n", "m.yaml:1: an alias repeats this mapping"),
        ("m.yaml", "a: &a {b: *a}\n", "an alias repeats"),
        ("m.yaml", "a: " * 5000, "m.yaml"),
        ("m.csv", "a,b\n1\n", "m.csv:2: there are 1 values for 2 columns"),
        ("m.csv", ",,\n", "m.csv contains no metrics"),
        ("m.csv", "a,b\n1,many\n", "m.csv:2: 'b' is 'many'"),
    ],
)
def test_what_is_no_metric_is_an_error_that_names_the_place(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(MetricsError) as caught:
        read(tmp_path, name, content)
    assert message in caught.value.message


def test_a_missing_file_says_which_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(MetricsError) as caught:
        metrics.read(["absent.txt"], tmp_path)
    assert "does not exist" in caught.value.message
    assert "train.metrics" in caught.value.next_step


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "m.txt").open("wb") as file:
        file.truncate(metrics.SIZE_LIMIT_BYTES + 1)
    with pytest.raises(MetricsError, match="16"):
        metrics.read(["m.txt"], tmp_path)


def test_a_long_line_of_blanks_is_told_from_a_metric_at_once(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="is not a metric"):
        read(tmp_path, "m.txt", "accuracy" + " " * 2_000_000 + "high")


CONTENT = st.binary(max_size=200) | st.text("ab01.,:;=&*-{}[]'\"\n\t ").map(str.encode)


@given(CONTENT, st.sampled_from([".txt", ".json", ".yaml", ".csv"]))
def test_no_content_ends_in_anything_but_numbers_or_a_metrics_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        found = read(folder, f"m{suffix}", content)
    except MetricsError:
        return
    assert found
    assert all(value == value and abs(value) != float("inf") for value in found.values())


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("Accuracy", True),
        ("test_f1_macro", True),
        ("roc_auc", True),
        ("neg_mean_squared_error", True),
        ("log_loss", False),
        ("RMSE", False),
        ("latency-ms", False),
        ("train.loss", False),
        ("samples", None),
    ],
)
def test_the_direction_is_told_by_the_words_of_the_field(name: str, up: bool | None) -> None:
    assert metrics.higher_is_better(name) is up


def test_a_difference_knows_whether_it_is_an_improvement() -> None:
    loss, accuracy, new, gone = metrics.diff(
        {"Accuracy": 0.9, "loss": 0.2, "old": 1}, {"loss": 0.1, "accuracy": 0.9, "samples": 3}
    )
    assert (loss.name, loss.improved) == ("loss", True)
    assert loss.delta == pytest.approx(-0.1)
    assert (accuracy.delta, accuracy.improved) == (0, None)
    assert (new.champion, new.delta) == (None, None)
    assert (gone.name, gone.challenger) == ("old", None)
