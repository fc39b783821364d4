"""Fingerprints of data."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cmlkit.data.fingerprint import fingerprints


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


def color(number: int) -> str:
    return '"red"' if number % 3 else ""


def test_columns_have_profiles_under_their_names_but_not_texts_that_differ(tmp_path: Path) -> None:
    lines = ["id,name,size,color", *(f"{number},n{number},{number % 2},{color(number)}" for number in range(200))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    [found] = fingerprints(["t.csv"], tmp_path, missing=never)
    assert list(found.profiles) == ["id", "size", "color"]
    assert found.profiles["size"] == "200 0=100,1=100"
    assert found.profiles["color"] == "133 text red=133"


@pytest.mark.parametrize("gap", ["", "NA", "null", "nan", "None", "N/A"])
def test_a_missing_number_makes_no_column_a_text(tmp_path: Path, gap: str) -> None:
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *(f"{number % 2},1" for number in range(200)), f"{gap},1"]))
    [found] = fingerprints(["t.csv"], tmp_path, missing=never)
    assert found.profiles["x"] == "200 0=100,1=100"


def test_columns_without_names_have_numbers_and_gaps_are_no_values(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n".join(f"{number}," if number % 3 else f"{number},nan" for number in range(150)))
    [found] = fingerprints(["t.csv"], tmp_path, missing=never)
    assert list(found.profiles) == ["1"]


def test_a_folder_has_the_profiles_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "data" / name).write_text("1 2\n" * 100)
    [found] = fingerprints(["data"], tmp_path, missing=never)
    assert list(found.profiles) == ["a.csv: 1", "a.csv: 2", "b.csv: 1", "b.csv: 2"]


def test_a_large_file_is_sampled_the_same_way_each_time(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x\n" + "\n".join(str(number) for number in range(800_000)))
    [first], [second] = (fingerprints(["t.csv"], tmp_path, missing=never) for _ in range(2))
    assert first == second
    count, quantiles = first.profiles["x"].split()
    assert int(count) == 5_000
    values = [float(word.partition(":")[0]) for word in quantiles.split(",")]
    assert values == pytest.approx([20_000 + 40_000 * point for point in range(20)], abs=25_000)


def test_an_array_has_a_profile_for_each_column(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(1000, 2))
    np.save(tmp_path / "a.npy", values)
    np.savetxt(tmp_path / "a.csv", values, delimiter=",")
    array, table = fingerprints(["a.npy", "a.csv"], tmp_path, missing=print)
    assert list(array.profiles) == ["1", "2"]
    assert array.profiles == table.profiles
