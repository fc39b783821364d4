"""Arrays of NumPy's, read without it: what NumPy wrote is what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cmlkit.data.array_file import read_array_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.npy"


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
@pytest.mark.parametrize("shape", [(6,), (3, 2)])
def test_the_values_are_those_that_numpy_wrote(file: Path, dtype: str, shape: tuple[int, ...]) -> None:
    values = np.arange(6).reshape(shape).astype(dtype)
    np.save(file, values)
    found = read_array_file(file)
    assert found is not None
    assert found.shape == shape
    rows = values.reshape(shape[0], -1).astype(float).tolist()
    assert found.rows_at(range(found.rows)) == rows


def test_any_rows_are_read_alone(file: Path) -> None:
    np.save(file, np.arange(3000.0).reshape(1000, 3))
    found = read_array_file(file)
    assert found is not None
    assert found.rows_at([0, 999, 1000]) == [[0, 1, 2], [2997, 2998, 2999]]


@pytest.mark.parametrize(
    "values",
    [np.zeros((2, 2, 2)), np.array(["a"]), np.array([1 + 2j]), np.zeros(2, ">f8"), np.asfortranarray(np.eye(3))],
    ids=["a cube", "text", "complex", "the other byte order", "by columns"],
)
def test_what_is_no_table_of_numbers_has_a_shape_and_no_rows(file: Path, values: NDArray[Any]) -> None:
    np.save(file, values)
    found = read_array_file(file)
    assert found is not None
    assert found.shape == values.shape
    assert found.rows_at([0]) == []


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_an_answer(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("arrays") / "a.npy"
    for begun in (b"", b"\x93NUMPY\x01\x00"):
        file.write_bytes(begun + content)
        read_array_file(file)
