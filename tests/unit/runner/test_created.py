"""The runners and instances that a launch may have created, whatever the cloud answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete
from cmlkit.clouds.planning import Image, Subnet
from cmlkit.errors import AnswerLost, PermissionDenied, SettingsError
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
    """A cloud that answers each launch with one error."""

    misfit: Exception | None = None
    launch_error: Exception | None = None
    name: str = "Toy"
    region: str = "here"

    def check_spec(self, spec: InstanceSpec) -> None:
        if self.misfit:
            raise self.misfit

    def launch(self, spec: InstanceSpec) -> Instance:
        if self.launch_error:
            raise self.launch_error
        return INSTANCE


def traces_after(cloud: Answering, raises: type[Exception]) -> Traces:
    created = Created()
    there: Any = cloud
    with pytest.raises(raises):
        created.launched("cmlkit-x", there, SPEC)
    return created.traces(["cmlkit-x"], clouds=[there], tags={})


def test_an_instance_whose_expiry_is_not_seen_to_is_known() -> None:
    incomplete = LaunchIncomplete(INSTANCE, PermissionDenied("no"))
    traces = traces_after(Answering(launch_error=incomplete), LaunchIncomplete)
    assert (list(traces.known), list(traces.uncertain)) == ([INSTANCE], [])


def test_an_instance_of_which_the_answer_was_lost_is_uncertain() -> None:
    traces = traces_after(Answering(launch_error=AnswerLost("lost")), AnswerLost)
    assert (list(traces.known), list(traces.uncertain)) == ([], ["cmlkit-x"])


def test_what_the_cloud_never_takes_is_not_looked_for() -> None:
    traces = traces_after(Answering(misfit=SettingsError("too large")), SettingsError)
    assert (list(traces.clouds), list(traces.uncertain)) == ([], [])
