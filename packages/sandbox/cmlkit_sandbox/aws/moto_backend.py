"""moto, which holds the state of the sandbox's AWS: the only module that touches its objects."""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cmlkit_sandbox.aws import images
from cmlkit_sandbox.aws.account import ACCOUNT
from cmlkit_sandbox.aws.answer import Answer, Refusal
from cmlkit_sandbox.aws.call import Call

STATE_CODES: Mapping[str, int] = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}

_log = logging.getLogger(__name__)


# What never changes, and takes moto a second each time.
_CATALOGUE = ("DescribeInstanceTypes", "DescribeInstanceTypeOfferings")
_catalogue: dict[tuple[object, ...], Answer] = {}
# Headers of an answer that belong to the connection, or that the server itself writes.
_CONNECTION = frozenset({"connection", "content-type", "date", "keep-alive", "server", "transfer-encoding"})


class Moto:
    """An empty moto. Its state is global to the process, so only one can exist at a time.

    Attributes:
        lock: Held while moto's objects are used, which are not thread-safe.
    """

    def __init__(self) -> None:
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.lock = threading.RLock()
        # Its own 1,300 images take moto a third of a second in each region, and it cannot be told in another way that
        # those of images.py are enough.
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        BackendDict.reset()
        reset_model_data()
        self._app: Any = DomainDispatcherApplication(create_backend_app)
        self._furnished: set[tuple[str, str]] = set()

    def answer(self, call: Call) -> Answer:
        """Return moto's answer."""
        if call.action not in _CATALOGUE:
            return self._forward(call)
        key = (call.region, call.action, *sorted(call.parameters.items()))
        if key not in _catalogue:
            _catalogue[key] = self._forward(call)
        return _catalogue[key]

    def instance(self, region: str, instance_id: str) -> Any:
        """Return moto's object; None if missing."""
        return self._backend("ec2", region).get_instance_by_id(instance_id)

    def forget(self, region: str, instance_id: str) -> None:
        """Remove an instance from DescribeInstances, and its reservation if that is then empty."""
        reservations = self._backend("ec2", region).reservations
        for key, reservation in list(reservations.items()):
            reservation.instances = [item for item in reservation.instances if item.id != instance_id]
            if not reservation.instances:
                del reservations[key]

    def set_state(self, region: str, instance_id: str, name: str) -> None:
        state = self.instance(region, instance_id)._state
        state.name, state.code = name, STATE_CODES[name]

    def explain(self, region: str, instance_id: str, *, code: str, message: str, transition: str) -> None:
        """Set why an instance is in its state."""
        from moto.ec2.models.instances import StateReason

        instance = self.instance(region, instance_id)
        instance.state_reason = StateReason(message, code)
        instance._reason = transition

    def instance_type(self, name: str) -> Mapping[str, Any] | None:
        """Return the type's description from DescribeInstanceTypes; None if unknown."""
        from moto.ec2.models.instance_types import INSTANCE_TYPES

        found: Mapping[str, Any] | None = INSTANCE_TYPES.get(name)
        return found

    def zones_offering(self, region: str, instance_type: str) -> list[str]:
        """Return the availability zones that offer a type; every zone of the region if moto does not know."""
        from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

        offered = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
        return sorted(str(item["Location"]) for item in offered if item["InstanceType"] == instance_type)

    def image(self, region: str, image_id: str) -> Any:
        return self._backend("ec2", region).amis.get(image_id)

    def subnet_zone(self, region: str, subnet_id: str) -> str:
        """Return the zone of a subnet; empty if it does not exist."""
        for subnets in self._backend("ec2", region).subnets.values():
            if subnet_id in subnets:
                return str(subnets[subnet_id].availability_zone)
        return ""

    def schedules(self) -> Iterator[tuple[str, Any, Any]]:
        """Return (region, group, schedule) for each schedule of EventBridge Scheduler."""
        for region, backend in list(self._backends("scheduler").items()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    yield region, group, schedule

    def _forward(self, call: Call) -> Answer:
        given: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *rest: object) -> None:
            given.update(status=int(status.split()[0]), headers=headers)

        with self.lock:
            self.furnish(call)
            environ = {**call.environ, "wsgi.input": io.BytesIO(call.body), "CONTENT_LENGTH": str(len(call.body))}
            try:
                content = b"".join(self._app(environ, start_response))
            except Exception as error:
                _log.exception("moto failed at %s", call.action)
                raise Refusal("InternalError", f"moto failed: {error}", status=500) from error
        headers = [(name.lower(), value) for name, value in given["headers"]]
        own = _CONNECTION if call.environ["REQUEST_METHOD"] == "HEAD" else {*_CONNECTION, "content-length"}
        return Answer(
            status=given["status"],
            media_type=dict(headers).get("content-type", "text/xml"),
            content=content,
            headers=tuple((name, value) for name, value in headers if name not in own),
        )

    def _backends(self, service: Any) -> Any:
        from moto.backends import get_backend

        return get_backend(service)[ACCOUNT]

    def _backend(self, service: str, region: str) -> Any:
        return self._backends(service)[region]

    def furnish(self, call: Call) -> None:
        """Add the public images and their parameters to a region on its first use."""
        place = (call.service, call.region)
        if call.service not in ("ec2", "ssm", "sts") or place in self._furnished:
            return
        if call.region not in self._backends("ec2") or _must_be_enabled(call.region):
            raise _not_enabled(call.service)
        if call.service == "sts":
            return
        if call.service == "ec2":
            _add_images(self._backend("ec2", call.region), call.region)
            _connect_default_network(self._backend("ec2", call.region))
        else:
            _add_parameters(self._backend("ssm", call.region), call.region)
        self._furnished.add(place)


def _not_enabled(service: str) -> Refusal:
    """Return what a region says that the account has not enabled: it does not know the credentials."""
    if service == "ec2":
        return Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", status=401)
    code = {"sts": "InvalidClientTokenId"}.get(service, "UnrecognizedClientException")
    return Refusal(code, "The security token included in the request is invalid.", status=403)


def _must_be_enabled(region: str) -> bool:
    """Return whether a new account has to enable the region first."""
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

    return any(item.name == region and item.opt_in_status == "not-opted-in" for item in RegionsAndZonesBackend.regions)


def _connect_default_network(backend: Any) -> None:
    """Give the default network an internet gateway and a route to it, which AWS has and moto lacks."""
    for network in backend.describe_vpcs(filters={"is-default": "true"}):
        gateway = backend.create_internet_gateway()
        backend.attach_internet_gateway(gateway.id, network.id)
        main = {"vpc-id": [network.id], "association.main": ["true"]}
        for table in backend.describe_route_tables(filters=main):
            backend.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)


def _add_images(backend: Any, region: str) -> None:
    from moto.ec2.models.amis import Ami

    class PublicAmi(Ami):
        """An image whose root volume is like that of real ones."""

        disk_size: int

        @property
        def block_device_mappings(self) -> list[dict[str, Any]]:
            volume = {
                "SnapshotId": self.ebs_snapshot.id,
                "VolumeSize": self.disk_size,
                "VolumeType": "gp3",
                "DeleteOnTermination": True,
                "Encrypted": False,
            }
            return [{"DeviceName": self.root_device_name, "Ebs": volume}]

    for image in images.IMAGES:
        ami = PublicAmi(
            backend,
            image.id(region),
            name=image.name,
            architecture=image.architecture,
            owner_id=image.owner,
            owner_alias=image.alias or None,
            public=True,
            virtualization_type="hvm",
            hypervisor="xen",
            root_device_name="/dev/sda1",
            root_device_type="ebs",
        )
        ami.disk_size = image.disk_size
        backend.amis[ami.id] = ami


def _add_parameters(backend: Any, region: str) -> None:
    from moto.ssm import models

    parameter_of: Any = models.Parameter
    for name, value in images.parameters(region).items():
        parameter = parameter_of(
            account_id=ACCOUNT,
            name=name,
            value=value,
            parameter_type="String",
            description=None,
            allowed_pattern=None,
            keyid=None,
            last_modified_date=datetime.now(UTC),
            version=1,
            data_type="aws:ec2:image",
        )
        backend._parameters[name].append(parameter)
