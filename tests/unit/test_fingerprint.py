"""Fingerprints of data."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cmlkit.fingerprint import fingerprints


def never(path: str) -> None:
    raise AssertionError(f"{path} is not missing")


@pytest.mark.parametrize(
    ("content", "rows", "columns"),
    [
        ("a,b\n1,2\n3,4\n", 2, 2),
        ("1 2 3\n4 5 6", 2, 3),
        ("1\n", 1, 1),
        ("a\tb\n1\t2\n", 1, 2),
    ],
)
def test_rows_and_columns_of_tables(tmp_path: Path, content: str, rows: int, columns: int) -> None:
    (tmp_path / "t.csv").write_text(content)
    [found] = fingerprints(["t.csv"], tmp_path, missing=never)
    assert (found.rows, found.columns, found.size) == (rows, columns, len(content))
    assert found.sha256 == hashlib.sha256(content.encode()).hexdigest()


def test_arrays_tell_their_shape_without_being_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((7, 3)))
    [found] = fingerprints(["x.npy"], tmp_path, missing=never)
    assert (found.rows, found.columns) == (7, 3)


def test_a_folder_changes_with_any_content_or_name_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.csv").write_text("1\n")

    def sha256() -> str:
        return fingerprints(["data"], tmp_path, missing=never)[0].sha256

    seen = {sha256()}
    (folder / "sub" / "a.csv").write_text("2\n")
    seen.add(sha256())
    (folder / "sub" / "a.csv").rename(folder / "sub" / "b.csv")
    seen.add(sha256())
    assert len(seen) == 3
    assert sha256() in seen


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    assert fingerprints(["data/"], tmp_path, missing=told.append) == ()
    assert told == ["data/"]
