"""Many streams of pickles' pieces, and many changes to a model: what verification does not tell of is harmless."""

from __future__ import annotations

import io
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from cmlkit.model.pickle_calls import is_known
from tests.unit.model.pickle_pieces import PIECES, START, check_stream

pytestmark = pytest.mark.slow
EXAMPLES = 1000


@settings(max_examples=EXAMPLES, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_a_stream_that_is_not_told_of_reaches_only_known_names(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    check_stream(tmp_path_factory.mktemp("stream") / "m.joblib", START + b"".join(pieces) + b".")


def dumped(value: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return stream.getvalue()


TREE = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
MODELS = [
    dumped({"a": np.arange(3), "b": np.array(["x", 1], dtype=object), "c": [1.5, "text"]}),
    dumped([np.array(["ab"]), np.zeros(2, dtype="M8[ns]"), np.zeros((2, 2), order="F"), TREE.classes_]),
]


@settings(max_examples=EXAMPLES, derandomize=True)
@given(st.sampled_from(MODELS), st.data())
def test_a_changed_model_is_told_of_or_reaches_only_known_names(
    tmp_path_factory: pytest.TempPathFactory, model: bytes, data: st.DataObject
) -> None:
    content = bytearray(model)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check_stream(tmp_path_factory.mktemp("changed") / "m.joblib", bytes(content))


def test_every_estimator_of_scikit_learn_is_known() -> None:
    unknown = [
        path
        for path in (f"{kind.__module__}.{kind.__qualname__}" for _, kind in all_estimators())
        if path.startswith("sklearn.") and not is_known(path)
    ]
    assert unknown == []
