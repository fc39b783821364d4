"""What a publish decides before and beside its writes: with git and DVC's files on disk, and a forge in memory."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cmlkit.errors import Conflict, MetricsError, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.base import Changes, NewPullRequest, PullRequest
from cmlkit.publishing.publication import Publication
from cmlkit.publishing.publish import PAUSES_WHEN_OVERTAKEN, publish
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import Trigger, WorkflowRun
from cmlkit.settings.schema import GateSpec, PublishSpec
from tests.fake_forge import FastClock
from tests.unit.publishing.in_memory import METRICS, MODEL, Heard, ToldForge, Workshop

DENIED = PermissionDenied("GitHub refused it: 403 Resource not accessible by integration.")
FORK = "This pull request comes from a fork, so its token may only read"
DEPENDABOT = "Dependabot started this run, so its token may only read"


@dataclass
class Staged(Heard):
    """Keeps the stages too, with what was said in each."""

    stages: list[tuple[str, list[str]]] = field(default_factory=list)

    @contextmanager
    def stage(self, title: str) -> Iterator[Callable[[str], None]]:
        self.stages.append((title, []))
        yield self.stages[-1][1].append


@dataclass
class Moving(ToldForge):
    """A forge on which something happens between a plan and its first write, once."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    uploads: list[tuple[set[str], str]] = field(default_factory=list)
    known: list[object] = field(default_factory=list)
    asked_for: list[NewPullRequest | None] = field(default_factory=list)

    def check_start(self, commit: str) -> None:
        self.started.append(commit)
        if self.meanwhile:
            self.meanwhile.pop()()

    def upload(self, changes: Changes, *, parent: str) -> None:
        self.uploads.append(({file.path for file in changes.files}, parent))
        self.known.append(changes.known)

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        if not is_new and self.branches[branch] != parent:
            raise Conflict("The branch has moved.")
        made = super().commit(changes, branch=branch, parent=parent, is_new=is_new)
        for number, pull in self.pulls.items():
            self.pulls[number] = dataclasses.replace(pull, head_sha=made if pull.head == branch else pull.head_sha)
        return made

    def commit_and_open(
        self, changes: Changes, *, branch: str, parent: str, pull_request: NewPullRequest
    ) -> tuple[str, PullRequest | None]:
        self._meet("commit")
        self.asked_for.append(pull_request)
        return super().commit_and_open(changes, branch=branch, parent=parent, pull_request=pull_request)


@dataclass(kw_only=True)
class Job(Workshop):
    """A workshop in which the whole of a publish runs."""

    forge: Moving = field(default_factory=lambda: Moving("octo/forest"))
    heard: Staged = field(default_factory=Staged)

    def runs(
        self, run: TrainingRun, *, run_id: str = "100", facts: Mapping[str, Any] | None = None, **given: Any
    ) -> Publication:
        names = ("rules", "gate", "prefix", "directory", "clock")
        options = {name: given.pop(name) for name in names if name in given}
        workflow_run = WorkflowRun(
            repository="octo/forest",
            run_id=run_id,
            sha=self.forge.branches["main"],
            server_url="https://forge.example",
            **facts or {},
        )
        options = {"directory": self.directory, "progress": self.heard, "clock": FastClock(), **options}
        return publish(run, spec=PublishSpec(**given), forge=self.forge, workflow_run=workflow_run, **options)

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.directory, check=True, capture_output=True)


@pytest.fixture
def job(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    # Elsewhere than the working directory, so that git must be told where to look.
    monkeypatch.chdir(checkout.parent)
    return Job(directory=checkout)


def test_a_publish_tells_its_stages_and_what_came_of_each(job: Job) -> None:
    published = job.runs(job.trained(0.9), rules=("accuracy >= 0.5",))
    said = {title: words[-1:] for title, words in job.heard.stages}
    assert said == {
        "Judge the model": [published.verdict.headline],
        "Store the model": [],
        "Upload the files": [],
        "Commit the result": [f"{published.commit_sha[:12]} on cmlkit/main/100"],
        "Open the pull request": [published.pull_request_url],
        "Report and settle": [],
    }
    assert (job.heard.warnings, job.heard.notes) == ([], [])
    assert job.forge.started == [job.forge.branches["main"]]


def test_what_a_publish_returns_is_what_the_forge_has(job: Job) -> None:
    published = job.runs(job.trained(0.9))
    [pull] = job.forge.pull_requests()
    assert published.changed
    assert (published.branch, published.commit_sha) == ("cmlkit/main/100", job.forge.branches["cmlkit/main/100"])
    assert set(published.files) == set(job.forge.commits[published.commit_sha].files) - {"train.py"}
    assert published.files[0] == MODEL
    assert published.model_path == MODEL
    assert (published.pull_request_number, published.pull_request_url) == (pull.number, pull.url)
    assert published.comment_url == job.forge.all_comments[0].url
    assert published.check_url == "toy://forge/k/1"
    assert job.forge.uploads == [(set(published.files) - {f"{MODEL}.md"}, job.forge.branches["main"])]


@pytest.mark.parametrize("draft", [True, False])
@pytest.mark.parametrize("comment", ["update", "none"])
def test_the_pull_request_is_asked_for_with_the_commit_unless_it_has_the_report(
    job: Job, comment: str, draft: bool
) -> None:
    job.runs(job.trained(0.9), comment=comment, draft=draft)
    [pull] = job.forge.pull_requests()
    new = NewPullRequest(base="main", title=pull.title, body=pull.body, draft=draft)
    assert job.forge.asked_for == ([] if comment == "none" else [new])


def test_a_file_that_the_base_has_is_not_sent_again(job: Job) -> None:
    job.merge(job.runs(job.trained(0.9)).pull_request_number or 0)
    there = job.forge.tree_files(job.forge.branches["main"], [METRICS])
    job.runs(job.trained(0.95), run_id="101")
    known = job.forge.known[-1]
    assert isinstance(known, frozenset)
    assert {file.blob for file in there.values()} <= known


def test_a_model_that_the_base_has_already_is_not_published_again(job: Job) -> None:
    job.merge(job.runs(job.trained(0.9)).pull_request_number or 0)
    found = job.runs(job.trained(0.9), run_id="101", rules=("accuracy >= 0.95",))
    note = "Nothing changed: main holds the same model, metrics and plots. Nothing is published."
    assert (found.changed, found.verdict.accepted, found.branch) == (False, False, "")
    assert found.report.startswith(f"> {note}\n\n## ")
    assert job.heard.notes == [note]
    assert len(job.forge.pulls) == 1


@pytest.mark.parametrize(("rules", "is_published"), [(("accuracy >= 0.5",), True), (("accuracy >= 0.95",), False)])
def test_a_rejected_model_is_not_published_if_the_settings_say_so(
    job: Job, rules: tuple[str, ...], is_published: bool
) -> None:
    found = job.runs(job.trained(0.9), rules=rules, on_rejected="skip")
    note = "The gate rejected the model: nothing is published."
    assert found.changed
    assert bool(job.forge.pulls) is found.verdict.accepted is is_published
    assert "(https://forge.example/octo/forest/actions/runs/100)" in found.report
    assert found.report.startswith(f"> {note}\n\n## ") is not is_published
    assert job.heard.notes == ([] if is_published else [note])


def test_the_gate_of_the_settings_comes_before_rules_alone(job: Job) -> None:
    gate = GateSpec.of_rules(("accuracy >= 0.95",))
    assert not job.runs(job.trained(0.9), gate=gate, rules=("accuracy >= 0.5",)).verdict.accepted


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (
            {"from_fork": True, "pull_request": 7, "trigger": Trigger(kind="fork", base="main")},
            "The pull request #7 comes from a fork: octo/forest has no branch of it that a result could be merged into",
        ),
        ({"from_fork": True, "pull_request": 7}, FORK),
        ({"from_fork": True, "trigger": Trigger(kind="fork", base="main", reads_only="Dependabot")}, DEPENDABOT),
        ({"from_fork": True, "trigger": Trigger(kind="fork", base="main", reads_only="fork")}, FORK),
    ],
)
def test_for_a_forks_pull_request_there_is_the_report_and_nothing_else(
    job: Job, facts: Mapping[str, Any], why: str
) -> None:
    found = job.runs(job.trained(0.9), facts=facts, rules=("accuracy >= 0.5",))
    assert found.verdict.accepted
    note = f"{why}: nothing but this report is written. See docs/how-to/comment-on-forks.md."
    assert found.report.startswith(f"> {note}\n\n## ")
    assert (found.changed, found.branch, job.forge.pulls) == (True, "", {})
    assert job.heard.notes == [note]


@pytest.mark.parametrize(
    ("facts", "base", "why"),
    [
        ({"from_fork": True, "trigger": Trigger(kind="fork", base="main")}, "main", FORK),
        ({"trigger": Trigger(kind="branch", branch="main", reads_only="Dependabot")}, "", DEPENDABOT),
        ({"trigger": Trigger(kind="branch", branch="main")}, "", ""),
    ],
)
def test_a_token_that_may_not_write_is_an_error_unless_it_is_one_that_may_only_read(
    job: Job, facts: Mapping[str, Any], base: str, why: str
) -> None:
    job.forge.failures["commit"] = DENIED
    if why:
        found = job.runs(job.trained(0.9), facts=facts, base=base, rules=("accuracy >= 0.5",))
        assert found.verdict.accepted
        assert found.report.startswith(f"> {why}: nothing but this report is written. See ")
        assert "## " in found.report
        assert job.heard.notes == [found.report.partition("\n")[0].removeprefix("> ")]
    else:
        with pytest.raises(PermissionDenied):
            job.runs(job.trained(0.9), facts=facts, base=base)


def test_a_run_that_is_overtaken_while_it_writes_is_judged_and_placed_again(job: Job) -> None:
    settings: Mapping[str, Any] = {"branch": "daily", "on_existing": "update", "rules": ("accuracy >= 0.5",)}
    job.runs(job.trained(0.8), run_id="99", **settings)
    other = Job(directory=job.directory.parent / "other", forge=job.forge)
    other.directory.mkdir()
    run = job.trained(0.9)
    job.forge.meanwhile = [lambda: other.runs(other.trained(0.95), run_id="101", **settings)]
    found = job.runs(run, run_id="100", **settings)
    assert found.branch == "daily-100-1"
    assert job.heard.notes == [
        "Another run has written its model to the branch 'daily'. The result is judged and placed again."
    ]
    aside, *_ = job.heard.warnings
    assert aside.startswith("#1 has the model of a newer run, and stays as it is: this result is on daily-100-1.")
    assert found.report.startswith("> #1 has the model of a newer run, and stays as it is: this result is on `daily-")
    assert found.verdict.rules[0].text == "accuracy >= 0.5"


def test_a_forge_that_keeps_listing_an_old_head_ends_the_publish_and_nothing_is_overwritten(job: Job) -> None:
    settings: Mapping[str, Any] = {"branch": "daily", "on_existing": "update"}
    first = job.runs(job.trained(0.8), run_id="99", **settings)
    newer = job.runs(job.trained(0.95), run_id="101", **settings)
    job.forge.pulls[1] = dataclasses.replace(job.forge.pulls[1], head_sha=first.commit_sha)
    clock = FastClock()
    with pytest.raises(Conflict, match="Another run has written its model to the branch 'daily'"):
        job.runs(job.trained(0.9), run_id="100", clock=clock, **settings)
    assert clock.slept == list(PAUSES_WHEN_OVERTAKEN)
    assert job.forge.branches["daily"] == newer.commit_sha


def test_a_metric_that_is_no_number_is_refused_before_anything_is_written(job: Job) -> None:
    run = job.trained(0.9)
    with pytest.raises(MetricsError, match="^The run's metrics"):
        publish(
            TrainingRun(**{**run.__dict__, "metrics": {"accuracy": float("nan")}}),
            spec=PublishSpec(),
            directory=job.directory,
            forge=job.forge,
            workflow_run=job.workflow_run("100"),
        )
    assert set(job.forge.branches) == {"main"}


def test_progress_clock_and_rules_need_not_be_given(job: Job) -> None:
    found = publish(
        job.trained(0.9),
        spec=PublishSpec(),
        directory=job.directory,
        forge=job.forge,
        workflow_run=job.workflow_run("100"),
    )
    assert found.pull_request_number == 1


def test_in_a_folder_of_the_repository_paths_begin_with_it(job: Job) -> None:
    """The run's own paths are relative to the working directory."""
    inner = Job(directory=job.directory / "pkg", forge=job.forge, heard=job.heard)
    inner.directory.mkdir()
    found = inner.runs(inner.trained(0.9), prefix=PurePosixPath("pkg"))
    assert found.model_path == f"pkg/{MODEL}"
    written = (MODEL, f"{MODEL}.json", f"{MODEL}.md", METRICS, "model/.gitattributes")
    assert set(found.files) == {f"pkg/{path}" for path in written}
    assert "cd pkg" in job.forge.all_comments[0].body


PIPELINE = "stages:\n  train:\n    cmd: python train.py\n    outs:\n      - {model}:\n          cache: {cache}\n"


def with_pipeline(job: Job, *, cache: bool) -> TrainingRun:
    run = job.trained(0.9)
    text = PIPELINE.format(model=MODEL, cache=str(cache).lower())
    (job.directory / "dvc.yaml").write_text(text)
    return run


def test_a_model_that_a_pipeline_writes_without_dvcs_cache_cannot_be_dvcs(job: Job) -> None:
    run = with_pipeline(job, cache=False)
    with pytest.raises(SettingsError) as caught:
        job.runs(run, store="dvc")
    assert caught.value.message == (
        f"{MODEL} is an output of dvc.yaml with cache: false, which DVC gives no .dvc file."
    )
    assert caught.value.next_step == (
        "Leave out cache: false there, and DVC keeps the model; or set publish.store to git or lfs."
    )
    assert set(job.forge.branches) == {"main"}


def test_a_model_that_a_pipeline_writes_without_dvcs_cache_is_committed(job: Job) -> None:
    found = job.runs(with_pipeline(job, cache=False))
    assert job.forge.commits[found.commit_sha].files[MODEL] == b"model of 0.9"
    assert not any("dvc.yaml" in warning for warning in job.heard.warnings)


@pytest.mark.parametrize("store", ["git", "lfs"])
def test_a_model_that_the_repository_gives_to_git_lfs_goes_there(job: Job, store: str) -> None:
    job.git("init", "--quiet")
    (job.directory / ".gitattributes").write_text("*.joblib filter=lfs diff=lfs merge=lfs -text\n")
    stopped = job.forge.failures["git_access"] = ServiceError("There is no Git LFS here.")
    with pytest.raises(ServiceError) as caught:
        job.runs(job.trained(0.9), store=store)
    assert caught.value is stopped
    assert set(job.forge.branches) == {"main"}
