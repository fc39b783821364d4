"""Columns by name: the index of pandas, ids, and a model's own columns in another table."""

from __future__ import annotations

import numpy as np
import pytest

from cmlkit.errors import ModelError
from cmlkit.model.manifest import ModelManifest
from cmlkit.records.training_run import DataFingerprint
from cmlkit.training.tables.columns import arranged, id_like, unique_names, unnamed_index, wanted_columns

NUMBERS = {"a": "number", "b": "number"}


@pytest.mark.parametrize(
    ("header", "index"),
    [
        (["", "a", "b"], ("",)),  # to_csv
        (["Unnamed: 0", "a"], ("Unnamed: 0",)),  # read and written again
        (["", "Unnamed: 0", "a"], ("", "Unnamed: 0")),  # twice
        (["Unnamed: 0.1", "Unnamed: 0", "a"], ("Unnamed: 0.1", "Unnamed: 0")),
        (["a", ""], ()),  # a comma at the end
        (["unnamed", "a"], ()),
        (["", ""], ()),
    ],
)
def test_unnamed_columns_before_the_others_are_an_index(header: list[str], index: tuple[str, ...]) -> None:
    assert unnamed_index(header) == index


def test_a_name_that_occurs_twice_gets_a_number() -> None:
    assert unique_names([" a", "a ", "b", "a", "a.1"]) == ["a", "a.1", "b", "a.2", "a.1.1"]


def test_only_whole_numbers_that_differ_in_each_row_look_like_ids() -> None:
    generator = np.random.default_rng(0)
    features = np.column_stack(
        [
            generator.permutation(3000),
            generator.normal(size=3000),
            np.arange(3000) % 2500,
            generator.integers(2, size=3000),
        ]
    )
    assert list(id_like(features, ["customer", "weight", "house", "flag"])) == ["customer"]
    assert list(id_like(features[:10], ["customer", "weight", "house", "flag"])) == []


def test_a_model_gets_its_columns_in_its_own_order() -> None:
    features = np.array([[1.0, 2.0, 3.0]])
    assert arranged(features, {**NUMBERS, "c": "number"}, {"c": "number", "a": "number"}).tolist() == [[3, 1]]
    assert arranged(features, {}, {}) is features
    assert arranged(features[:, :2], {"a": "boolean", "b": "number"}, NUMBERS).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("has", "wants", "reason"),
    [
        ({"a": "number"}, NUMBERS, "the data lacks columns that it was trained on: b"),
        ({"a": "number", "b": "category"}, NUMBERS, "it was trained on b as a number; in the data it is a category"),
        (NUMBERS, {}, "its manifest does not name the columns"),
        ({}, NUMBERS, "the data does not name the columns"),
    ],
)
def test_a_model_that_does_not_find_its_columns_gets_none(
    has: dict[str, str], wants: dict[str, str], reason: str
) -> None:
    with pytest.raises(ModelError) as caught:
        arranged(np.zeros((1, 2)), has, wants)
    assert reason in caught.value.message


def test_the_profiles_of_an_earlier_manifest_name_the_columns_if_there_are_as_many_as_the_model_takes() -> None:
    data = DataFingerprint(path="t.csv", sha256="", size=1, profiles={"a": "", "y": "", "b": ""})
    manifest = ModelManifest(sha256="", size=1, data=(data,))
    assert wanted_columns(manifest, "y", 2) == NUMBERS
    assert wanted_columns(manifest, "y", 3) == {}
    assert wanted_columns(manifest, "", 2) == {}
