"""The calls of `dvc` that publishing makes, for one file and a remote that is a folder."""

import hashlib
import os
import shutil
import signal
import sys
from pathlib import Path


def main(command: str, *arguments: str) -> None:
    fail()
    if command == "config":
        print(f"core.remote=beside\nremote.beside.url={os.environ['STAND_IN_REMOTE']}")
        return
    named = Path(arguments[-1])
    file = named if command == "add" else named.with_suffix("")
    content = file.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if command == "add":
        text = f"outs:\n- md5: {md5}\n  size: {len(content)}\n  hash: md5\n  path: {file.name}\n"
        file.with_name(f"{file.name}.dvc").write_text(text)
    else:
        stored = Path(os.environ["STAND_IN_REMOTE"], "files", "md5", md5[:2], md5[2:])
        stored.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, stored)


def fail() -> None:
    """Fail if this is the call that is to: each appends a line to a file."""
    if not (calls := os.environ.get("STAND_IN_CALLS")):
        return
    with Path(calls).open("a") as file:
        file.write("\n")
    if len(Path(calls).read_text()) == int(os.environ["STAND_IN_FAILS_AT"]):
        Path(f"{calls}-fired").touch()
        if os.environ["STAND_IN_FAILS"] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        print(f"ERROR: {os.environ['STAND_IN_FAILS']}", file=sys.stderr)
        sys.exit(255)


if __name__ == "__main__":
    main(*sys.argv[1:])
