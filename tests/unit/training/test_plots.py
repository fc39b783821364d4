"""Plots: which suit an estimator, and that each is an image whatever the number of classes."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import LinearSVC

from cmlkit.errors import SettingsError
from cmlkit.training.evaluation import plot_names, plot_of
from cmlkit.training.plots import Importances, Matrix, Residuals, draw

RESIDUALS = Residuals(truth=np.arange(3.0), predicted=np.arange(3.0))
CURVES = ("roc_curve", "precision_recall_curve")


def fitted(estimator: Any, *, classes: int = 2) -> tuple[Any, Any, Any]:
    """The estimator, and the features and labels that it was fitted to."""
    features = np.random.default_rng(0).normal(size=(max(60, 3 * classes), 4))
    labels = np.arange(len(features)) % classes
    return estimator.fit(features, labels), features, labels


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:24])


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (RandomForestClassifier(n_estimators=3), ("confusion_matrix", *CURVES, "feature_importances")),
        (LogisticRegression(), ("confusion_matrix", *CURVES, "feature_importances")),
        (LinearSVC(), ("confusion_matrix", *CURVES, "feature_importances")),
        (GaussianNB(), ("confusion_matrix", *CURVES)),
        (RandomForestRegressor(n_estimators=3), ("residuals", "feature_importances")),
        (LinearRegression(), ("residuals", "feature_importances")),
        (KNeighborsRegressor(), ("residuals",)),
    ],
)
def test_the_task_and_the_class_choose_the_plots_and_each_can_be_drawn(
    tmp_path: Path, estimator: Any, names: tuple[str, ...]
) -> None:
    model, features, labels = fitted(estimator)
    assert plot_names(model, labels) == names
    for name in names:
        draw(plot_of(name, model, features, labels), tmp_path / f"{name}.png")
        assert min(size(tmp_path / f"{name}.png")) > 300


def test_labels_of_one_class_have_no_curves() -> None:
    model, _, labels = fitted(GaussianNB())
    assert plot_names(model, labels[:1]) == ("confusion_matrix",)


@pytest.mark.parametrize("classes", [3, 12, 200])
def test_many_classes_make_no_plot_larger_than_a_page(tmp_path: Path, classes: int) -> None:
    model, features, labels = fitted(GaussianNB(), classes=classes)
    for name in plot_names(model, labels):
        draw(plot_of(name, model, features, labels), tmp_path / "p.png")
        assert max(size(tmp_path / "p.png")) < 2000


def test_the_same_numbers_are_the_same_bytes(tmp_path: Path) -> None:
    model, features, labels = fitted(GaussianNB())
    for path in (tmp_path / "a.png", tmp_path / "b.png"):
        draw(plot_of("roc_curve", model, features, labels), path)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_drawing_touches_nothing_that_a_script_may_use(tmp_path: Path) -> None:
    from matplotlib import rcParams

    before = dict(rcParams)
    draw(RESIDUALS, tmp_path / "p.png")
    assert dict(rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_an_ending_that_is_no_image_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"p\.docx cannot be written"):
        draw(RESIDUALS, tmp_path / "p.docx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([0.0, 1.0, 1.0], ("0", "1")),  # as numpy.genfromtxt reads them
        ([0, 1, 1], ("0", "1")),
        (["0.5", "1.0", "1.0"], ("0.5", "1.0")),
        (["1.0", "b", "b"], ("1.0", "b")),
    ],
)
def test_classes_that_are_whole_numbers_are_named_as_such(labels: list[Any], names: tuple[str, ...]) -> None:
    model = DummyClassifier().fit([[0]] * 3, labels)
    plot = plot_of("confusion_matrix", model, np.zeros((3, 1)), np.asarray(labels))
    assert isinstance(plot, Matrix)
    assert plot.classes == names


def test_predictions_and_truth_have_the_same_scale(tmp_path: Path) -> None:
    truth = np.array([100.0, 110.0, 150.0])
    draw(Residuals(truth=truth, predicted=truth + 40), tmp_path / "p.png")
    width, height = size(tmp_path / "p.png")
    assert abs(width - height) < 0.1 * height


def test_few_importances_do_not_leave_most_of_the_canvas_empty(tmp_path: Path) -> None:
    for count in (2, 20):
        names = tuple(map(str, range(count)))
        draw(Importances(features=names, values=(1.0,) * count), tmp_path / f"{count}.png")
    assert size(tmp_path / "2.png")[1] < 0.6 * size(tmp_path / "20.png")[1]


def test_a_slanted_name_ends_at_its_own_column(tmp_path: Path) -> None:
    names = ("ham", "a rather long name of a class", "spam")
    draw(Matrix(classes=names, shares=np.eye(3)), tmp_path / "p.svg")
    ticks = re.findall(
        r'id="xtick_\d".*?<use [^>]*x="([\d.]+)" y="([\d.]+)".*?translate\(([\d.]+) ([\d.]+)\) rotate\(-45\)',
        (tmp_path / "p.svg").read_text(),
        re.DOTALL,
    )
    assert len(ticks) == len(names)
    # At 45 degrees a name is as wide as it is high.
    ends = [begin + (bottom - axis) - column for column, axis, begin, bottom in (map(float, tick) for tick in ticks)]
    assert max(map(abs, ends)) < 25
    assert max(ends) - min(ends) < 5
