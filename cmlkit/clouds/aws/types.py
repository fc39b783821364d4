"""Instance types that the region offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.planning import Architecture, InstanceType, Needs
from cmlkit.records.fields import Fields

# Larger types are not cheaper than the smallest that fit, and each type is one request to the Price List.
MOST_FITTING_TYPES = 24


class Types:
    """Instance types in the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def named(self, names: Sequence[str]) -> list[InstanceType]:
        # By filter, so that a type that only some regions have is not an error.
        answers = self._region.pages(
            "describe_instance_types",
            "InstanceTypes",
            doing="list the instance types",
            Filters=filters({"instance-type": names}),
        )
        offered = {found.name: found for found in map(_instance_type, answers)}
        return [offered[name] for name in names if name in offered]

    def fitting(self, needs: Needs) -> list[InstanceType]:
        wanted: dict[str, list[str]] = {
            "current-generation": ["true"],
            "processor-info.supported-architecture": [needs.architecture],
            "supported-root-device-type": ["ebs"],
            # Its console output can be read during the boot, and its disks are encrypted.
            "hypervisor": ["nitro"],
            "bare-metal": ["false"],
        }
        answers = self._region.pages(
            "describe_instance_types", "InstanceTypes", doing="list the instance types", Filters=filters(wanted)
        )
        fitting = sorted((answer for answer in answers if _is_fit(answer, needs)), key=_size)
        return [_instance_type(answer) for answer in fitting[:MOST_FITTING_TYPES]]


def _is_fit(answer: Fields, needs: Needs) -> bool:
    instance_type = _instance_type(answer)
    return (
        instance_type.cpus >= needs.cpus
        and instance_type.memory >= needs.memory
        and instance_type.gpus >= needs.gpus
        and (needs.gpus > 0 or not _has_accelerator(answer))
        and all(gpu.text("Manufacturer", "") == "NVIDIA" for gpu in _gpus(answer))
    )


def _size(answer: Fields) -> tuple[int, int, float, bool, str]:
    # Without a known price, the plainer type is more likely to be cheap.
    item = _instance_type(answer)
    return item.gpus, item.cpus, item.memory, answer.flag("InstanceStorageSupported", False), item.name


def _has_accelerator(answer: Fields) -> bool:
    kinds = ("GpuInfo", "FpgaInfo", "InferenceAcceleratorInfo", "NeuronInfo", "MediaAcceleratorInfo")
    return any(answer.within(kind).names() for kind in kinds)


def _gpus(answer: Fields) -> list[Fields]:
    """Return the whole GPUs: a fraction of one needs another driver than the image's."""
    gpus = answer.within("GpuInfo").any_listed("Gpus")
    return [gpu for gpu in gpus if gpu.number("GpuPartitionSize", 1.0) >= 1.0]


def _instance_type(answer: Fields) -> InstanceType:
    architectures = answer.within("ProcessorInfo").texts("SupportedArchitectures")
    return InstanceType(
        name=answer.filled("InstanceType"),
        architecture=next((known for known in get_args(Architecture) if known in architectures), "x86_64"),
        cpus=answer.within("VCpuInfo").whole("DefaultVCpus", 0),
        memory=answer.within("MemoryInfo").whole("SizeInMiB", 0) / 1024,
        gpus=sum(gpu.whole("Count", 0) for gpu in _gpus(answer)),
    )
