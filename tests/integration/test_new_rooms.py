"""A new cloud, CI or store is a module and a line in a registry: CONTRIBUTING's list, tried with toys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cmlkit import ci
from cmlkit.clouds import CLOUDS, KnownCloud, cloud_for
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

RUN = WorkflowRun(repository="octo/demo", run_id="7", attempt=1)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the lines that CONTRIBUTING names."""
    lines: list[tuple[Any, str, object]] = [
        (CLOUDS, "toy", KnownCloud(name="Toy Cloud", module="tests.toys.cloud")),
        (ci.WORKPLACES, "toy", ("tests.toys.ci", "ToyCi")),
        (STORES, "toy", KnownStore(module="tests.toys.store", address=r":///[^\s?#]+", form="toy:///folder")),
    ]
    for registry, name, line in lines:
        monkeypatch.setitem(cast("dict[str, object]", registry), name, line)


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
