"""The record of a training run, as earlier versions wrote it."""

from __future__ import annotations

import dataclasses
import json
import math

from cmlkit.records.training_run import Interval, Rescored, TrainingRun

# Its keys in their order, as cmlkit 0.1.0 wrote them.
RECORD = {
    "mode": "command",
    "command": "python train.py",
    "metrics": {"accuracy": 0.9},
    "model": "model/m.joblib",
    "metrics_files": ["model/metrics.txt"],
    "plots": [],
    "parameters": {"max_depth": 5},
    "model_class": "",
    "libraries": {"python": "3.11.7"},
    "data": [],
    "resources": {"wall_seconds": 2.5, "cpu_seconds": 4.0, "peak_memory_bytes": 1024},
    "started": 1700000000.0,
    "commit": "",
    "instance": None,
    "rematch": {
        "champion": "ab",
        "metrics": {"accuracy": 0.8},
        "intervals": {"accuracy": {"low": -0.01, "high": 0.2, "samples": 250, "level": 0.95}},
    },
    "plot_tables": {},
    "setup": "",
}


def test_a_record_is_read_and_written_as_the_first_version_did() -> None:
    text = json.dumps(RECORD, indent=2) + "\n"
    run = TrainingRun.from_json(text)
    interval = Interval(low=-0.01, high=0.2, samples=250)
    assert run.rescored == Rescored(champion="ab", metrics={"accuracy": 0.8}, intervals={"accuracy": interval})
    assert run.rematch == run.rescored
    assert run.to_json() == text


def test_an_interval_is_read_as_it_was_written_and_without_ends_has_none_in_json() -> None:
    run = TrainingRun.from_json(json.dumps(RECORD))
    assert run.rescored is not None
    intervals = {
        "accuracy": Interval(low=-0.01, high=0.2, samples=250, method="mcnemar", p_value=0.125),
        "f1": Interval(low=-math.inf, high=math.inf, samples=4, method="none"),
    }
    run = dataclasses.replace(run, rescored=dataclasses.replace(run.rescored, intervals=intervals))
    assert TrainingRun.from_json(run.to_json()) == run
    written = json.loads(run.to_json(), parse_constant=str)["rematch"]["intervals"]
    assert written["f1"] == {"low": None, "high": None, "samples": 4, "level": 0.95, "method": "none"}


def test_a_run_without_a_champion_has_nothing_rescored() -> None:
    for record in ({**RECORD, "rematch": None}, {key: value for key, value in RECORD.items() if key != "rematch"}):
        assert TrainingRun.from_json(json.dumps(record)).rescored is None
