"""Training: estimator mode beside the script that people start from, and command mode beside a bare command."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import MIB, Part, Program, Target, Usage, compared, in_turn, median
from benchmarks.site import CMLKIT, FLOORS

SMALL, LARGE = 1_000, 200_000
FEATURES = 20
ROUNDS = {SMALL: 9, LARGE: 3}
ESTIMATOR = (
    "train",
    *("--estimator", "sklearn.ensemble.RandomForestClassifier", "--params", "max_depth=5", "--seed", "0"),
    *("--data", "data"),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training of one size, in a folder of its own."""

    rows: int
    folder: Path

    def ours(self) -> tuple[Usage, float]:
        """Train with cmlkit; return the usage, and the seconds of the fit."""
        return self._run([CMLKIT, *ESTIMATOR], r"^Fit \w+: done \(([\d.]+) s\)")

    def reference(self) -> tuple[Usage, float]:
        return self._run([sys.executable, str(FLOORS / "train.py")], r"^fit: ([\d.]+)")

    def accelerated(self) -> tuple[Usage, float]:
        """Train the same with scikit-learn-intelex."""
        return self._run([CMLKIT, *ESTIMATOR, "--accelerator", "intelex"], r"^Fit \w+: done \(([\d.]+) s\)")

    def accuracy(self) -> str:
        return (self.folder / "model" / "metrics.txt").read_text(encoding="utf-8")

    def _run(self, argv: list[str], fit: str) -> tuple[Usage, float]:
        said = self.folder / "said.txt"
        # Outside any repository, so that the state of this one does not matter.
        usage = Program(argv=argv, directory=self.folder, environ={"GIT_DIR": os.devnull}).run(errors=said)
        found = re.search(fit, said.read_text(encoding="utf-8"), re.MULTILINE)
        assert found, said.read_text(encoding="utf-8")
        return usage, float(found[1])


def measure() -> Part:
    """Measure both sizes of the reference job, then a command that prints nothing and one that prints much."""
    rows, targets = [], []
    with tempfile.TemporaryDirectory() as folder:
        for size in (SMALL, LARGE):
            row, wanted = _size(write_job(Path(folder, str(size)), size))
            rows.append(row)
            targets += wanted
            if importlib.util.find_spec("sklearnex"):
                rows.append(_accelerated(Job(rows=size, folder=Path(folder, str(size)))))
        for what, command, rounds in COMMANDS:
            row, wanted = _command(Path(folder), what, command, rounds)
            rows.append(row)
            targets += wanted
    return Part(rows=rows, targets=targets)


def write_job(folder: Path, rows: int) -> Job:
    """Write the reference job's four files: classification with 20 features, and a quarter more samples to test."""
    import numpy as np
    from sklearn.datasets import make_classification

    (folder / "data").mkdir(parents=True)
    features, labels = make_classification(
        n_samples=rows + rows // 4, n_features=FEATURES, n_informative=8, class_sep=1.4, random_state=0
    )
    for part, chosen in (("train", slice(0, rows)), ("test", slice(rows, None))):
        np.savetxt(folder / "data" / f"{part}_features.csv", features[chosen])
        np.savetxt(folder / "data" / f"{part}_labels.csv", labels[chosen])
    return Job(rows=rows, folder=folder)


def _size(job: Job) -> tuple[dict[str, object], list[Target]]:
    ours: list[tuple[Usage, float]] = []
    reference: list[tuple[Usage, float]] = []
    accuracies = set()
    for _ in range(ROUNDS[job.rows]):
        for taken, train in ((ours, job.ours), (reference, job.reference)):
            taken.append(train())
            accuracies.add(job.accuracy())
    assert len(accuracies) == 1, f"the same data and the same seed gave {accuracies}"
    what = f"{job.rows:,} × {FEATURES}"
    mine, theirs = median(usage for usage, _ in ours), median(usage for usage, _ in reference)
    fits = [statistics.median(fit for _, fit in taken) for taken in (ours, reference)]
    row = {**compared(what, mine, theirs), "fit_seconds": round(fits[0], 2), "floor_fit_seconds": round(fits[1], 2)}
    if job.rows == SMALL:
        return row, [Target(what=f"{what}: against the script", value=mine.wall / theirs.wall, limit=1.0, unit="times")]
    cores = os.cpu_count() or 1
    return row, [
        Target(what=f"{what}: times faster than the script", value=theirs.wall / mine.wall, limit=2.1, at_least=True),
        Target(
            what=f"{what}: efficiency of the fit on {cores} cores",
            value=100 * fits[1] / fits[0] / cores,
            limit=95,
            unit="%",
            at_least=True,
        ),
    ]


def _accelerated(job: Job) -> dict[str, object]:
    """Return a row: the training with scikit-learn-intelex beside the one without, with the scores of both."""
    sides: dict[str, Callable[[], tuple[Usage, float]]] = {"ours": job.accelerated, "floor": job.ours}
    taken: dict[str, list[tuple[Usage, float]]] = {side: [] for side in sides}
    scores = {}
    for _ in range(ROUNDS[job.rows]):
        for side, train in sides.items():
            # The model of the other side would be rescored, which takes time.
            shutil.rmtree(job.folder / "model", ignore_errors=True)
            taken[side].append(train())
            scores[side] = float(job.accuracy().split()[-1])
    fits = {side: round(statistics.median(fit for _, fit in found), 2) for side, found in taken.items()}
    medians = [median(usage for usage, _ in taken[side]) for side in sides]
    return {
        **compared(f"{job.rows:,} × {FEATURES}: intelex beside none", *medians),
        "fit_seconds": fits["ours"],
        "floor_fit_seconds": fits["floor"],
        "accuracy": round(scores["ours"], 4),
        "floor_accuracy": round(scores["floor"], 4),
    }


# What, command, rounds.
COMMANDS = (
    ("a command that sleeps for 2 s", "sleep 2", 5),
    ("a command that prints 1 GB", "head -c 1000000000 /dev/zero", 5),
)


def _command(folder: Path, what: str, command: str, rounds: int) -> tuple[dict[str, object], list[Target]]:
    write = "echo 1 >m; echo 'Accuracy: 1' >t"
    line = f"{write}; {command}"
    ours = [CMLKIT, "train", "--data", "", "--model", "m", "--metrics", "t", "--plots", "", "--", "bash", "-c", line]
    sides: dict[str, Callable[[], Usage]] = {
        "ours": Program(argv=ours, directory=folder).run,
        "floor": Program(argv=["bash", "-c", line], directory=folder).run,
    }
    taken = in_turn(sides, rounds=rounds)
    mine, bare = taken["ours"], taken["floor"]
    return compared(what, mine, bare), [
        Target(what=f"{what}: added", value=mine.wall - bare.wall, limit=0.2, unit="s"),
        Target(what=f"{what}: memory added", value=(mine.memory - bare.memory) / MIB, limit=30, unit="MiB"),
    ]
