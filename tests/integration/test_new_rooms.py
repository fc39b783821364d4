"""A new cloud, forge, CI or store is a module and a line in a registry: CONTRIBUTING's list, tried with toys."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cmlkit import ci
from cmlkit.__main__ import run
from cmlkit.clouds import CLOUDS, KnownCloud, cloud_for
from cmlkit.forges import FORGES
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.registry.pulling import pull_model
from cmlkit.runner.launch import launch_all
from cmlkit.runner.listing import list_instances
from cmlkit.runner.stopping import stop
from cmlkit.settings.schema import RunnerSpec
from cmlkit.settings.setting import STORE
from cmlkit.settings.stores import STORES, KnownStore
from tests.fake_forge import FakeForge, FastClock
from tests.integration.project import MODEL, Project, project
from tests.toys import cloud as toy_cloud
from tests.toys import forge as toy_forge

RUN = WorkflowRun(repository="octo/demo", run_id="7", attempt=1)
JOB = {"TOY_JOB": "12", "TOY_REPOSITORY": "octo/demo", "TOY_TOKEN": "secret", "PATH": os.environ["PATH"]}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the lines that CONTRIBUTING names."""
    lines: list[tuple[Any, str, object]] = [
        (CLOUDS, "toy", KnownCloud(name="Toy Cloud", module="tests.toys.cloud")),
        (FORGES, "toy", "tests.toys.forge"),
        (ci.WORKPLACES, "toy", ("tests.toys.ci", "ToyCi")),
        (STORES, "toy", KnownStore(module="tests.toys.store", address=r":///[^\s?#]+", form="toy:///folder")),
    ]
    for registry, name, line in lines:
        monkeypatch.setitem(cast("dict[str, object]", registry), name, line)
    for state in (toy_cloud.REGIONS, toy_forge.FORGES, toy_forge.RUNNERS):
        cast("dict[str, object]", state).clear()


def test_a_runner_is_launched_on_a_new_cloud_listed_and_stopped() -> None:
    toy, forge, clock = cloud_for("toy", {"TOY_REGION": "attic"}), FakeForge(), FastClock()
    spec = RunnerSpec(cloud="toy", instance_type=("brick",), idle_timeout=300.0)
    [launched] = launch_all(spec, workflow_run=RUN, forge=forge, cloud_for=toy, clock=clock)
    assert (launched.region, launched.instance_type) == ("attic", "brick")
    assert [instance.id for instance in list_instances(cloud_for=toy, workflow_run=RUN)] == [launched.instance_id]
    removed = stop(workflow_run=RUN, forge=forge, cloud_for=toy, clock=clock)
    assert launched.instance_id in removed.instances
    assert list_instances(cloud_for=toy, workflow_run=RUN) == []


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def test_a_model_is_published_to_a_new_store_and_pulled_from_it(there: Project, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    run = there.trained(0.9)
    content = (there.directory / MODEL).read_bytes()
    published = there.publish(run, store=STORE.parse(f"toy://{folder}/"))
    pointer = there.git("show", f"{published.branch}:{MODEL}")
    assert "toy:///" in pointer
    (there.directory / MODEL).write_text(pointer)
    assert pull_model(there.directory, model=MODEL).store == "toy"
    assert (there.directory / MODEL).read_bytes() == content


def test_a_job_of_a_new_ci_is_told_from_its_environment_and_its_token_is_kept_from_commands() -> None:
    environ = {"TOY_JOB": "12", "TOY_REPOSITORY": "octo/demo", "TOY_TOKEN": "secret", "HOME": "/home"}
    assert ci.workplace(environ).workflow_run() == WorkflowRun(repository="octo/demo", run_id="12")
    assert "TOY_TOKEN" not in ci.for_commands(environ)


def test_the_commands_launch_on_a_new_cloud_for_a_new_forge_and_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["runner", "launch", "--cloud", "toy", "--instance-type", "brick", "--json"], environ=JOB) == 0
    launched = json.loads(capsys.readouterr().out)
    assert launched["instance_type"] == "brick"
    assert run(["runner", "stop", "--cloud", "toy", "--json"], environ=JOB) == 0
    assert json.loads(capsys.readouterr().out)["terminated"] == [launched["instance_id"]]


def test_a_training_is_published_to_a_new_forge_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    forge = toy_forge.FORGES["octo/demo"] = toy_forge.ToyForge(name="octo/demo")
    forge.start({"README.md": b"demo"})
    (tmp_path / "cmlkit.yaml").write_text("train: {model: m.bin, metrics: [metrics.txt], plots: [], data: []}\n")
    assert run(["train", "--run", "echo model >m.bin && echo 'accuracy: 0.9' >metrics.txt"], environ=JOB) == 0
    capsys.readouterr()
    assert run(["publish", "--json"], environ=JOB) == 0
    published = json.loads(capsys.readouterr().out)
    assert published["pull_request_url"] == f"{toy_forge.ROOT}/octo/demo/p/1"
    assert forge.read_file("m.bin", ref=published["branch"]) == b"model\n"
    [comment] = forge.comments(1)
    assert "accuracy" in comment.body
    assert forge.checks == [("cmlkit", "success")]
