"""The floor of a fingerprint: the SHA-256 of the file PATH, or of each file in the folder PATH, on as many threads.

It loads cmlkit first, too: a fingerprint is a step of `cmlkit train`, which has loaded it by then.
"""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import cmlkit.data.fingerprint  # noqa: F401 - see above

AT_A_TIME = 100


def digests(files: list[str]) -> list[str]:
    found = []
    for file in files:
        with open(file, "rb") as content:  # noqa: PTH123 - the least that does it
            found.append(hashlib.file_digest(content, "sha256").hexdigest())
    return found


path = sys.argv[1]
files = [path] if os.path.isfile(path) else [entry.path for entry in os.scandir(path)]  # noqa: PTH113 - as above
with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
    chunks = [files[start : start + AT_A_TIME] for start in range(0, len(files), AT_A_TIME)]
    found = [digest for chunk in pool.map(digests, chunks) for digest in chunk]
print(hashlib.sha256("".join(found).encode()).hexdigest())
