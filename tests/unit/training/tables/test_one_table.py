"""Real tables, as spreadsheets, databases, pandas, R and Spark write them, become features, labels and a split."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.tables.dataset import Dataset, largest_table
from cmlkit.training.tables.one_table import read_one_table
from cmlkit.training.worker import Worker

ROWS = 40
CITIES = ("Ulm", "Köln", "St. Pölten, Austria")


def spec_for(name: str, **values: object) -> TrainSpec:
    return dataclasses.replace(TrainSpec(estimator="sklearn.X", data=(name,), target="churned"), **values)  # type: ignore[arg-type]


def read(folder: Path, spec: TrainSpec, *, classifies: bool = True, told: list[str] | None = None) -> Dataset:
    said: list[str] = []
    with Worker() as worker:
        data = read_one_table(
            spec,
            folder,
            largest=largest_table(spec, folder, worker),
            classifies=classifies,
            warn=(said if told is None else told).append,
        )
    assert told is not None or said == []
    return data


def everything(data: Dataset) -> pd.DataFrame:
    """All rows of the features in the order of the column `number`."""
    rows = [pd.DataFrame(half, columns=list(data.columns)) for half in (data.train_features, data.test_features)]
    return pd.concat(rows).sort_values("number").reset_index(drop=True)


def customers() -> pd.DataFrame:
    numbers = np.arange(ROWS)
    return pd.DataFrame(
        {
            "number": numbers * 1.5,
            "city": [CITIES[number % 3] for number in numbers],
            "since": [f"2024-0{number % 9 + 1}-15" for number in numbers],
            "active": [("true", "false")[number % 2] for number in numbers],
            "churned": [("yes", "no", "no", "no")[number % 4] for number in numbers],
        }
    )


TYPES = {"number": "number", "city": "category", "since": "date", "active": "boolean"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("t.csv", {}),
        ("t.csv", {"quoting": 1}),  # a database's export: all cells in quotes
        ("t.csv", {"sep": ";", "decimal": ","}),  # a European spreadsheet
        ("t.tsv", {"sep": "\t"}),
        ("t.txt", {"sep": "|"}),
        ("t.csv", {"encoding": "utf-8-sig"}),
        ("t.csv", {"encoding": "cp1252"}),
        ("t.csv", {"encoding": "utf-16"}),
    ],
)
def test_a_table_reads_alike_in_every_dialect(tmp_path: Path, name: str, arguments: dict[str, object]) -> None:
    customers().to_csv(tmp_path / name, index=False, **arguments)
    data = read(tmp_path, spec_for(name))
    assert data.columns == TYPES
    found = everything(data)
    assert found["number"].tolist() == customers()["number"].tolist()
    assert found["city"].tolist() == customers()["city"].tolist()
    assert found["active"].tolist() == [number % 2 == 0 for number in range(ROWS)]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip"])
def test_a_compressed_table_is_told_by_its_content(tmp_path: Path, suffix: str) -> None:
    text = customers().to_csv(index=False).encode()
    file = tmp_path / f"t.csv.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("__MACOSX/._t.csv", b"noise")
            archive.writestr("t.csv", text)
    else:
        packed = {"gz": gzip.compress(text), "bz2": bz2.compress(text), "xz": lzma.compress(text)}
        file.write_bytes(packed[suffix])
    assert len(everything(read(tmp_path, spec_for(file.name)))) == ROWS


def test_parquet_keeps_its_types_and_a_named_index_is_a_column(tmp_path: Path) -> None:
    table = customers()
    table["since"] = pd.to_datetime(table["since"])
    table["active"] = table["active"] == "true"
    table["city"] = table["city"].astype("category")
    table.set_index("number").to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path, spec_for("t.parquet")).columns == TYPES


def test_several_files_and_a_folder_of_files_are_one_table(tmp_path: Path) -> None:
    table = customers()
    (tmp_path / "days").mkdir()
    table[:15].to_csv(tmp_path / "days" / "1.csv", index=False)
    table[15:][list(reversed(table.columns))].to_csv(tmp_path / "days" / "2.csv", index=False)
    (tmp_path / "days" / "_SUCCESS").write_text("")
    assert len(everything(read(tmp_path, spec_for("days")))) == ROWS
    both = spec_for("days/1.csv", data=("days/1.csv", "days/2.csv", "days"))
    assert len(everything(read(tmp_path, both))) == ROWS
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    told: list[str] = []
    read(tmp_path, spec_for("days/1.csv", data=("days/1.csv", "other.csv")), told=told)
    assert told == ["other.csv has other columns than days/1.csv: the model is not trained on it."]


def test_files_of_one_folder_with_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    customers().to_csv(tmp_path / "days" / "1.csv", index=False)
    customers().rename(columns={"city": "town"}).to_csv(tmp_path / "days" / "2.csv", index=False)
    with pytest.raises(SettingsError, match=r"2\.csv has other columns than .*1\.csv: city, town"):
        read(tmp_path, spec_for("days"))


def test_numbers_in_any_dialect_are_the_plain_table_with_the_split_of_earlier_versions(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(ROWS, 2))
    table = pd.DataFrame(values, columns=["a", "b"]).assign(churned=np.arange(ROWS) % 2)
    table.to_csv(tmp_path / "plain.csv", index=False)
    table.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",")
    plain, other = read(tmp_path, spec_for("plain.csv")), read(tmp_path, spec_for("t.csv"))
    assert plain.is_plain
    assert other.is_plain
    assert np.array_equal(plain.train_features, other.train_features)
    assert np.array_equal(plain.test_labels, other.test_labels)


@pytest.mark.parametrize("mark", ["", "NA", "?", "-", "null"])
def test_gaps_in_numbers_are_missing_values(tmp_path: Path, mark: str) -> None:
    rows = [f"{number},{mark if number % 5 == 0 else number},{number % 2}" for number in range(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(["number,age,churned", *rows]))
    data = read(tmp_path, spec_for("t.csv"), told=[])
    assert data.columns == {"number": "number", "age": "number"}
    assert everything(data)["age"].isna().sum() == ROWS // 5


def test_rows_without_a_label_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    table = customers()
    table.loc[3:5, "churned"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    told: list[str] = []
    data = read(tmp_path, spec_for("t.csv"), told=told)
    assert len(data.train_labels) + len(data.test_labels) == ROWS - 3
    assert told == ["t.csv: 3 rows without churned are left out."]


def test_columns_of_ids_and_without_values_are_told(tmp_path: Path) -> None:
    customers().assign(mail=[f"{number}@example.org" for number in range(ROWS)], fax=None).to_csv(tmp_path / "t.csv")
    told: list[str] = []
    data = read(tmp_path, spec_for("t.csv"), told=told)
    assert "the unnamed column 'Unnamed: 0'" in told[0]
    assert told[1] == "t.csv: fax has no values at all, and is left out."
    assert told[2].startswith("t.csv: each row has another value of mail")
    assert data.columns == {**TYPES, "mail": "category"}


def test_declared_types_win(tmp_path: Path) -> None:
    table = customers().assign(zip=[10115 + number % 3 for number in range(ROWS)])
    table.to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path, spec_for("t.csv", columns={"zip": "category", "city": "ignore", "since": "category"}))
    assert data.columns == {"number": "number", "since": "category", "active": "boolean", "zip": "category"}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23x"], "has numbers, but 1 of 12 cells"),
        (['"1,234"', '"2,345"'], "has '1,234', which may be a thousand or a decimal number"),
        (["01/02/2024", "03/04/2024"], "of which nothing tells the day from the month"),
        (["1", "inf"], "has infinity in it"),
    ],
)
def test_what_has_two_meanings_is_an_error_that_names_the_way_out(
    tmp_path: Path, cells: list[str], message: str
) -> None:
    rows = [f"{cell},{number % 2}" for number, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("\n".join(["x,churned", *rows]))
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, spec_for("t.csv"))
    assert message in caught.value.message
    assert "train: {columns: {x: TYPE}}" in caught.value.next_step


@pytest.mark.parametrize(
    ("texts", "layout"),
    [
        (["31/01/2024", "02/03/2024"], "%d/%m/%Y"),
        (["01/31/2024", "02/03/2024"], "%m/%d/%Y"),
        (["31.01.2024", "2.3.2024"], "%d.%m.%Y"),
        (["2024-01-31T10:00:00Z", "2024-03-02T10:00:00+01:00"], "ISO8601"),
    ],
)
def test_dates_are_told_by_their_values(tmp_path: Path, texts: list[str], layout: str) -> None:
    rows = [f"{texts[number % 2]},{number},{number % 2}" for number in range(8)]
    (tmp_path / "t.csv").write_text("\n".join(["day,number,churned", *rows]))
    assert read(tmp_path, spec_for("t.csv")).formats == {"day": layout}


def test_classes_keep_their_shares_in_both_parts(tmp_path: Path) -> None:
    customers().to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path, spec_for("t.csv", test_size=0.2))
    assert (list(data.test_labels).count("yes"), len(data.test_labels)) == (2, 8)


@pytest.mark.parametrize("rest", ["a,1", "2,1"])
def test_a_class_with_a_single_row_is_an_error_before_the_fit(tmp_path: Path, rest: str) -> None:
    rows = [f"{number},{number % 2 + 2}" for number in range(8)]
    (tmp_path / "t.csv").write_text("\n".join(["x,churned", *rows, rest]))
    with pytest.raises(SettingsError, match="Classes with a single row cannot be both trained and tested: 1"):
        read(tmp_path, spec_for("t.csv"))


def test_rows_of_a_group_stay_together_and_the_group_is_no_feature(tmp_path: Path) -> None:
    customers().to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path, spec_for("t.csv", groups="since"))
    assert "since" not in data.columns
    assert data.groups is not None
    assert set(data.groups).isdisjoint(
        customers().set_index("number")["since"][data.test_features["number"].tolist()].tolist()
    )


def test_the_latest_rows_are_those_to_test_with(tmp_path: Path) -> None:
    customers().to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path, spec_for("t.csv", time_order="since"))
    assert data.train_features["since"].max() < data.test_features["since"].min()
    assert data.train_features["since"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"target": "chruned"}, "has no column 'chruned'"),
        ({"groups": "sinse"}, "train.groups names 'sinse'"),
        ({"columns": {"citty": "ignore"}}, "train.columns names 'citty'"),
        ({"columns": {"city": "text"}}, "train.columns has 'text' for city; it takes number"),
        ({"groups": "city", "time_order": "since"}, "exclude each other"),
        ({"time_order": "city"}, "has neither dates nor numbers"),
        ({"data": ("absent.csv",)}, "absent.csv cannot be read"),
    ],
)
def test_wrong_settings_are_told_before_the_fit(tmp_path: Path, values: dict[str, object], message: str) -> None:
    customers().to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, spec_for("t.csv", **values))
    assert message in caught.value.message


def test_a_regressor_takes_no_text_as_its_target(tmp_path: Path) -> None:
    customers().to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SettingsError, match="the target churned is a category, such as 'yes'"):
        read(tmp_path, spec_for("t.csv"), classifies=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,churned\n1,2\n3,4,5,6\n", "has more cells|Expected 2 fields"),
        (b"", "cannot be read"),
        (b"PK\x03\x04broken", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_told_as_such(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        read(tmp_path, spec_for("t.csv"))
