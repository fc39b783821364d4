"""The list of instances: all that may cost money, of all regions, oldest first."""

from __future__ import annotations

import pytest

from cmlkit.errors import ServiceError
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.listing import list_instances
from tests.fake_cloud import FakeCloud

RUN = WorkflowRun(repository="octo/forest", run_id="77", attempt=1)
OURS = {"cmlkit:run": "77", "cmlkit:repository": "octo/forest"}


def regions() -> dict[str, FakeCloud]:
    here, there = FakeCloud("here"), FakeCloud("there")
    here.add("late", tags=OURS, launched=9.0)
    here.add("ending", tags=OURS, launched=5.0, state="shutting-down")
    here.add("ended", tags=OURS, launched=1.0, state="terminated")
    here.add("somebody's", tags={"Name": "web"})
    there.add("early", tags=OURS | {"cmlkit:run": "76"}, launched=2.0)
    there.add("of another repository", tags=OURS | {"cmlkit:repository": "octo/other"}, launched=3.0)
    return {"": here, "here": here, "there": there}


@pytest.mark.parametrize(
    ("asked", "run", "repository", "names"),
    [
        ((), None, "", ["ending", "late"]),
        (("here", "there"), None, "", ["early", "of another repository", "ending", "late"]),
        (("here", "there"), None, "octo/forest", ["early", "ending", "late"]),
        (("here", "there"), RUN, "", ["ending", "late"]),
        (("there",), RUN, "", []),
    ],
)
def test_it_has_the_instances_that_have_not_ended(
    asked: tuple[str, ...], run: WorkflowRun | None, repository: str, names: list[str]
) -> None:
    found = list_instances(cloud_for=regions().__getitem__, regions=asked, workflow_run=run, repository=repository)
    assert [instance.name for instance in found] == names


def test_a_region_that_cannot_be_asked_is_an_error_and_not_an_empty_list() -> None:
    known = regions()
    known["there"].errors["instances"] = [ServiceError("there is out")]
    with pytest.raises(ServiceError, match="there is out"):
        list_instances(cloud_for=known.__getitem__, regions=("here", "there"))
