"""Run one program and write its time, CPU time and memory: `python -I -S starter.py RESULT PROGRAM ARGUMENT…`.

A small process of its own: Linux counts the memory of the process that starts a program in the program's peak (it
shares that process's pages until it has its own), and the measuring process contains the sandbox.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    result, *argv = sys.argv[1:]
    begun = time.perf_counter()
    process = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - begun
    took = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024}
    Path(result).write_text(json.dumps(took), encoding="utf-8")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
