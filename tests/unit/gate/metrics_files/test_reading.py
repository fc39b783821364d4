"""Metrics files: findings, warnings and errors of whole files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.errors import MetricsError
from cmlkit.gate.metrics_files import Findings, find, nothing_found, read
from cmlkit.gate.metrics_files.reading import COUNT_LIMIT, SIZE_LIMIT_BYTES
from tests.unit.gate.metrics_files.files import found


@pytest.mark.parametrize(
    ("name", "content", "values"),
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
def test_each_format_of_the_first_release_is_read_as_before(
    tmp_path: Path, name: str, content: str, values: dict[str, float]
) -> None:
    assert found(tmp_path, name, content).values == values


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.txt", "", "The metrics file m.txt is empty"),
        ("m.txt", "  \n", "is empty"),
        ("m.txt", "accuracy: high\n", "accuracy (it is text)"),
        ("m.txt", "loss: nan\n", "loss (nan is not finite)"),
        ("m.txt", "accuracy: inf\n", "accuracy (inf is not finite)"),
        ("m.txt", "it went well\n", "m.txt contains no metrics"),
        ("m.bin", b"\x00\x01\x02\x80abc", "m.bin is not text"),
        ("m.json", '{"a": true}', "a (it is true or false)"),
        ("m.json", '{"a": null}', "a (it is empty)"),
        ("m.json", "{", "it is not valid JSON"),
        ("m.json", "{}", "contains no metrics"),
        ("m.json", '{"": 1}', "contains no metrics"),
        ("m.json", "0.97", "contains no metrics"),
        ("m.json", '{"a":' * 30 + "1" + "}" * 30, "nests deeper"),
        ("m.json", "[" * 100_000, "m.json"),
        ("m.toml", "a = " + "[" * 5000, "m.toml: it nests deeper than 20 levels"),
        ("m.toml", "a = " + "9" * 5000, "m.toml: Exceeds the limit"),
        ("m.yaml", "a: [", "this is not valid YAML: expected the node content"),
        ("m.yaml", "a: 2024-13-45", "a (it is not one number)"),
        ("m.yaml", "a: &a {b: *a}\n", "an alias leads to what it is in"),
        ("m.yaml", "a: " * 5000, "m.yaml"),
        ("m.csv", ",,\n", "m.csv contains no metrics"),
    ],
)
def test_without_a_single_number_the_error_says_what_there_is(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(MetricsError) as caught:
        read([name], tmp_path)
    assert message in caught.value.message


def test_a_missing_file_says_which_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(MetricsError) as caught:
        read(["absent.txt"], tmp_path)
    assert "does not exist" in caught.value.message
    assert "train.metrics" in caught.value.next_step


def test_a_file_without_a_number_is_a_warning_beside_one_that_has_some(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("accuracy: 0.9\n")
    (tmp_path / "b.txt").write_text("all is well\n")
    findings = read(["a.txt", "b.txt"], tmp_path)
    assert findings.values == {"accuracy": 0.9}
    assert findings.warnings == ("b.txt contains no metrics.",)


def test_one_warning_a_file_counts_and_names_what_is_left_out(tmp_path: Path) -> None:
    content = '{"accuracy": 0.97, "auc": NaN, "model": "rf", "matrix": [[1, 0], [0, 1]], "size": "1,234"}'
    findings = found(tmp_path, "m.json", content)
    assert findings.warnings[0] == (
        "m.json: 4 values left out: auc (nan is not finite); model (it is text); matrix (it is a list of 2);"
        " size (1,234 may be thousands or a decimal comma)."
    )
    assert findings.left_out["size"] == "1,234 may be thousands or a decimal comma"


def test_a_percentage_keeps_its_number_and_is_known_as_one(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.txt", "accuracy: 93 %\nf1: 0.9\n")
    assert findings.values == {"accuracy": 93, "f1": 0.9}
    assert findings.percentages == frozenset({"accuracy"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.txt", "accuracy: 0.1\nAccuracy: 0.2\n"),
        ("m.json", '{"accuracy": 0.1, "Accuracy": 0.2}'),
        ("m.json", '{"Accuracy": 0.1, "Accuracy": 0.2}'),
        ("m.yaml", "Accuracy: 0.1\nAccuracy: 0.2\n"),
        ("m.yaml", "Accuracy: 0.1\n---\nAccuracy: 0.2\n"),
        ("m.csv", "accuracy,0.1\nAccuracy,0.2\n"),
    ],
)
def test_of_a_name_that_occurs_twice_the_last_value_counts_with_a_warning(
    tmp_path: Path, name: str, content: str
) -> None:
    findings = found(tmp_path, name, content)
    assert findings.values == {"Accuracy": 0.2}
    assert findings.warnings == (f"{name}: the last value counts for Accuracy, which it repeats.",)


def test_a_diverged_last_value_does_not_leave_an_earlier_one_in_its_place(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.csv", "epoch,loss\n1,0.5\n2,nan\n")
    assert (findings.values, findings.left_out) == ({"epoch": 2}, {"loss": "nan is not finite"})


def test_more_metrics_than_the_report_can_hold_are_left_out(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.txt", "".join(f"metric_{number}: {number}\n" for number in range(COUNT_LIMIT + 5)))
    assert len(findings.values) == COUNT_LIMIT
    assert len(findings.left_out) == 5


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "m.txt").open("wb") as file:
        file.truncate(SIZE_LIMIT_BYTES + 1)
    with pytest.raises(MetricsError, match="16"):
        read(["m.txt"], tmp_path)


def test_a_long_line_of_blanks_is_told_from_a_metric_at_once(tmp_path: Path) -> None:
    assert not found(tmp_path, "m.txt", "accuracy" + " " * 2_000_000 + "high").values


CONTENT = st.binary(max_size=200) | st.text("ab01.,:;=&*-{}[]'\"\n\t |%±").map(str.encode)


@given(CONTENT, st.sampled_from([".txt", ".json", ".yaml", ".csv", ".md", ".toml", ".jsonl"]))
def test_no_content_ends_in_anything_but_finite_numbers(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    findings = found(tmp_path_factory.mktemp("fuzz"), f"m{suffix}", content)
    assert all(value == value and abs(value) != float("inf") for value in findings.values.values())
    assert all(name.strip() for name in findings.values)


def test_many_names_that_repeat_are_counted_once_each(tmp_path: Path) -> None:
    names = [f'"k{number % 5000}": 1' for number in range(10_000)]
    (tmp_path / "m.json").write_text("{" + ",".join(names) + "}")
    found = find(["m.json"], tmp_path)
    assert len(found.values) == 5000
    assert "and 4,995 more, which it repeats" in found.warnings[0]


@pytest.mark.parametrize(("number", "more"), [(5, ""), (6, "; and 1 more"), (2005, "; and 2,000 more")])
def test_five_names_of_those_left_out_are_shown(tmp_path: Path, number: int, more: str) -> None:
    content = "accuracy: 1\n" + "".join(f"m{index}: high\n" for index in range(number))
    named = f"m0, m1, m2, m3, m4 (it is text){more}"
    assert found(tmp_path, "m.txt", content).warnings == (f"m.txt: {number:,} values left out: {named}.",)


@pytest.mark.parametrize(("number", "more"), [(5, ""), (6, " and 1 more"), (2005, " and 2,000 more")])
def test_five_names_of_those_that_repeat_are_shown(tmp_path: Path, number: int, more: str) -> None:
    content = "".join(f"m{index}: 1\n" for index in range(number)) * 2
    assert found(tmp_path, "m.txt", content).warnings == (
        f"m.txt: the last value counts for m0, m1, m2, m3, m4{more}, which it repeats.",
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [("x" * 60, "x" * 60), ("x" * 61, f"{'x' * 59}…"), ("a \\n  b", "a b")],
    ids=["60", "61", "lines"],
)
def test_a_name_is_one_line_of_at_most_60_characters(tmp_path: Path, name: str, shown: str) -> None:
    findings = found(tmp_path, "m.json", f'{{"{name}": "high", "f1": 1}}')
    assert findings.warnings == (f"m.json: 1 value left out: {shown} (it is text).",)


def test_the_error_for_files_without_metrics_names_them_and_says_what_to_write(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("accuracy: high\n")
    with pytest.raises(MetricsError) as caught:
        read(["a.txt", "b.txt"], tmp_path)
    assert caught.value.message == "a.txt and b.txt: no number with a name was found, but accuracy (it is text)."
    assert "'accuracy: 0.97'" in caught.value.next_step


def test_the_error_for_scores_of_which_there_are_none_names_their_setting() -> None:
    error = nothing_found(["train.scoring", "train.metrics"], Findings())
    assert error.message == "train.scoring and train.metrics: no number with a name was found."
