"""Tables of many files: partitions as pandas, Spark and Hive lay them out are one table, sampled as a whole."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from cmlkit.data.data_file import NUMPY_BYTES, WHOLE_BYTES, _counter, read_files
from cmlkit.data.drift import drifts
from cmlkit.data.fingerprint import fingerprints
from cmlkit.data.table import SAMPLED_ROWS, tables
from cmlkit.records.training_run import DataFingerprint


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def fingerprint(data: Path) -> DataFingerprint:
    [found] = fingerprints([data.name], data.parent, missing=print)
    return found


def write(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as content:
        writer = csv.writer(content)
        writer.writerows([header, *rows] if header else rows)


def parts(data: Path, names: Iterable[str], header: Sequence[str] = ("x", "y"), rows: int = 60) -> None:
    for number, name in enumerate(names):
        write(data / name, header, ([number * rows + row, row] for row in range(rows)))


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["part-00000.csv", "part-00001.csv"], "part-*.csv"),
        (["2026-01-01.csv", "2026-01-02.csv"], "*-*-*.csv"),
        (["year=2025/month=12/0.csv", "year=2026/month=1/0.csv"], "year=*/month=*/*.csv"),
        (["part-0-a3f8.csv", "part-1-77bc.csv"], "*.csv"),
        (["train.csv", "test.csv"], "*.csv"),
    ],
    ids=["Spark", "days", "Hive", "random names", "halves"],
)
def test_files_with_the_same_header_are_one_table(data: Path, names: list[str], table: str) -> None:
    parts(data, names)
    found = fingerprint(data)
    assert list(found.profiles) == [f"{table}: x", f"{table}: y"]
    assert (found.rows, found.columns) == (120, 2)
    assert found.profiles[f"{table}: x"].startswith("120 ")


def test_partitions_too_small_for_a_profile_have_one_together(data: Path) -> None:
    parts(data, [f"{number}.csv" for number in range(50)], rows=2)
    assert fingerprint(data).profiles["*.csv: x"].startswith("100 ")


def test_files_with_other_headers_are_tables_of_their_own(data: Path) -> None:
    parts(data, ["users-1.csv", "users-2.csv"], ("id", "age"))
    parts(data, ["orders-1.csv", "orders-2.csv"], ("id", "price"))
    write(data / "single.csv", ["id"], ([row] for row in range(100)))
    assert list(fingerprint(data).profiles) == [
        "orders-*.csv: id",
        "orders-*.csv: price",
        "single.csv: id",
        "users-*.csv: id",
        "users-*.csv: age",
    ]


def test_two_tables_whose_files_are_named_alike_are_told_apart(data: Path) -> None:
    parts(data, ["1.csv", "2.csv"], ("id", "age"))
    parts(data, ["3.csv", "4.csv"], ("id", "price"))
    assert list(fingerprint(data).profiles) == [
        "*.csv: id",
        "*.csv: age",
        "3.csv and 1 more: id",
        "3.csv and 1 more: price",
    ]


def test_without_headers_only_numbered_files_are_one_table(data: Path) -> None:
    parts(data, ["features.csv", "labels.csv"], ())
    parts(data, ["more-1.csv", "more-2.csv"], ())
    assert list(fingerprint(data).profiles) == ["more-*.csv: 1", "more-*.csv: 2"]


def test_arrays_are_partitions_too(data: Path) -> None:
    for number in range(3):
        np.save(data / f"shard-{number}.npy", np.arange(100.0).reshape(50, 2))
    found = fingerprint(data)
    assert list(found.profiles) == ["shard-*.npy: 1", "shard-*.npy: 2"]
    assert (found.rows, found.columns) == (150, 2)


def test_every_row_of_all_files_is_as_likely_in_the_sample(data: Path) -> None:
    # One file has nine tenths of the rows.
    sizes = {"0.csv": 18_000, **{f"{number}.csv": 200 for number in range(1, 11)}}
    for name, rows in sizes.items():
        write(data / name, ["big"], [[int(name == "0.csv")]] * rows)
    [table] = tables(read_files((name, str(data / name)) for name in sizes))
    [line] = table.profiles().values()
    assert line == next(iter(fingerprint(data).profiles.values()))
    assert line.startswith(f"{SAMPLED_ROWS} ")
    found = fingerprint(data)
    assert drifts([found], [found])[0].stability == 0


def test_new_partitions_with_other_values_are_drift(data: Path) -> None:
    source = random.Random(0)
    for day in range(1, 31):
        write(data / f"2026-01-{day:02}.csv", ["load"], ([source.gauss(0, 1)] for _ in range(40)))
    before = fingerprint(data)
    for day in range(1, 21):
        write(data / f"2026-02-{day:02}.csv", ["load"], ([source.gauss(3, 1)] for _ in range(40)))
    [moved] = drifts([before], [fingerprint(data)])
    assert (moved.name, moved.has_moved) == ("*-*-*.csv: load", True)


def test_quoted_cells_may_have_separators_and_a_mark_of_byte_order_is_no_name(data: Path) -> None:
    lines = ['\ufeff"size, cm",name', *(f'{row},"Doe, {row}"' for row in range(100))]
    (data / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    assert next(iter(fingerprint(data).profiles)) == "t.csv: size, cm"


def test_a_folder_of_texts_has_as_many_tables_as_texts_and_ends_soon(data: Path) -> None:
    for number in range(300):
        (data / f"{number}.txt").write_text(f"Review {number}: good\n" * 120, encoding="utf-8")
    assert all(": " in name for name in fingerprint(data).profiles)


def parquet(file: Path, x: Sequence[float | None]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"x": x, "name": ["a"] * len(x), "flag": [True] * len(x)})
    pa.parquet.write_table(table, file, row_group_size=50)


def test_parquet_files_are_partitions_too(data: Path) -> None:
    for day in range(1, 4):
        parquet(data / f"day={day}" / "part-0.parquet", [None, *range(99)])
    found = fingerprint(data)
    assert (found.rows, found.columns) == (300, 3)
    assert found.profiles["day=*/part-*.parquet: x"].startswith("297 ")


def test_a_damaged_parquet_file_is_hashed_and_no_table(data: Path) -> None:
    (data / "a.parquet").write_bytes(b"PAR1 and nothing else")
    found = fingerprint(data)
    assert (found.rows, found.columns, found.profiles) == (None, None, {})


def test_the_hash_of_a_folder_is_that_of_paths_in_order_and_their_hashes(data: Path) -> None:
    for name in ("b.csv", "a/x.csv", "a-b/x.csv", "a/1/x.txt", "A.bin"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(name, encoding="utf-8")
    digest = hashlib.sha256()
    for file in sorted(file for file in data.rglob("*") if file.is_file()):
        name = file.relative_to(data).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    assert fingerprint(data).sha256 == digest.hexdigest()


def test_a_link_to_a_file_is_read_and_one_to_a_folder_is_not(data: Path) -> None:
    (data.parent / "elsewhere").mkdir()
    (data.parent / "elsewhere" / "t.csv").write_text("a\n1\n", encoding="utf-8")
    (data / "folder").symlink_to(data.parent / "elsewhere")
    (data / "file.csv").symlink_to(data.parent / "elsewhere" / "t.csv")
    (data / "nothing.csv").symlink_to(data / "missing")
    assert (fingerprint(data).rows, fingerprint(data).size) == (1, 4)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_large_file_among_small_ones_is_counted_and_hashed_in_its_place(data: Path, end: str) -> None:
    line = "1234567,1234567\n"
    count = WHOLE_BYTES // len(line) + 10
    content = ("a,b\n" + line * count).rstrip("\n") + end
    for name in ("1.csv", "2.csv", "3.csv"):
        (data / name).write_text(content if name == "2.csv" else "a,b\n1,2\n", encoding="utf-8")
    files = read_files((name, str(data / name)) for name in ("1.csv", "2.csv", "3.csv"))
    assert [file.rows for file in files] == [1, count, 1]
    assert files[1].sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert files[1].size == len(content)


@pytest.mark.parametrize("block", [b"", b"\n", b"a\nb\r\n\n", b"abc"])
def test_numpy_counts_line_ends_as_python_does(block: bytes) -> None:
    assert _counter(NUMPY_BYTES)(block) == _counter(0)(block) == block.count(b"\n")
