"""What `cmlkit model show` and `verify` show of a long manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.model.manifest import ModelManifest
from cmlkit.records.training_run import DataFingerprint

# A profile of version 1 has the borders of a column's quantiles, as of a table with 60 columns.
PROFILES = {f"column_{number}": "number 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9" for number in range(60)}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    data = DataFingerprint(path="data/train.csv", sha256="c" * 64, size=9, profiles=PROFILES)
    manifest = ModelManifest(sha256="a" * 64, size=9, metrics={"accuracy": 0.9}, data=(data,), notes=("Pin numpy.",))
    path = tmp_path / "m.joblib"
    path.with_name("m.joblib.json").write_text(manifest.to_json(), encoding="utf-8")
    return path


def test_no_line_for_people_is_long_and_what_is_left_out_is_counted(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["model", "show", str(model)], environ={}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 300
    assert any(line.startswith("data ") and line.endswith(" more") for line in lines)
    assert "metrics          accuracy=0.9" in lines


def test_the_json_keeps_all(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "show", str(model), "--json"], environ={}) == 0
    assert json.loads(capsys.readouterr().out)["data"][0]["profiles"] == PROFILES
