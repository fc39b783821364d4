"""`cmlkit runner connect` at a terminal: the keys that send signals are for the program of the session alone."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest

# The toys in place of AWS and GitHub; a launch, whose instance the session is with.
CONNECTS = """
import os, sys
from cmlkit.__main__ import run
from cmlkit.clouds import CLOUDS, KnownCloud
from cmlkit.forges import FORGES
CLOUDS["toy"] = KnownCloud(name="Toy Cloud", module="tests.toys.cloud")
FORGES["github"] = "tests.toys.forge"
assert run(["runner", "launch", "--instance-type", "brick"], environ=os.environ) == 0
sys.exit(run(["runner", "connect"], environ=os.environ))
"""
# As AWS's plugin, it takes the signals of the keys itself and goes on, to pass them on to the instance.
# https://github.com/aws/session-manager-plugin/blob/mainline/src/sessionmanagerplugin/session/sessionutil/control_signals_unix.go
SESSION = """#!/bin/bash
for name in INT QUIT TSTP; do trap "echo caught $name" "$name"; done
echo the session is open
until [ "$line" = leave ]; do read -r line || :; done
exit 7
"""
# A shell at a terminal gives each command a group of its own, which Ctrl-Z can stop.
SHELL = 'set -m; "$0" -c "$CONNECTS"; echo "connect ended with $?"'
KEYS = {"INT": b"\x03", "QUIT": b"\x1c", "TSTP": b"\x1a"}


class Terminal:
    """A terminal, and what was written to it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.shown = ""

    def wait_for(self, text: str) -> None:
        while text not in self.shown:
            try:
                chunk = os.read(self._descriptor, 4096)
            except OSError:  # the other end is closed
                chunk = b""
            assert chunk, f"{text!r} did not come:\n{self.shown}"
            self.shown += chunk.decode()

    def press(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)


@pytest.mark.slow
def test_the_keys_that_send_signals_reach_the_session_and_do_not_end_or_stop_cmlkit(tmp_path: Path) -> None:
    program = tmp_path / "toy-shell"
    program.write_text(SESSION)
    program.chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CONNECTS": CONNECTS,
        "TOY_TOKEN": "secret",
        "CMLKIT_RUNNER_CLOUD": "toy",
        "GITHUB_REPOSITORY": "octo/forest",
    }
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execve("/bin/bash", ["bash", "-c", SHELL, sys.executable], environ)
    terminal = Terminal(descriptor)
    try:
        terminal.wait_for("the session is open")
        for name, key in KEYS.items():
            terminal.press(key)
            terminal.wait_for(f"caught {name}")
        terminal.press(b"leave\n")
        terminal.wait_for("connect ended with 7")
    finally:
        os.close(descriptor)
        os.waitpid(child, 0)
    assert "Traceback" not in terminal.shown
    assert "Stopped" not in terminal.shown
