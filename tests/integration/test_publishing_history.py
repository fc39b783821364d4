"""The report's history and what changed since the champion, read from a real repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.model import write_manifest
from cmlkit.run import DataFingerprint
from tests.integration.project import MODEL, Project, project


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def test_the_report_has_the_models_that_the_base_branch_held(there: Project) -> None:
    for run_id, accuracy in (("1", 0.90), ("2", 0.95)):
        there.merge(there.publish(there.trained(accuracy), run_id=run_id).pull_request_number or 0)
    report = there.publish(there.trained(0.92), run_id="3").report
    assert "History (3 models)" in report
    assert "| accuracy | ▁█▄ | 0.9 | 0.95 | 0.92 |" in report


def test_a_first_model_has_no_history(there: Project) -> None:
    assert "History" not in there.publish(there.trained(0.9)).report


def test_the_report_says_what_data_changed_since_the_champion(there: Project) -> None:
    for run_id, rows in (("1", 1_000), ("2", 1_100)):
        data = (DataFingerprint(path="data/train.csv", sha256=f"{rows:064x}", size=rows, rows=rows, columns=3),)
        run = dataclasses.replace(there.trained(rows / 2_000), data=data)
        write_manifest(there.directory / MODEL, metrics=run.metrics, data=data)
        published = there.publish(run, run_id=run_id)
        if run_id == "1":
            there.merge(published.pull_request_number or 0)
    assert "| +100 rows |" in published.report
