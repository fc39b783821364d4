"""Tables in CSV: what each shape has, and what is left out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.gate.metrics_files.files import found, told

# Each table, and its names with their number or with the reason why they have none.
TABLES: list[tuple[str, dict[str, float | str]]] = [
    # rounds of a log: the last number of each column
    ("epoch,loss\n1,0.5\n2,0.3\n", {"epoch": 2, "loss": 0.3}),
    ("epoch,loss\n1,0.5\n2,high\n", {"epoch": 2, "loss": "it is text"}),
    ("epoch,loss\n1,0.5\n2,3 apples\n", {"epoch": 2, "loss": "it is not one number"}),
    ("epoch,loss,\n1,0.5,7\n2,0.3,8\n", {"epoch": 2, "loss": 0.3}),
    ("epoch , loss\n1 , 0.5\n2,  0.3\n", {"epoch": 2, "loss": 0.3}),
    ('epoch, "loss, all"\n1, 0.5\n2, 0.3\n', {"epoch": 2, "loss, all": 0.3}),
    # names and values
    ("metric,value\naccuracy,0.9\nf1,0.8\n", {"accuracy": 0.9, "f1": 0.8}),
    ("**Metric**,`Value`\naccuracy,0.9\nf1,0.8\n", {"accuracy": 0.9, "f1": 0.8}),
    ("metric,value\naccuracy,0.9\n,0.8\nf1,-\n", {"accuracy": 0.9, "f1": "it is text"}),
    ("model,metric,value\nrf,accuracy,0.9\nrf,,0.7\n,f1,0.8\n", {"rf.accuracy": 0.9, "f1": 0.8}),
    ("metric,accuracy of rf\nall,0.9\n", {"all": 0.9}),
    ("name,accuracy\nrf,0.9\n", {"rf.accuracy": 0.9}),
    ("metric,rf,svm\nauc,0.9,0.8\n", {"auc.rf": 0.9, "auc.svm": 0.8}),
    ("metric,note,rf\nauc,good,0.9\n", {"auc.note": "it is text", "auc.rf": 0.9}),
    ("model,value\nrf,0.9\n", {"rf": 0.9}),
    ("model,score\nrf,0.9\n", {"rf.score": 0.9}),
    ("value,model\n0.9,rf\n", {"value": 0.9, "model": "it is text"}),
    ("model,note,value\nrf,good,0.9\n", {"rf.note": "it is text", "rf.value": 0.9}),
    ("metric,step,value\nloss,1,0.5\nf1,1,0.8\n", {"loss": 0.5, "f1": 0.8}),
    ("metric,value,n\nloss,nan,3\n", {"loss.value": "nan is not finite", "loss.n": 3}),
    ("metric,value\nloss,inf\nf1,0.8\n", {"loss": "inf is not finite", "f1": 0.8}),
    # rows with names
    (
        "model,accuracy,f1\nrf,0.9,0.8\nsvm,0.7,high\n",
        {
            "rf.accuracy": 0.9,
            "rf.f1": 0.8,
            "svm.accuracy": 0.7,
            "svm.f1": "it is text",
        },
    ),
    ("fold,auc,f1\n0,0.9,0.7\n1,0.8,0.6\n", {"0.auc": 0.9, "0.f1": 0.7, "1.auc": 0.8, "1.f1": 0.6}),
    ("auc,fold\n0.9,0\n0.8,1\n", {"0.auc": 0.9, "1.auc": 0.8}),
    ("auc,fold\n0.9,7\n0.8,7\n", {"auc": 0.8, "fold": 7}),
    ("model,fold,auc\nrf,0,0.9\nrf,1,0.8\nsvm,0,0.7\n", {"rf.0.auc": 0.9, "rf.1.auc": 0.8, "svm.0.auc": 0.7}),
    ("model,fold,auc\nrf,0,0.9\nsvm,1,0.8\n", {"rf.fold": 0, "rf.auc": 0.9, "svm.fold": 1, "svm.auc": 0.8}),
    (
        "model,metric,test,train\nrf,auc,0.9,1\nrf,f1,0.8,1\n",
        {
            "rf.auc.test": 0.9,
            "rf.auc.train": 1,
            "rf.f1.test": 0.8,
            "rf.f1.train": 1,
        },
    ),
    # an index without a title is none of the metrics
    (",a,b\n0,1,2\n1,3,4\n", {"a": 3, "b": 4}),
    (",a\n0,1\n,3\n", {"a": 3}),
    ("Unnamed: 0,a\n0,1\n1,3\n", {"a": 3}),
    ("a,Unnamed: 1\n1,5\n2,6\n", {"a": 2, "Unnamed: 1": 6}),
    (",a\nrf,\nsvm,3\n", {"svm.a": 3}),
    # headers
    ("a,b\nrf,1,2\nsvm,3,4\n", {"rf.a": 1, "rf.b": 2, "svm.a": 3, "svm.b": 4}),
    ("a,b\n1,2,5\n", {"a": 2, "b": 5}),
    (",auc,auc\n,mean,std\nmodel,,\nrf,0.9,0.1\n", {"rf.auc.mean": 0.9, "rf.auc.std": 0.1}),
    (",auc,auc\nx,mean,std\nrf,0.9,0.1\n", {"x.auc": "it is text", "rf.auc": 0.1}),
    ("accuracy\n0.9\n", {"accuracy": 0.9}),
    ("a,b,c\n", {}),
    ("accuracy,0.9\nf1,0.8\n5,0.7\n-,0.6\nauc,-\n", {"accuracy": 0.9, "f1": 0.8}),
    (
        "accuracy,0.9\nf1,0.8,0.7\nauc,,0.6\n",
        {"accuracy": 0.9, "f1": "it has several values without a header", "auc": 0.6},
    ),
    (
        "accuracy,0.9,0.8\nf1,0.7,0.6\nauc,0.5\n",
        {
            "accuracy": "it has several values without a header",
            "f1": "it has several values without a header",
            "auc": 0.5,
        },
    ),
    ("model,2019,2020\nrf,0.9,0.8\n", {"rf.2019": 0.9, "rf.2020": 0.8}),
    # rows of another width
    ("step,a,b\n1,2\n2,3,4\n", {"step": 2, "a": 3, "b": 4}),
    (
        "step,a\n1,2\n2,3,4\n,5,6\n3,7\n",
        {
            "step": 3,
            "a": 7,
            "2": "the row has 3 values for 2 columns",
            "row 4": "the row has 3 values for 2 columns",
        },
    ),
    ("step,a\n1,2,\n2,3,\n", {"step": 2, "a": 3}),
    # delimiters, quotes and comments
    ("sep=|\na|b\n1|2\n", {"a": 1, "b": 2}),
    ('"sep=:"\na:b\n1:2\n', {"a": 1, "b": 2}),
    ("a|b\n1|2\n", {"a": 1, "b": 2}),
    ("a;b\n1,5;2,25\n", {"a": 1.5, "b": 2.25}),
    ("a;b\n1,500;0,25\n2,500;0,5\n", {"a": 2.5, "b": 0.5}),
    ("a;b\n1.500;0,25\n", {"a": "1.500 may have thousands, as others have a decimal comma", "b": 0.25}),
    ("a;b\n1,500;0.25\n", {"a": "1,500 may be thousands or a decimal comma", "b": 0.25}),
    (";a;b\n0;0,25;1,500\n", {"a": 0.25, "b": 1.5}),
    ("metric;wert\na;0,25\nb;1,500\n", {"a": 0.25, "b": 1.5}),
    ("modell;a;b\nrf;0,25;1,500\n", {"rf.a": 0.25, "rf.b": 1.5}),
    ('a,b\n0.5,"1,500"\n', {"a": 0.5, "b": "1,500 may be thousands or a decimal comma"}),
    ('"a;b",c\n"1",2\n', {"a;b": 1, "c": 2}),
    ("# of today; all\na,b\n1,2\n", {"a": 1, "b": 2}),
    ("# a,b\n1.5,2.5\n", {"a": 1.5, "b": 2.5}),
    ("# a,b\nc,d\n1.5,2.5\n", {"c": 1.5, "d": 2.5}),
    ("# 2026\nf1,0.8\n", {"f1": 0.8}),
    ("\n\na,b\n\n1,2\n\n", {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(("content", "names"), TABLES)
def test_each_name_of_a_table_has_its_number_or_a_reason(
    tmp_path: Path, content: str, names: dict[str, float | str]
) -> None:
    assert told(tmp_path, "m.csv", content) == names


@pytest.mark.parametrize(
    ("content", "warnings"),
    [
        ("metric,step,value\nloss,1,0.5\nloss,2,0.3\n", ()),
        ("model,step,loss,f1\nrf,1,0.5,0.7\nrf,2,0.3,0.8\n", ()),
        ("metric,value\nloss,0.5\nloss,0.3\n", ("m.csv: the last value counts for loss, which it repeats.",)),
        ("model,a,b\nrf,1,2\nrf,3,4\n", ("m.csv: the last value counts for rf.a, rf.b, which it repeats.",)),
    ],
)
def test_a_name_repeats_unless_a_column_counts_rounds(tmp_path: Path, content: str, warnings: tuple[str, ...]) -> None:
    assert found(tmp_path, "m.csv", content).warnings == warnings


def test_a_diverged_round_does_not_repeat_either(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.csv", "metric,step,value\nf1,1,0.5\nloss,1,0.5\nloss,2,nan\n")
    assert findings.warnings == ("m.csv: 1 value left out: loss (nan is not finite).",)


def test_a_percentage_in_a_table_is_known_as_one(tmp_path: Path) -> None:
    assert found(tmp_path, "m.csv", "epoch,acc\n1,93%\n2,94%\n").percentages == {"acc"}


def test_text_that_is_no_csv_is_read_as_lines_with_a_word_about_it(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.csv", f'accuracy: 0.9\n"{"x" * 200_000}"\n')
    assert findings.values == {"accuracy": 0.9}
    assert findings.warnings == (
        "m.csv: it is not valid CSV: field larger than field limit (131072). It was read as plain text.",
    )
