"""A cloud that keeps its instances in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from cmlkit.clouds.base import CloudFor
from cmlkit.clouds.connecting import Shell, ShellProgram
from cmlkit.clouds.diagnosing import Identity
from cmlkit.clouds.launching import FirstBoot, Instance, InstanceSpec, Volume
from cmlkit.clouds.planning import Image, InstanceType, Market, Needs, Subnet
from cmlkit.errors import NotFound

METADATA_SCRIPT = "\n".join(
    f"{name}() {{ :; }}" for name in ("instance_id", "launch_time", "taken_back", "local_services")
)


# Name -> region, for as long as the process lives.
REGIONS: dict[str, ToyCloud] = {}


def cloud_for(environ: Mapping[str, str], *, hurried: bool = False) -> CloudFor:
    def region(name: str) -> ToyCloud:
        name = name or environ.get("TOY_REGION", "nursery")
        return REGIONS.setdefault(name, ToyCloud(name))

    return region


class ToyCloud:
    """One region."""

    name = "Toy Cloud"
    types_command = "toy types"
    first_boot = FirstBoot(cloud="Toy Cloud", metadata_script=METADATA_SCRIPT, user_data_limit=65_536)

    def __init__(self, region: str) -> None:
        self.region = region
        self._instances: dict[str, Instance] = {}

    def images(self, name: str) -> list[Image]:
        return [Image(id="toy-image", name=name, architecture="x86_64", root_device="/dev/toy", disk_size=8)]

    def instance_types(self, names: Sequence[str]) -> list[InstanceType]:
        return [InstanceType(name=name, architecture="x86_64", cpus=2, memory=4.0) for name in names]

    def fitting_types(self, needs: Needs) -> list[InstanceType]:
        return self.instance_types(["brick"])

    def subnets(self, ids: Sequence[str]) -> list[Subnet]:
        return [Subnet(id="floor", network="room", zone=f"{self.region}-a")]

    def closed_security_group(self, network: str, *, make: bool = True, tags: Mapping[str, str] | None = None) -> str:
        return "fence"

    def hourly_prices(self, instance_types: Sequence[str], market: Market) -> Mapping[tuple[str, str], float]:
        return {(name, ""): 0.01 for name in instance_types}

    def storage_price(self, disk_type: str) -> float | None:
        return None

    def address_price(self, subnet: Subnet) -> float | None:
        return 0.0

    def quota(self, instance_type: str, market: Market) -> str:
        return "bricks"

    def check_spec(self, spec: InstanceSpec) -> None:
        pass

    def launch(self, spec: InstanceSpec) -> Instance:
        instance = Instance(
            id=f"toy-{len(self._instances)}",
            name=spec.name,
            state="running",
            instance_type=spec.instance_type,
            market=spec.market,
            region=self.region,
            zone=spec.subnet.zone,
            launched=0.0,
            tags=spec.tags,
        )
        return self._instances.setdefault(instance.id, instance)

    def instances(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        return [
            instance
            for instance in self._instances.values()
            if (not ids or instance.id in ids)
            and all(
                name in instance.tags and value in ("", instance.tags[name]) for name, value in (tags or {}).items()
            )
        ]

    def terminate(self, ids: Collection[str]) -> None:
        for name in ids:
            if name not in self._instances:
                raise NotFound(f"{name} is unknown.")
            self._instances[name] = replace(self._instances[name], state="terminated")

    def tag(self, ids: Collection[str], tags: Mapping[str, str]) -> None:
        for name in ids:
            self._instances[name] = replace(self._instances[name], tags={**self._instances[name].tags, **tags})

    def cancel_expiry(self, instance: Instance) -> None:
        pass

    def loose_volumes(self, *, tags: Mapping[str, str]) -> list[Volume]:
        return []

    shell_program = ShellProgram(name="toy-shell", advice="Make it of string and two cups.")

    def shell(self, instance_id: str) -> Shell:
        return Shell(arguments=("talk-to", instance_id), variables={"TOY_LINE": "open"})

    def console_output(self, instance_id: str) -> str:
        return ""

    def identity(self) -> Identity:
        return Identity(account="toy", principal="toy")

    def charge(self, instance: Instance, *, until: float) -> float | None:
        return None

    def egress_problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        return ""

    def quota_limit(self, instance_type: str, market: Market) -> float:
        return 64.0

    def profile_problem(self, profile: str) -> str:
        return ""

    def expiry_role_problem(self, role: str) -> str:
        return ""

    def check_launch(self, spec: InstanceSpec) -> None:
        pass

    def check_removal(self, instance_id: str, *, tag: str) -> None:
        pass

    def check_security_group(self, network: str, *, tags: Mapping[str, str] | None = None) -> None:
        pass
