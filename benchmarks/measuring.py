"""Measuring: whole processes, in turn, and the medians of their times and sizes."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MIB = 2**20
STARTER = Path(__file__).with_name("starter.py")
# Variables passed to programs: none of them points to a service or changes Python's behaviour.
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "UV_CACHE_DIR", "UV_SYSTEM_CERTS")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Resources that a process and its reaped children used.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds, on all cores together.
        memory: Bytes at the peak of the largest process.
    """

    wall: float
    cpu: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command line with its directory and environment."""

    argv: Sequence[str]
    directory: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, *, errors: Path | None = None) -> Usage:
        """Run the program once and discard its output.

        Args:
            errors: File for its standard error.

        Raises:
            RuntimeError: The program failed; the message has the end of its error output.
        """
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder, "usage.json")
            starter = [sys.executable, "-I", "-S", str(STARTER), str(result), *self.argv]
            answer = subprocess.run(
                starter,
                cwd=self.directory,
                env={**_passed_on(), **self.environ},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
            if errors:
                errors.write_bytes(answer.stderr)
            if answer.returncode:
                said = answer.stderr.decode(errors="replace")[-2000:]
                raise RuntimeError(f"{' '.join(self.argv)} ended with {answer.returncode}:\n{said}")
            return Usage(**json.loads(result.read_text(encoding="utf-8")))


@dataclass(frozen=True, kw_only=True)
class Target:
    """A limit for a number, and the measured value.

    Attributes:
        at_least: Whether `value` should be at least `limit` instead of at most.
    """

    what: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> dict[str, object]:
        """Return the target's row in the result file."""
        return {
            "what": self.what,
            "measured": quantity(self.value, self.unit),
            "target": f"{'≥' if self.at_least else '≤'} {quantity(self.limit, self.unit)}",
            "met": self.met,
        }


@dataclass(frozen=True, kw_only=True)
class Part:
    """The measurements of one module.

    Attributes:
        rows: Rows of one table.
        targets: Targets for these numbers.
        notes: Sentences below the table.
    """

    rows: Sequence[Mapping[str, object]]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()


def in_turn(sides: Mapping[str, Callable[[], Usage]], *, rounds: int, warm_up: int = 1) -> dict[str, Usage]:
    """Return the medians of each side, measured A B A B, so that other load on the machine affects all alike.

    Args:
        warm_up: Rounds before those that count, for compiled modules and file caches.
    """
    taken: dict[str, list[Usage]] = {name: [] for name in sides}
    for number in range(warm_up + rounds):
        for name, measure in sides.items():
            usage = measure()
            if number >= warm_up:
                taken[name].append(usage)
    return {name: median(usages) for name, usages in taken.items()}


def median(usages: Iterable[Usage]) -> Usage:
    """Return the median of each quantity."""
    taken = list(usages)
    return Usage(
        wall=statistics.median(usage.wall for usage in taken),
        cpu=statistics.median(usage.cpu for usage in taken),
        memory=round(statistics.median(usage.memory for usage in taken)),
    )


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the power of size by which values grow: 0 is constant, 1 linear, 2 quadratic.

    It is the slope of the least-squares line through the logarithms.
    """
    pairs = [(math.log(size), math.log(value)) for size, value in zip(sizes, values, strict=True)]
    mean_size = statistics.fmean(size for size, _ in pairs)
    mean_value = statistics.fmean(value for _, value in pairs)
    spread = sum((size - mean_size) ** 2 for size, _ in pairs)
    return sum((size - mean_size) * (value - mean_value) for size, value in pairs) / spread


def compared(what: str, ours: Usage, floor: Usage) -> dict[str, object]:
    """Return a row: ours beside its floor, and the ratio."""
    return {
        "what": what,
        "seconds": round(ours.wall, 3),
        "floor_seconds": round(floor.wall, 3),
        "ratio": round(ours.wall / floor.wall, 2),
        "cpu_seconds": round(ours.cpu, 2),
        "floor_cpu_seconds": round(floor.cpu, 2),
        "memory_mib": round(ours.memory / MIB),
        "floor_memory_mib": round(floor.memory / MIB),
    }


def quantity(value: float, unit: str) -> str:
    """Format a number with its significant digits and its unit."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 2
    return f"{value:,.{digits}f} {unit}".strip()


def _passed_on() -> dict[str, str]:
    # As in a job, `python` is a program: the shim of a version manager would take longer than what is measured.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**{name: os.environ[name] for name in PASSED_ON if name in os.environ}, "PATH": path}
