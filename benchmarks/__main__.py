"""`python -m benchmarks`: measure, print a table, write `build/bench.json`."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import runners
from cmlkit.cli.output import print_table

RESULT = Path("build/bench.json")


def main() -> None:
    rows = runners.rows()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"runners": rows}, indent=2) + "\n", encoding="utf-8")
    print_table(rows)
    print(f"Written to {RESULT}")


if __name__ == "__main__":
    main()
