"""`cmlkit sandbox` as a process: what it prints, and what it leaves when it is ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.progress import Lines

# Where tests are started in the background, SIGINT is ignored by them and all that they start.
COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from cmlkit.__main__ import main
main()
"""


@contextmanager
def started(*flags: str, files: Path) -> Iterator[subprocess.Popen[str]]:
    """The command; the sandbox's files lie below `files`."""
    command = [sys.executable, "-c", COMMAND, "sandbox", *flags]
    environ = {**os.environ, "TMPDIR": str(files)}
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], last: str) -> list[str]:
    """The lines of standard output as far as one that begins so."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(last):
            break
    return lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_variables_lead_to_it_and_a_signal_ends_it_and_leaves_no_file(tmp_path: Path, number: int) -> None:
    with started("--json", files=tmp_path) as process:
        document = json.loads("".join(until(process, "}")))
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"The sandbox is up at {document['url']}")
        api = document["environment"]["GITHUB_API_URL"]
        request = urllib.request.Request(f"{api}/repos/{document['environment']['GITHUB_REPOSITORY']}")
        request.add_header("Authorization", f"Bearer {document['environment']['CMLKIT_TOKEN']}")
        with urllib.request.urlopen(request) as response:
            assert json.load(response)["html_url"].startswith(document["url"])
        process.send_signal(number)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_comes_before_it_waits_ends_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Lines, "note", lambda self, text: signal.raise_signal(signal.SIGTERM))
    assert run(["sandbox"], environ=os.environ) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_without_json_a_shell_can_take_its_variables(tmp_path: Path) -> None:
    with started(files=tmp_path) as process:
        lines = until(process, "export no_proxy")
    assert "export GITHUB_REPOSITORY=octo/random-forest\n" in lines
    assert all(line.startswith("export ") for line in lines)
