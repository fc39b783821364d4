"""Installing: the action's set-up step, with an empty cache and a full one, beside npm's time for CML's CLI."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measuring import Part, Program, Target, Usage, median

ROOT = Path(__file__).parents[1]
ROUNDS = 3
COLD_SECONDS = 3
# `npm install` of CML's CLI, 260 packages, on a machine of this size.
NPM_SECONDS = 8.0
STEPS: Mapping[str, Mapping[str, str]] = {
    "launch": {"COMMAND": "runner launch"},
    "train": {"COMMAND": "train", "ESTIMATOR": "sklearn.ensemble.RandomForestClassifier"},
}


def measure() -> Part:
    """Measure each step cold, then again in another job with the cache of the first."""
    taken = {name: [_cold_and_warm(step) for _ in range(ROUNDS)] for name, step in STEPS.items()}
    rows = []
    for name, pairs in taken.items():
        for state, usages in zip(("cold", "warm"), zip(*pairs, strict=True), strict=True):
            rows.append(_row(f"set-up for {name}, {state}", median(usages)))
    launch = statistics.median(cold.wall for cold, _ in taken["launch"])
    return Part(
        rows=rows,
        targets=[
            Target(what="Set-up for launch, cold", value=launch, limit=COLD_SECONDS, unit="s"),
            Target(what="Times faster than npm's 8 s", value=NPM_SECONDS / launch, limit=1, at_least=True),
        ],
        notes=[
            f"npm's {NPM_SECONDS:g} s were measured once, for CML's 260 packages; npm is not run here.",
            "Cold downloads everything from the package index: this part measures the network too.",
        ],
    )


def _cold_and_warm(step: Mapping[str, str]) -> tuple[Usage, Usage]:
    with tempfile.TemporaryDirectory() as folder:
        return _set_up(Path(folder), "first", step), _set_up(Path(folder), "second", step)


def _set_up(folder: Path, job: str, step: Mapping[str, str]) -> Usage:
    """Run the action's step as a job of its own; the jobs in one folder share uv's cache."""
    home = folder / job
    home.mkdir()
    environ = {
        **step,
        "ACTION_PATH": str(ROOT),
        "RUNNER_TEMP": str(home),
        "GITHUB_PATH": str(home / "path"),
        "GITHUB_OUTPUT": str(home / "output"),
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_PYTHON_DOWNLOADS": "never",
        "PATH": f"{Path(_uv()).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return Program(argv=["bash", str(ROOT / "action" / "install.sh")], directory=home, environ=environ).run()


def _uv() -> str:
    return shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")


def _row(what: str, usage: Usage) -> dict[str, object]:
    return {"what": what, "seconds": round(usage.wall, 2), "cpu_seconds": round(usage.cpu, 2)}
