"""What a publish makes of the champion: history, changed data, and its score on the new test data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmlkit.model.file import write_manifest
from cmlkit.model.manifest import read_manifest
from cmlkit.publishing.marker import marker_in
from cmlkit.publishing.spending import notes_in
from cmlkit.records.training_run import (
    DataFingerprint,
    InstanceFacts,
    Interval,
    Rescored,
    Resources,
)
from tests.integration.project import MODEL, REPOSITORY, STARTED, Project, project

pytestmark = pytest.mark.slow


INSTANCE = InstanceFacts(
    instance_id="i-1", instance_type="t3.medium", market="spot", region="eu-west-1", price=0.1, started=None
)
AN_HOUR = Resources(wall_seconds=3600, cpu_seconds=1, peak_memory_bytes=1)


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


def rescored(champion: str) -> Rescored:
    return Rescored(
        champion=champion,
        metrics={"accuracy": 0.89},
        intervals={"accuracy": Interval(low=-0.01, high=0.05, samples=250)},
    )


def test_a_champion_that_training_scored_is_judged_by_that_score(there: Project) -> None:
    there.merge(there.publish(there.trained(0.95), run_id="1").pull_request_number or 0)
    champion = read_manifest(there.directory / MODEL).sha256
    run = dataclasses.replace(there.trained(0.91), rescored=rescored(champion))
    published = there.publish(run, run_id="2", rules=["accuracy >= champion"])
    assert published.verdict.outcome == "same"
    assert "0.91 against 0.89" in published.verdict.headline
    assert "no difference that 250 samples could show" in published.verdict.headline
    assert "Both models were scored on the same test data." in published.report


def test_a_score_of_another_model_than_the_champion_counts_for_nothing(there: Project) -> None:
    there.merge(there.publish(there.trained(0.95), run_id="1").pull_request_number or 0)
    run = dataclasses.replace(there.trained(0.91), rescored=rescored("0" * 64))
    published = there.publish(run, run_id="2")
    assert published.verdict.outcome == "worse"
    assert "The champion's values are those of its own training" in published.report


@pytest.mark.slow
@pytest.mark.parametrize("on_existing", ["supersede", "keep", "update"])
def test_the_report_says_what_the_published_runs_of_thirty_days_cost(there: Project, on_existing: str) -> None:
    """One of forty days ago does not count, nor does a note that a person copied; an hour costs ten cents."""
    report = ""
    for number, days in enumerate((0, 20, 40, 41), start=1):
        run = dataclasses.replace(
            there.trained(0.9 + number / 100), instance=INSTANCE, resources=AN_HOUR, started=STARTED + days * 86_400
        )
        published = there.publish(run, run_id=str(number), on_existing=on_existing)
        if number == 3:
            copied_by_a_person(there, published.pull_request_number or 0)
        report = published.report
    assert "| Last 30 days | $0.30 for 3 published runs |" in report


def copied_by_a_person(there: Project, number: int) -> None:
    """Open a pull request of a person with the text of cmlkit's own, and one note more than that has."""
    person = there.client(token="ghp_person")
    body = person.pull_request(number).body
    [note, *_] = notes_in(body)
    assert marker_in(body) is not None
    body += f"\n{dataclasses.replace(note, run='99')}"
    head = person.branch_head(person.pull_request(number).head)
    assert head is not None
    person.create_branch("by-hand", head)
    person.create_pull_request(head="by-hand", base="main", title="By hand", body=body, draft=False)


def test_the_failed_runs_of_a_workflow_are_those_that_github_lists(there: Project) -> None:
    hub, repository = there.github.hub, there.repository
    for workflow, conclusion in (("Train", "failure"), ("Train", "success"), ("Lint", "failure")):
        run = hub.start_run(REPOSITORY, workflow=workflow)
        job = hub.queue_job(repository, run, name="train", labels=["x"], steps=[], environ={}, permissions={})
        job.status, job.conclusion, job.completed = "completed", conclusion, "2030-01-01T00:00:00Z"
        run.created = "2029-12-31T23:30:00Z"
    client = there.client(token="ghp_person")
    found = client.failed_runs("Train", since=STARTED)
    assert [item.seconds for item in found] == [1800.0]
    assert client.failed_runs("Train", since=datetime(2029, 12, 31, 23, 45, tzinfo=UTC).timestamp()) == []


def test_the_report_has_the_times_of_the_runs_jobs(there: Project) -> None:
    hub = there.github.hub
    run = hub.start_run(REPOSITORY, workflow="Train")
    with hub.hosted_job(there.repository, run, name="train", step="Run cmlkit/cmlkit@v1") as job:
        begun = datetime.fromisoformat(job.results[0].started)
        job.created = (begun - timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
        trained = dataclasses.replace(there.trained(0.9), started=begun.timestamp())
        published = there.publish(trained, run_id=str(run.id))
    assert published.timeline == {"queue": 90.0, "training": 2.0}
    [comment] = there.comments(published.pull_request_number or 0)
    told = "⏱️ The queue took 1 min 30 s of 1 min 32 s.", "| Time | 1 min 32 s: **queue 1 min 30 s** · training 2 s |"
    assert all(line in text for line in told for text in (comment, published.report))


def test_a_run_without_a_price_costs_no_request(there: Project) -> None:
    def asked(number: int, **known: Any) -> int:
        """How often a publish lists pull requests; that of the first has fewer to look at than those of the others."""
        before = len(there.github.requests)
        there.publish(dataclasses.replace(there.trained(0.9 + number / 100), **known), run_id=str(number))
        return sum(each.method == "GET" and each.path.endswith("/pulls") for each in there.github.requests[before:])

    asked(1)
    without = asked(2)
    assert asked(3, instance=INSTANCE, resources=AN_HOUR) == without + 1
