"""Downloads of the boot script, from servers that trickle or do not end, by curl and by Python."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

import cmlkit.runner
from tests.hostile_server import HostileServer, Reply, head, hostile_server, without_end

LIFE = (Path(cmlkit.runner.__file__).parent / "life.sh").read_text(encoding="utf-8")
WITHOUT_CURL = "command() { return 1; }"


def part(pattern: str) -> str:
    """Return the first part of the script that a pattern finds."""
    found = re.search(pattern, LIFE, re.DOTALL | re.MULTILINE)
    assert found
    return found[0]


def run(*lines: str) -> int:
    request, download = part(r"^request\(\) \{.*?^\}$"), part(r"^download\(\) \{.*?^\}$")
    variables = part(r"^DOWNLOAD_KIB=.*?^'$")
    script = [variables, "say() { :; }", request, download, *lines]
    return subprocess.run(["bash", "-c", "\n".join(script)], check=False, timeout=60, capture_output=True).returncode


def trickling(there: HostileServer) -> Reply:
    def reply(request: str) -> Iterable[bytes]:
        yield head(Content_Length=100_000)
        yield from there.slowly(b" " * 100_000)

    return reply


@pytest.mark.parametrize("program", ["", WITHOUT_CURL], ids=["curl", "python"])
def test_an_answer_that_trickles_ends_with_its_time(program: str) -> None:
    with hostile_server(trickling) as there:
        assert run(program, f"request GET {there.url} 'Accept: text/plain' 0.3") != 0


@pytest.mark.parametrize("program", ["", WITHOUT_CURL], ids=["curl", "python"])
def test_a_download_without_an_end_does_not_fill_the_disk(program: str, tmp_path: Path) -> None:
    with hostile_server(without_end) as there:
        assert run(program, "DOWNLOAD_KIB=1024", f"download {there.url} {tmp_path / 'archive'}") != 0
    assert (tmp_path / "archive").stat().st_size <= 1024**2
