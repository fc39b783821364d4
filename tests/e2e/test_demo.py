"""The demo: two days of the reference job, from `cmlkit runner launch` to the page of the pull request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import render_picture
from tests import documented

TUTORIAL = documented.ROOT / "docs" / "tutorial.md"
TIMEOUT_SECONDS = 170
# Parts that last long enough to be shown in every run of the demo.
TIMED = ["launch", "setup", "training", "publish"]


def demonstrated(folder: Path, *, days: int) -> dict[str, Any]:
    """What `cmlkit demo --repeat DAYS --json` prints, and the stages that it tells."""
    answer = subprocess.run(
        [sys.executable, "-m", "cmlkit", "demo", "--repeat", str(days), "--json"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    result: dict[str, Any] = json.loads(answer.stdout)
    return {**result, "stages": answer.stderr}


# One test for all that a demo shows: a run of it takes longer than everything that is asked of it.
@pytest.mark.slow
def test_a_day_of_the_reference_job(tmp_path: Path) -> None:
    demo = demonstrated(tmp_path, days=1)
    every_instance_is_terminated_and_every_runner_gone(demo, runs=1)
    assert demo["verdict"] == "first"
    the_files_of_the_reference_case_are_on_the_branch(demo)
    the_stages_are_told_and_timed(demo)
    the_tutorial_shows_its_stages(demo)
    the_page_stands_alone_with_its_images(tmp_path / demo["page"])
    the_page_has_the_time_from_the_launch_to_the_publishing(tmp_path / demo["page"])
    assert [path.name for path in (tmp_path / "build" / "demo").iterdir()] == ["pull-request.html"]


@pytest.mark.slow
def test_two_days_of_the_reference_job(tmp_path: Path) -> None:
    demo = demonstrated(tmp_path, days=2)
    every_instance_is_terminated_and_every_runner_gone(demo, runs=3)
    the_first_day_has_no_champion_and_the_next_is_compared_with_it(demo)
    the_next_day_has_newer_samples_in_which_one_feature_drifts(tmp_path / demo["page"])
    the_files_of_the_reference_case_are_on_the_branch(demo)
    the_later_run_supersedes_the_earlier_pull_request(demo)
    the_stages_are_told_and_timed(demo)
    the_page_stands_alone_with_its_images(tmp_path / demo["page"])
    the_picture_of_the_readme_shows_the_page(tmp_path / demo["page"])
    assert [path.name for path in (tmp_path / "build" / "demo").iterdir()] == ["pull-request.html"]


def the_picture_of_the_readme_shows_the_page(page: Path) -> None:
    _, shown = render_picture.recorded()
    today = render_picture.shown(page.read_text(encoding="utf-8"))
    # Ids of commits, and the parts of the time that last long enough to be shown, differ between runs.
    today, shown = (
        re.sub(r"(?=[a-f]*\d)[0-9a-f]{7,64}|[^\n]* until this report: .*|⏱️ .*\n", "", text) for text in (today, shown)
    )
    assert documented.normal(today) == documented.normal(shown), "Run: make picture"


def the_tutorial_shows_its_stages(demo: dict[str, Any]) -> None:
    [shown] = [block.text for block in documented.blocks("", pages=[TUTORIAL]) if block.text.startswith("Day 1")]
    told = documented.normal(demo["stages"])
    assert [line for line in documented.normal(shown) if line not in told] == []


def every_instance_is_terminated_and_every_runner_gone(demo: dict[str, Any], *, runs: int) -> None:
    found = [demo, *demo.get("earlier", [])]
    assert len(found) == runs
    assert {run["instance_state"] for run in found} == {"terminated"}
    assert {run["runner_registered"] for run in found} == {False}
    assert len({run["instance_id"] for run in found}) == runs
    assert all(run["cost_usd"] > 0 for run in found)


def the_first_day_has_no_champion_and_the_next_is_compared_with_it(demo: dict[str, Any]) -> None:
    first, second = demo["earlier"]
    assert first["verdict"] == "first"
    assert {second["verdict"], demo["verdict"]} <= {"better", "same", "worse"}


def the_next_day_has_newer_samples_in_which_one_feature_drifts(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert "1 of its 21 columns has moved: " in page
    assert "*_features.csv: 8" in page


def the_files_of_the_reference_case_are_on_the_branch(demo: dict[str, Any]) -> None:
    wanted = {"model/random_forest.joblib", "model/metrics.txt", "model/confusion_matrix.png"}
    assert wanted <= set(demo["files"])
    assert 0.8 <= demo["metrics"]["Accuracy"] <= 1


def the_later_run_supersedes_the_earlier_pull_request(demo: dict[str, Any]) -> None:
    numbers = [int(run["pull_request_url"].rpartition("/")[2]) for run in (*demo["earlier"], demo)]
    assert len(set(numbers)) == 3
    assert demo["superseded"] == [numbers[1]]


def the_page_stands_alone_with_its_images(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert 'src="http' not in page
    assert "Accuracy" in page


def the_page_has_the_time_from_the_launch_to_the_publishing(path: Path) -> None:
    [told] = re.findall(
        r"^Time\n.* until this report: (.*)$", render_picture.shown(path.read_text("utf-8")), re.MULTILINE
    )
    names = re.findall(r"(?:^| · )([a-z ]+) \d", told)
    # A part that takes next to no time, as publishing may on a fast machine, is among the rest.
    assert [name for name in names if name in TIMED] in (TIMED, TIMED[:-1])


def the_stages_are_told_and_timed(demo: dict[str, Any]) -> None:
    assert set(demo["seconds"]) == {"launch", "train and publish", "power off", "stop"}
    assert "Launching an instance" in demo["stages"]
    assert "127.0.0.1" not in demo["stages"], "an address that is gone"
