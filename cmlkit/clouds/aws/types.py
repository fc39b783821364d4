"""Instance types: what the region offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from cmlkit.clouds.aws.operations import Operations, filters
from cmlkit.clouds.base import Architecture, InstanceType


class Types(Operations):
    """Instance types of the region."""

    def instance_types(self, names: Sequence[str]) -> list[InstanceType]:
        # Asked by filter: a type that only some of the regions have is no error.
        answers = self.pages(
            "describe_instance_types",
            "InstanceTypes",
            doing="list the instance types",
            Filters=filters({"instance-type": names}),
        )
        offered = {answer["InstanceType"]: _instance_type(answer) for answer in answers}
        return [offered[name] for name in names if name in offered]


def _instance_type(answer: Any) -> InstanceType:
    architectures = answer["ProcessorInfo"]["SupportedArchitectures"]
    gpus = answer.get("GpuInfo", {}).get("Gpus", [])
    return InstanceType(
        name=str(answer["InstanceType"]),
        architecture=next(known for known in get_args(Architecture) if known in architectures),
        cpus=int(answer["VCpuInfo"]["DefaultVCpus"]),
        memory=int(answer["MemoryInfo"]["SizeInMiB"]) / 1024,
        gpus=sum(int(gpu.get("Count", 0)) for gpu in gpus),
    )
