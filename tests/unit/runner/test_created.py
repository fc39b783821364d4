"""The runners and instances that a launch may have created, whatever the cloud answered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete, LaunchRefused, Remedy
from cmlkit.clouds.planning import Image, Subnet
from cmlkit.errors import (
    AnswerLost,
    CmlkitError,
    Conflict,
    NotFound,
    PermissionDenied,
    ServiceError,
    SettingsError,
)
from cmlkit.runner.created import Created
from cmlkit.runner.stopping import Traces

SPEC = InstanceSpec(
    name="cmlkit-x",
    client_token="t",
    instance_type="small",
    market="spot",
    image=Image(id="image", name="", architecture="x86_64", root_device="/dev/sda1", disk_size=8),
    subnet=Subnet(id="subnet", network="network", zone="here-a"),
    security_groups=(),
    user_data=b"",
    disk_size=30,
)
INSTANCE = Instance(
    id="i-1", state="pending", instance_type="small", market="spot", region="here", zone="here-a", launched=0.0
)


@dataclass
class Answering:
    """A cloud that answers each launch with an error, or with an instance."""

    misfit: Exception | None = None
    launch_error: Exception | None = None
    name: str = "Toy"
    region: str = "here"

    def check_spec(self, spec: InstanceSpec) -> None:
        assert spec is SPEC
        if self.misfit:
            raise self.misfit

    def launch(self, spec: InstanceSpec) -> Instance:
        assert spec is SPEC
        if self.launch_error:
            raise self.launch_error
        return INSTANCE


def launch(created: Created, cloud: Any, name: str = "cmlkit-x") -> None:
    with suppress(CmlkitError):
        created.launched(name, cloud, SPEC)


def traces(created: Created, *names: str, clouds: Sequence[Any] = (Answering(),)) -> Traces:
    return created.traces(names or ["cmlkit-x"], clouds=clouds, tags={"cmlkit:run": "77"})


REFUSED = LaunchRefused("It is full.", code="Full", remedy=Remedy.OTHER_PLACE)
LOST = AnswerLost("lost")
INCOMPLETE = LaunchIncomplete(INSTANCE, PermissionDenied("no"))


@pytest.mark.parametrize(
    ("answers", "known", "uncertain"),
    [
        ([None], [INSTANCE], set()),
        ([REFUSED], [], set()),
        ([LOST], [], {"cmlkit-x"}),
        # Its expiry is not seen to, but it is there.
        ([INCOMPLETE], [INSTANCE], set()),
        # A refusal says nothing about an earlier request whose answer was lost.
        ([LOST, REFUSED], [], {"cmlkit-x"}),
        ([LOST, None], [INSTANCE], set()),
        ([LOST, INCOMPLETE], [INSTANCE], set()),
        ([REFUSED, LOST], [], {"cmlkit-x"}),
        ([REFUSED, None], [INSTANCE], set()),
        ([PermissionDenied("no")], [], {"cmlkit-x"}),
    ],
)
def test_an_instance_is_known_or_uncertain_unless_the_cloud_refused_it(
    answers: Sequence[CmlkitError | None], known: list[Instance], uncertain: set[str]
) -> None:
    created, cloud = Created(), Answering()
    for cloud.launch_error in answers:
        launch(created, cloud)
    found = traces(created)
    assert (found.known, found.uncertain, [there.region for there in found.clouds]) == (known, uncertain, ["here"])


def test_an_instance_that_was_launched_is_returned() -> None:
    cloud: Any = Answering()
    assert Created().launched("cmlkit-x", cloud, SPEC) == INSTANCE


@pytest.mark.parametrize("error", [REFUSED, LOST, INCOMPLETE])
def test_an_error_of_the_cloud_is_raised_as_it_is(error: CmlkitError) -> None:
    cloud: Any = Answering(launch_error=error)
    with pytest.raises(type(error)) as raised:
        Created().launched("cmlkit-x", cloud, SPEC)
    assert raised.value is error


def test_what_the_cloud_never_takes_is_not_looked_for() -> None:
    created = Created()
    launch(created, Answering(misfit=SettingsError("too large")))
    assert (traces(created).clouds, traces(created).uncertain) == ([], frozenset())


def test_only_regions_that_were_asked_for_an_instance_are_searched() -> None:
    created = Created()
    launch(created, Answering(region="asked"))
    clouds = traces(created, clouds=[Answering(region="other"), Answering(region="asked")]).clouds
    assert [cloud.region for cloud in clouds] == ["asked"]


@pytest.mark.parametrize(
    ("error", "is_registered"),
    [
        (None, True),
        (PermissionDenied("no"), False),
        (NotFound("no"), False),
        (Conflict("no"), False),
        # The answer may have been lost after the registration.
        (ServiceError("out"), True),
    ],
)
def test_a_runner_is_registered_unless_the_forge_surely_refused_it(
    error: CmlkitError | None, is_registered: bool
) -> None:
    created, raised = Created(), None
    try:
        with created.registering("cmlkit-x"):
            if error:
                raise error
    except CmlkitError as again:
        raised = again
    assert raised is error
    assert traces(created).registered == ({"cmlkit-x"} if is_registered else set())
    assert traces(created).has_runners is is_registered


def test_the_traces_of_some_names_leave_the_others_alone() -> None:
    created = Created()
    for name in ("a", "b"):
        with created.registering(name):
            launch(created, Answering(), name)
        launch(created, Answering(launch_error=LOST), f"{name}-lost")
    found = traces(created, "a", "a-lost")
    assert (found.known, found.uncertain, found.registered) == ([INSTANCE], {"a-lost"}, {"a"})
    assert [found.owns(name) for name in ("a", "a-lost", "b", "b-lost")] == [True, True, False, False]
    # The launch noted all of them, so the cloud need not list the others.
    assert (found.is_complete, found.tags) == (True, {"cmlkit:run": "77"})
    assert not traces(created, "c").has_runners
