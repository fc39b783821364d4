"""A developer's machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.ci.base import local_run_id
from cmlkit.ci.local import Local
from cmlkit.progress import Lines


def test_no_two_runs_share_an_id_unless_something_names_them() -> None:
    assert local_run_id("") != local_run_id("")
    assert local_run_id("0a1b2c3d") == "local0a1b2c3d"


def test_nothing_is_handed_on_and_nobody_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Local({"HOME": str(tmp_path)})
    place.write_outputs({"label": "cmlkit-1-1"})
    place.annotate("error", "It failed.", title="cmlkit")
    assert not place.write_summary("# Report")
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_it_is_no_job_and_has_no_run_no_pull_request_and_no_workspace() -> None:
    place = Local({})
    assert (place.is_job, place.has_run, place.pull_request(), place.workspace) == (False, False, None, None)


def test_progress_is_plain_lines_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Local({}).progress()
    assert type(progress) is Lines
    progress.warn("slow")
    assert capsys.readouterr().err == "warning: slow\n"
