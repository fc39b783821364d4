"""The rooms of the package: few files beside them, eight layers, and unit tests that lie as they do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PACKAGE, TESTS = ROOT / "cmlkit", ROOT / "tests" / "unit"
LAYERS = """
    cli
    doctor
    runner | training | publishing | registry
    report | model
    scaffold | ci | clouds | forges | stores | gate | data
    settings | git | records | pipeline
    process | progress | bounds
    errors | clock | sinks | formats | files | together
"""
# Tests of what lies beside the package.
APART = {"project", "sandbox"}


def contract() -> dict[str, Any]:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [layers] = [item for item in configuration["tool"]["importlinter"]["contracts"] if item["type"] == "layers"]
    return dict(layers)


def rooms() -> set[str]:
    return {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}


def test_few_files_lie_beside_the_rooms() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 11


def test_imports_are_held_to_eight_layers_with_independent_siblings() -> None:
    wanted = [re.sub(r"(\w+)", r"cmlkit.\1", line.strip()) for line in LAYERS.strip().splitlines()]
    assert contract()["layers"] == wanted
    assert not contract().get("ignore_imports")


def test_every_room_and_every_file_beside_them_has_a_layer() -> None:
    there = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    there |= {room for room in rooms() if "/" not in room}
    assert set(re.findall(r"\w+", LAYERS)) == there


def test_make_lint_holds_the_layers() -> None:
    [recipe] = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert "\t$(BIN)/lint-imports\n" in recipe


def test_unit_tests_lie_as_the_rooms_do() -> None:
    folders = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert {folder for folder in folders - {"."} if folder.partition("/")[0] not in APART} <= rooms()


def test_files_of_unit_tests_beside_the_folders_are_of_modules_beside_the_rooms() -> None:
    modules = {path.stem.strip("_") for path in PACKAGE.glob("*.py")} | {"public_api", "environment"}
    assert {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")} <= modules
