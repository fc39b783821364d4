"""Tables as programs print them: what each shape has, and what follows it."""

# ruff: noqa: E501 - the content of a file, as it is

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.gate.metrics_files.files import told

# Each text, and its names with their number or with the reason why they have none.
TABLES: list[tuple[str, dict[str, float | str]]] = [
    # between bars
    ("| model | f1 |\n|---|---|\n| rf | 0.9 |\n| svm | 0.8 |\n", {"rf.f1": 0.9, "svm.f1": 0.8}),
    ("| model | f1 |\n|---|---|\n| rf | 0.9 |", {"rf.f1": 0.9}),
    ("| model | f1 |\n| rf | 0.9 |\nauc: 1\n", {"rf.f1": 0.9, "auc": 1}),
    ("model | f1\n--- | ---\nrf | 0.9\nsvm | 0.8\n", {"rf.f1": 0.9, "svm.f1": 0.8}),
    ("model | f1 | auc\n--- | --- | ---\nrf | 0.9 | \nsvm | | 0.8\n", {"rf.f1": 0.9, "svm.auc": 0.8}),
    (" | f1 | auc\n--- | --- | ---\nrf | 0.9 | 0.8\n", {"rf.f1": 0.9, "rf.auc": 0.8}),
    (
        "| model | f1 |\n|---|---|\n| rf | 0.9 | 0.8 |\n| svm | 0.8 |\n",
        {
            "rf.f1": 0.9,
            "svm.f1": 0.8,
        },
    ),
    ("| model | f1 | auc |\n|---|---|---|\n| rf | 0.9 |\n", {"rf.f1": 0.9}),
    ("| a | b |\n", {}),
    ("| 0.5 | 0.6 |\nf1: 1\n", {"f1": 1}),
    ("| accuracy | 0.9 |\n", {"accuracy": 0.9}),
    ("---\naccuracy: 0.9\n---\n", {"accuracy": 0.9}),
    ("---\nmodel | f1\n---\nrf | 0.9\n---\n", {"rf.f1": 0.9}),
    (
        "| model | f1 |\n|:-:|:-:|\n| **rf** | [0.9](https://example.com/a) |\n| `a\\|b` | <b>0.8</b> |\n| _ | 1 |\n",
        {
            "rf.f1": 0.9,
            "a|b.f1": 0.8,
            "f1": 1,
        },
    ),
    ("| model | metric | value |\n|---|---|---|\n| rf | f1 | 0.9 |\n| | auc | 0.8 |\n", {"rf.f1": 0.9, "rf.auc": 0.8}),
    ("| | metric | value |\n|---|---|---|\n| | f1 | 0.9 |\n| rf | auc | 0.8 |\n", {"f1": 0.9, "rf.auc": 0.8}),
    (
        "| model | split | metric | value |\n|---|---|---|---|\n| rf | a | f1 | 0.9 |\n| | b | auc | 0.8 |\n",
        {
            "rf.a.f1": 0.9,
            "rf.b.auc": 0.8,
        },
    ),
    (
        "| model | note | f1 |\n|---|---|---|\n| rf | x | 0.9 |\n| | y | 0.8 |\n",
        {
            "rf.note": "it is text",
            "rf.f1": 0.9,
            "note": "it is text",
            "f1": 0.8,
        },
    ),
    (
        " Row │ f1       auc\n     │ Float64  Float64\n─────┼──────────────────\n   1 │     0.9     0.8\n",
        {"f1": 0.9, "auc": 0.8},
    ),
    (" 50%|███ | 5/10 loss: 0.5\nf1: 1\n", {"loss": 0.5, "f1": 1}),
    (
        " model | f1  | auc\n-------+-----+-----\n rf    | 0.9 | 0.8\n       | 0.7 | 0.6\n",
        {"rf.f1": 0.9, "rf.auc": 0.8, "f1": 0.7, "auc": 0.6},
    ),
    # between blanks
    (
        "model  f1   auc\nrf     0.9  0.8\nsvm    0.7  0.6\n\nloss: 1\n",
        {
            "rf.f1": 0.9,
            "rf.auc": 0.8,
            "svm.f1": 0.7,
            "svm.auc": 0.6,
            "loss": 1,
        },
    ),
    ("model  f1   auc\n\nrf     0.9  0.8\n", {"rf.f1": 0.9, "rf.auc": 0.8}),
    ("model  f1   auc\nrf     0.9  0.8\nnothing more\nloss: 1\n", {"rf.f1": 0.9, "rf.auc": 0.8, "loss": 1}),
    ("model  f1   auc\nrf     0.9  0.8\n\n", {"rf.f1": 0.9, "rf.auc": 0.8}),
    (
        "model    train   f1   auc\nrf       0.5     0.9  0.8\nsvm                   0.7\nknn              0.6\n",
        {
            "rf.train": 0.5,
            "rf.f1": 0.9,
            "rf.auc": 0.8,
            "svm.auc": 0.7,
            "knn.f1": 0.6,
        },
    ),
    ("\tf1\tauc\nrf\t0.9\t0.8\n", {"rf.f1": 0.9, "rf.auc": 0.8}),
    ("\tf1\nrf\t0.9\n", {"rf.f1": 0.9}),
    ("    f1\nrf  0.9\n", {"rf.f1": 0.9}),
    ("f1\n0.9\n", {"f1": 0.9}),
    ("f1 auc\n0.9 0.8\n", {"f1": 0.9, "auc": 0.8}),
    ("f1 auc kappa\n0.9 0.8 NA\nnan 0.7 0.6\n", {"f1": "nan is not finite", "auc": 0.7, "kappa": 0.6}),
    ("all good\nrf 0.9\n", {"rf": 0.9}),
    ('"f1" "auc"\n"random forest" 0.9 0.8\n', {"random forest.f1": 0.9, "random forest.auc": 0.8}),
    ("           f1   auc\nrandom forest 0.9 0.8\n", {"random forest.f1": 0.9, "random forest.auc": 0.8}),
    (
        "epoch  loss   time\n0      0.5    00:01\n1      nan    1:00:01\n",
        {"epoch": 1, "loss": "nan is not finite", "time": "it is not one number"},
    ),
    (
        "           loss   time\nfold one 0.5 00:01\nfold two nan 00:02\n",
        {
            "fold one.loss": 0.5,
            "fold one.time": "it is not one number",
            "fold two.loss": "nan is not finite",
            "fold two.time": "it is not one number",
        },
    ),
    ("           f1   auc\nrandom forest 0.9 -\n", {"random forest.f1": 0.9}),
    ("           f1   time\nrandom forest 0.9 5 apples\nf1: 1\n", {"f1": 1}),
    ("       25%   50%\nloss   0.1   0.2\n", {"loss.25%": 0.1, "loss.50%": 0.2}),
    (
        "              precision    recall  f1-score   support\n\n           0       0.90      0.80      0.85        10\n\n    accuracy                           0.95        10\n   macro avg       0.90      0.80      0.85        10\n",
        {
            "0.precision": 0.9,
            "0.recall": 0.8,
            "0.f1-score": 0.85,
            "0.support": 10,
            "accuracy": 0.95,
            "macro avg.precision": 0.9,
            "macro avg.recall": 0.8,
            "macro avg.f1-score": 0.85,
            "macro avg.support": 10,
        },
    ),
]


@pytest.mark.parametrize(("content", "names"), TABLES)
def test_each_name_of_a_printed_table_has_its_number_or_a_reason(
    tmp_path: Path, content: str, names: dict[str, float | str]
) -> None:
    assert told(tmp_path, "m.txt", content) == names
