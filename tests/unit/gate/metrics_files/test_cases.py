"""Metrics files as people and their tools write them, and the numbers that they have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmlkit.gate.metrics_files import find

FOLDER = Path(__file__).parent
# `cases` are shapes of files; `tools` are named after the program whose output they have.
EXPECTED = {
    f"{kind}/{name}": values
    for kind in ("cases", "tools")
    for name, values in json.loads((FOLDER / kind / "expected.json").read_text(encoding="utf-8")).items()
}


@pytest.mark.parametrize("path", sorted(EXPECTED))
def test_every_number_with_a_name_is_taken_and_nothing_else(path: str) -> None:
    assert dict(find([path], FOLDER).values) == EXPECTED[path]


def test_every_file_has_its_values() -> None:
    files = {str(file.relative_to(FOLDER)) for kind in ("cases", "tools") for file in (FOLDER / kind).rglob("*.*")}
    assert files - {"cases/expected.json", "tools/expected.json"} == {path for path in EXPECTED if "." in path}
