"""The caches that a run may use. Events and rules are those of GitHub's documentation of its own cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.records.workflow_run import Trigger, WorkflowRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.cache.scope import Scope, address, cache_key, scope_of

SPEC = TrainSpec(
    setup="pip install uv && uv pip install -r ml/packages.txt && python get_data.py",
    run="python train.py",
    cache=("~/.cache/uv",),
    cache_store="s3://bucket/prefix",
)
SYSTEM = {"system": "Linux", "machine": "x86_64"}
NOVEMBER_30, DECEMBER_1 = 1796083199.0, 1796083200.0


def run(trigger: Trigger, *, from_fork: bool = False, default: str = "main") -> WorkflowRun:
    return WorkflowRun(
        repository="octo/forest", run_id="1", from_fork=from_fork, trigger=trigger, default_branch=default
    )


@pytest.mark.parametrize(
    ("trigger", "own", "readable"),
    [
        (Trigger(kind="branch", branch="main"), "main", ("main",)),
        (Trigger(kind="branch", branch="deeper"), "deeper", ("deeper", "main")),
        (Trigger(kind="pull-request", branch="deeper", base="next"), "deeper", ("deeper", "next", "main")),
        (Trigger(kind="merged", branch="deeper", base="main"), "", ("main",)),
        (Trigger(kind="queue", base="main"), "", ("main",)),
        (Trigger(kind="tag"), "", ("main",)),
    ],
    ids=lambda value: value.kind if isinstance(value, Trigger) else "",
)
def test_a_run_reads_the_caches_of_its_branches_and_writes_only_its_own(
    trigger: Trigger, own: str, readable: tuple[str, ...]
) -> None:
    assert scope_of(run(trigger)) == Scope(own=own, readable=readable)


def test_the_default_branch_reads_no_cache_of_another() -> None:
    scope = scope_of(run(Trigger(kind="branch", branch="main")))
    assert scope.readable == ("main",)


@pytest.mark.parametrize(
    ("found", "because"),
    [
        (run(Trigger(kind="fork", base="main"), from_fork=True), "a pull request from a fork"),
        (run(Trigger(kind="fork")), "a pull request from a fork"),
        (run(Trigger(kind="pull-request", branch="main"), from_fork=True), "a pull request from a fork"),
        (run(Trigger(kind="pull-request", branch="dependabot/pip/x", reads_only="Dependabot")), "Dependabot"),
        (run(Trigger(kind="discussion", branch="main", issue=7)), "does not tell"),
        (run(Trigger()), "does not tell"),
    ],
    ids=["fork", "run after a fork's", "looked up later", "Dependabot", "a comment on a pull request", "unknown"],
)
def test_code_of_unknown_origin_neither_reads_nor_writes_a_cache(found: WorkflowRun, because: str) -> None:
    scope = scope_of(found)
    assert because in scope.refused
    assert (scope.own, scope.readable) == ("", ())


def test_each_branch_has_an_address_of_its_own_below_the_repository() -> None:
    of = {branch: address("s3://b/p", run(Trigger()), branch, "2026-11/k") for branch in ("a/cache", "a", "a%2Fcache")}
    assert of["a/cache"] == "s3://b/p/octo/forest/cache/a%2Fcache/2026-11/k"
    assert len(set(of.values())) == 3


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "uv.lock", "ml/packages.txt", "get_data.py", "train.py", "dvc.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    return tmp_path


def key(project: Path, spec: TrainSpec = SPEC, now: float = NOVEMBER_30, system: dict[str, str] = SYSTEM) -> str:
    return cache_key(spec, project, now=now, system=system)


@pytest.mark.parametrize("changed", ["requirements.txt", "uv.lock", "ml/packages.txt", "get_data.py"])
def test_another_list_of_packages_or_setup_script_has_another_cache(changed: str, project: Path) -> None:
    before = key(project)
    (project / changed).write_text("two")
    assert key(project) != before


@pytest.mark.parametrize("changed", ["train.py", "dvc.lock", "README.md"])
def test_other_changes_keep_the_cache(changed: str, project: Path) -> None:
    before = key(project)
    (project / changed).write_text("two")
    assert key(project) == before


def test_a_new_month_begins_with_an_empty_cache(project: Path) -> None:
    before, after = key(project), key(project, now=DECEMBER_1)
    assert (before.partition("/")[0], after.partition("/")[0]) == ("2026-11", "2026-12")


def test_other_places_setups_and_machines_have_other_caches(project: Path) -> None:
    further = TrainSpec(setup=SPEC.setup, run=SPEC.run, cache=("~/.cache/uv", "data/"), cache_store=SPEC.cache_store)
    bare = TrainSpec(run=SPEC.run, cache=SPEC.cache, cache_store=SPEC.cache_store)
    keys = [key(project), key(project, further), key(project, bare), key(project, system={"machine": "aarch64"})]
    assert len(set(keys)) == 4


def test_no_file_outside_of_the_project_counts(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "list.txt"
    outside.write_text("one")
    spec = TrainSpec(setup=f"cat {outside} ../list.txt", run="x", cache=("data",), cache_store="s3://bucket/p")
    before = key(project, spec)
    outside.write_text("two")
    assert key(project, spec) == before
