"""Plots as tables: what each kind says where its image cannot be seen."""

from __future__ import annotations

import numpy as np

from cmlkit.training.plot_tables import CONFUSIONS, table_of
from cmlkit.training.plots import (
    Curves,
    Importances,
    Matrix,
    Residuals,
)


def test_a_confusion_matrix_is_a_table_of_shares() -> None:
    table = table_of(Matrix(classes=("cat", "dog"), shares=np.array([[0.9, 0.1], [0.25, 0.75]])))
    assert table.header == ("True \\ predicted", "cat", "dog")
    assert table.rows == (("cat", "0.90", "0.10"), ("dog", "0.25", "0.75"))


def test_of_two_hundred_classes_the_most_frequent_confusions_are_told() -> None:
    shares = np.eye(200)
    shares[7, 9] = 0.5
    shares[3, 4] = 0.25
    table = table_of(Matrix(classes=tuple(f"class {number}" for number in range(200)), shares=shares))
    assert table.rows == (("class 7", "class 9", "0.50"), ("class 3", "class 4", "0.25"))
    assert len(table_of(Matrix(classes=tuple("x" * 200), shares=np.full((200, 200), 0.005))).rows) == CONFUSIONS


def test_curves_are_read_at_a_few_points_from_either_end() -> None:
    line, rates = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.8, 1.0])
    forth = Curves(horizontal="False positives", vertical="True positives", lines=(("spam", line, rates),))
    back = Curves(horizontal="False positives", vertical="True positives", lines=(("spam", line[::-1], rates[::-1]),))
    assert table_of(forth) == table_of(back)
    assert table_of(forth).header == ("False positives \\ True positives", "spam")
    assert ("0.4", "0.64") in table_of(forth).rows


def test_residuals_are_told_by_their_quantiles() -> None:
    truth = np.zeros(101)
    table = table_of(Residuals(truth=truth, predicted=truth + np.arange(-50, 51)))
    assert table.rows[0] == ("0%", "−50")
    assert ("50%", "0") in table.rows
    assert table.rows[-1] == ("100%", "50")


def test_importances_have_bars() -> None:
    table = table_of(Importances(features=("age", "pay"), values=(0.5, 0.25)))
    assert table.rows == (("age", "0.5", "█" * 20), ("pay", "0.25", "█" * 10))
    assert table_of(Importances(features=("age",), values=(0.0,))).rows == (("age", "0", ""),)
