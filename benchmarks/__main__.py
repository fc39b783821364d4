"""`python -m benchmarks [PART…]`: measure, print tables, write `build/bench.json` and the documentation's page."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import time
from pathlib import Path

from benchmarks.measuring import Part
from benchmarks.page import write_page
from cmlkit.cli.output import print_table

RESULT = Path("build/bench.json")
PARTS = ("commands", "training", "launching", "installing", "growth", "runners")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; all if left out")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from earlier results")
    arguments = parser.parse_args()
    if arguments.page:
        _write_page()
        return
    chosen = arguments.parts or PARTS
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    # With this variable, each measured program would compile its modules again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in chosen:
        begun = time.monotonic()
        part: Part = importlib.import_module(f"benchmarks.{name}").measure()
        print(f"\n{name}, measured in {time.monotonic() - begun:.0f} s")
        print_table(part.rows)
        print_table([target.row() for target in part.targets])
        _keep(name, part)
    print(f"\nWritten to {RESULT}")
    _write_page()


def _write_page() -> None:
    for path in write_page(json.loads(RESULT.read_text(encoding="utf-8"))):
        print(f"Written to {path}")


def _keep(name: str, part: Part) -> None:
    """Add a part to those that earlier runs have measured."""
    document = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"parts": {}}
    document["machine"] = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    document["parts"][name] = {
        "rows": part.rows,
        "targets": [target.row() for target in part.targets],
        "notes": part.notes,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
