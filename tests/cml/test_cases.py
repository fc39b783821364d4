"""Workflows written for CML, run with one word changed; each file of `cases/` is one test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cmlkit_sandbox import Sandbox
from tests.cml.case import Case, all_cases
from tests.cml.expectation import compare
from tests.cml.forge import Forge
from tests.cml.given_files import write_files
from tests.cml.play import Play

CASES = [pytest.param(case, id=case.name, marks=() if case.quick else pytest.mark.slow) for case in all_cases()]


@pytest.mark.parametrize("case", CASES)
def test_a_workflow_written_for_cml(case: Case, tmp_path: Path) -> None:
    source, desks = tmp_path / "source", tmp_path / "desks"
    for folder in (source, desks):
        folder.mkdir()
    write_files(case.files, source)
    with Sandbox(tmp_path / "sandbox", source=source, boot=case.launches) as sandbox:
        play = Play(case=case, forge=Forge(sandbox=sandbox, desks=desks), folder=tmp_path / "runs")
        play.run()
        compare(play)
    shutil.rmtree(tmp_path)
