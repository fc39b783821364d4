"""Each page's commands, typed one after the other as they stand there."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.sandbox import Sandbox
from tests import documented

PAGES_WITH_COMMANDS = [
    page
    for page in documented.PAGES
    if documented.commands([page]) and page.relative_to(documented.ROOT) != Path("docs/reference/commands.md")
]
# What is not for a test to type, and where else it is tried.
ELSEWHERE = {
    "cmlkit model verify --attestation model/random_forest.joblib": "needs an attestation: test_commands.py",
    "cmlkit init --example": "belongs into a folder of its own: test_init.py",
    "cmlkit sandbox": "stays up until it is told to end: test_sandbox.py",
}
SETTINGS = """\
train:
  run: "mkdir -p model; echo 'Accuracy: 0.97' >model/metrics.txt; echo weights >model/random_forest.joblib"
  plots: []
  data: []
"""


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: str(page.relative_to(documented.ROOT)))
def test_the_commands_of_a_page_work_in_their_order(page: Path, sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "cmlkit.yaml").write_text(SETTINGS)
    typed = [words for words in documented.commands([page]) if shlex.join(words) not in ELSEWHERE]
    assert {shlex.join(words): run(words[1:], environ=os.environ) for words in typed} == {
        shlex.join(words): 0 for words in typed
    }
