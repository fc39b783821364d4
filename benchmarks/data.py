"""Growth of the fingerprint of training data with the number of files, and one large file, beside bare hashing."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measuring import Program, Target, Usage, compared, in_turn

ROUNDS = 3
FLOOR_MARGIN = 1.5
FILES = (10, 100, 1_000, 10_000, 100_000)
LARGE_MEGABYTES = 1_000
OURS, FLOOR = Path(__file__).with_name("fingerprint.py"), Path(__file__).with_name("floors") / "hash.py"
HEADER = b"age,height,city,label\n"


def measure() -> tuple[list[dict[str, object]], list[Target]]:
    """Return a row and a target for each size."""
    rows, targets = [], []
    for what, size, path in _prepared():
        sides = {"ours": partial(_run, OURS, path), "floor": partial(_run, FLOOR, path)}
        usages = in_turn(sides, rounds=ROUNDS)
        row = compared(what, usages["ours"], usages["floor"])
        rows.append({"what": what, "size": size, **row})
        ratio = usages["ours"].wall / usages["floor"].wall
        name = f"{what}, {size:,}: time"
        targets.append(Target(what=name, value=ratio, limit=FLOOR_MARGIN, unit="times a bare hash"))
    return rows, targets


def _prepared() -> Iterator[tuple[str, int, Path]]:
    """Yield what grows, its size, and the data, which is there until the next one."""
    lines = _lines(20_000)
    for count in FILES:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                start = number * 20 % len(lines)
                Path(folder, f"part-{number:06}.csv").write_bytes(HEADER + b"".join(lines[start : start + 20]))
            yield "CSV files of training data", count, Path(folder)
    with tempfile.TemporaryDirectory() as folder:
        file, block = Path(folder, "all.csv"), b"".join(lines)
        with file.open("wb") as content:
            content.write(HEADER)
            while content.tell() < LARGE_MEGABYTES * 1_000_000:
                content.write(block)
        yield "MB of training data in one CSV file", LARGE_MEGABYTES, file


def _lines(count: int) -> list[bytes]:
    source = random.Random(0)
    return [
        b"%d,%.6f,city-%d,%d\n" % (source.randrange(90), source.gauss(170, 9), source.randrange(8), source.randrange(2))
        for _ in range(count)
    ]


def _run(script: Path, path: Path) -> Usage:
    return Program(argv=[sys.executable, str(script), str(path)]).run()
