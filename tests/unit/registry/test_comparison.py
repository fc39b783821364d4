"""What a comparison of two models shows, from their manifests."""

from __future__ import annotations

from typing import Any

from cmlkit.data.drift import profile
from cmlkit.model.manifest import ModelManifest
from cmlkit.records.training_run import DataFingerprint
from cmlkit.registry.comparison import Comparison, Side, compare_sides
from cmlkit.settings.schema import GateSpec


def side(label: str, digest: str = "a", **fields: Any) -> Side:
    return Side(label=label, manifest=ModelManifest(**{"sha256": digest * 64, "size": 1024, **fields}))


def compared(before: dict[str, Any], after: dict[str, Any], **options: Any) -> Comparison:
    return compare_sides(side("main", **before), side("working tree", "b", **after), **options)


def rows(comparison: Comparison, title: str) -> list[tuple[str, ...]]:
    return [row for table in comparison.tables() if table.title == title for row in table.rows]


def test_metrics_have_old_new_change_and_what_that_means() -> None:
    found = compared(
        {"metrics": {"accuracy": 0.9, "log_loss": 0.2, "beauty": 1, "f1": 0.5, "gone": 1}},
        {"metrics": {"accuracy": 0.95, "log_loss": 0.3, "beauty": 2, "f1": 0.5, "new": 1}},
    )
    assert rows(found, "Metrics") == [
        ("accuracy", "0.9", "0.95", "+0.05", "better"),
        ("log_loss", "0.2", "0.3", "+0.1", "worse"),
        ("beauty", "1", "2", "+1", ""),
        ("f1", "0.5", "0.5", "0", "same"),
        ("new", "–", "1", "–", "new"),
        ("gone", "1", "–", "–", "gone"),
    ]


def test_the_gates_rules_say_in_which_direction_a_metric_is_better() -> None:
    gate = GateSpec(rules=("beauty <= champion",))
    found = compared({"metrics": {"beauty": 1}}, {"metrics": {"beauty": 2}}, gate=gate)
    assert rows(found, "Metrics") == [("beauty", "1", "2", "+1", "worse")]


def test_only_parameters_and_libraries_that_changed_are_shown() -> None:
    before, after = (
        {"max_depth": 5, "bootstrap": True, "seed": 1},
        {"max_depth": 7, "bootstrap": 1, "seed": 1, "new": "x"},
    )
    found = compared(
        {"parameters": before, "libraries": {"numpy": "1.26.4", "python": "3.11"}},
        {"parameters": after, "libraries": {"numpy": "2.1.0", "python": "3.11"}},
    )
    assert rows(found, "Parameters") == [("max_depth", "5", "7"), ("bootstrap", "True", "1"), ("new", "–", "x")]
    assert rows(found, "Environment") == [("numpy", "1.26.4", "2.1.0")]


def test_data_shows_rows_hash_and_what_changed() -> None:
    def data(path: str, digest: str, rows: int | None = None) -> DataFingerprint:
        return DataFingerprint(path=path, sha256=digest * 64, size=2048, rows=rows)

    found = compared(
        {"data": (data("a.csv", "1", 1000), data("b", "2"), data("gone", "3"), data("same", "4"))},
        {"data": (data("a.csv", "5", 1100), data("b", "6"), data("new", "7"), data("same", "4"))},
    )
    assert rows(found, "Data") == [
        ("a.csv", "1,000 rows, 2 KiB, 111111111111", "1,100 rows, 2 KiB, 555555555555", "+100 rows"),
        ("b", "2 KiB, 222222222222", "2 KiB, 666666666666", "changed"),
        ("new", "–", "2 KiB, 777777777777", "new"),
        ("gone", "2 KiB, 333333333333", "–", "gone"),
    ]


def test_columns_that_moved_are_named() -> None:
    def data(start: float) -> tuple[DataFingerprint, ...]:
        profiles = {"age": profile(start + value / 10 for value in range(500)), "size": profile(range(500))}
        return (DataFingerprint(path="a.csv", sha256=f"{start:064}", size=1, profiles=profiles),)

    found = compared({"data": data(0)}, {"data": data(30)})
    assert [row[0] for row in rows(found, "Drift")] == ["a.csv: age"]


def test_size_and_class_are_facts_of_the_model() -> None:
    found = compared({"size": 1024, "class_path": "a.B"}, {"size": 3072, "class_path": "a.C"})
    assert ("Size", "1 KiB", "3 KiB (+2 KiB)") in rows(found, "Model")
    assert ("Class", "a.B", "a.C") in rows(found, "Model")
    assert found.changed


def test_the_record_has_plain_numbers() -> None:
    record = compared({"metrics": {"accuracy": 0.5}}, {"metrics": {"accuracy": 0.75}}).to_record()
    assert record["metrics"] == [
        {"name": "accuracy", "before": 0.5, "after": 0.75, "delta": 0.25, "higher_is_better": True, "improved": True}
    ]
    assert record["before"]["name"] == "main"


def test_two_sides_of_one_name_are_told_apart() -> None:
    found = compare_sides(side("main", metrics={"a": 1.0}), side("main", metrics={"a": 1.0}))
    assert found.tables()[0].header == ("Metric", "old main", "new main", "Change", "")
    assert not found.changed


def test_names_of_people_cannot_break_the_markdown() -> None:
    name = "a|b`c @ann\n<img>"
    page = compared({"parameters": {name: name}}, {"parameters": {name: "x"}, "metrics": {name: 1.0}}).markdown()
    assert "<img>" not in page
    assert "@ann" not in page
    [row] = [line for line in page.splitlines() if "ann" in line and "img" in line and " x " in line]
    assert row.count("|") == 4
