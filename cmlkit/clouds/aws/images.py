"""Machine images: by id, by SSM parameter, by owner and name, or as `ubuntu-VERSION`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, get_args

from cmlkit.clouds.aws.refusal import fields_of, settles
from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.planning import Architecture, Image, NotListed
from cmlkit.errors import PermissionDenied, SettingsError
from cmlkit.records.fields import Fields

DEFAULT_UBUNTU = "24.04"
UBUNTU_OWNER = "099720109477"
_UBUNTU_ARCHITECTURES: Mapping[Architecture, str] = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Published:
    """An image that its publisher renews. It is found by SSM parameter or, if that may not be read, by name.

    Attributes:
        parameter: Path of the public SSM parameter with its newest id.
        owner: Account, or account alias, of the publisher.
        name: Pattern of its name.
        for_gpus: As in `Image`.
    """

    parameter: str
    owner: str
    name: str
    architecture: Architecture
    for_gpus: bool | None = None


def ubuntu(version: str, *, for_gpus: bool | None = None) -> list[Published]:
    """Return Canonical's images. https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/"""
    return [
        Published(
            parameter=f"/aws/service/canonical/ubuntu/server/{version}/stable/current/{called}/hvm/ebs-gp3/ami-id",
            owner=UBUNTU_OWNER,
            name=f"ubuntu/images/hvm-ssd*/ubuntu-*-{version}-{called}-server-*",
            architecture=architecture,
            for_gpus=for_gpus,
        )
        for architecture, called in _UBUNTU_ARCHITECTURES.items()
    ]


def deep_learning() -> list[Published]:
    """Return AWS's images with NVIDIA's driver. https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html"""
    return [
        Published(
            parameter=f"/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
            owner="amazon",
            name="Deep Learning*Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) *",
            architecture=architecture,
            for_gpus=True,
        )
        for architecture in get_args(Architecture)
    ]


class Images:
    """Images in the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def named(self, name: str) -> list[Image]:
        if not name:
            return self._published("for Ubuntu", [*ubuntu(DEFAULT_UBUNTU, for_gpus=False), *deep_learning()])
        if version := re.fullmatch(r"ubuntu-(\d\d\.\d\d)", name):
            return self._published(name, ubuntu(version[1]))
        if re.fullmatch(r"ami-[0-9a-f]+", name):
            return self._by_id(name, [name])
        if name.startswith("ssm:"):
            return self._by_id(name, list(self._parameters([name.removeprefix("ssm:")]).values()))
        owner, _, pattern = name.partition(":")
        if re.fullmatch(r"\d{12}|self|amazon|aws-marketplace", owner) and pattern:
            return _newest(self._found(name, [owner], [pattern])) or _none(name, self._region.name)
        raise SettingsError(
            f"The image {name!r} has a form that cmlkit does not know.",
            next_step="`image` takes ubuntu-24.04, ami-…, ssm:/parameter/path, or OWNER:NAME such as self:my-image-*.",
        )

    def _published(self, name: str, wanted: Sequence[Published]) -> list[Image]:
        """Return the newest of each that the region has."""
        try:
            ids = self._parameters([item.parameter for item in wanted])
        except PermissionDenied:
            # Without this permission, images can still be listed.
            ids = {}
        if not ids:
            return self._published_by_name(name, wanted)
        images = {image.id: image for image in self._by_id(name, list(ids.values()))}
        return [
            _as_published(images[ids[item.parameter]], item) for item in wanted if ids.get(item.parameter) in images
        ]

    def _published_by_name(self, name: str, wanted: Sequence[Published]) -> list[Image]:
        answers = self._found(name, sorted({item.owner for item in wanted}), [item.name for item in wanted])
        found = [
            _as_published(image, item)
            for item in wanted
            for image in _newest(answer for answer in answers if _is(item, answer))
        ]
        return found or _none(name, self._region.name)

    def _parameters(self, names: list[str]) -> dict[str, str]:
        """Return the values of the SSM parameters by path; a missing one is left out."""
        doing = f"read the image parameters {', '.join(names)} in {self._region}"
        with self._region.asked(doing):
            answer = fields_of(self._region.client("ssm").get_parameters(Names=names), doing)
        return {item.text("Name"): item.text("Value") for item in answer.any_listed("Parameters")}

    def _by_id(self, name: str, ids: list[str]) -> list[Image]:
        if not ids:
            return _none(name, self._region.name)
        try:
            answers = self._described(name, ImageIds=ids)
        except SettingsError as error:
            if settles(error):
                raise NotListed(error.message, next_step=error.next_step) from error
            raise
        return [_image(answer) for answer in answers] or _none(name, self._region.name)

    def _found(self, name: str, owners: list[str], patterns: list[str]) -> list[Fields]:
        wanted = filters({"name": patterns, "state": ["available"]})
        return self._described(name, Owners=owners, Filters=wanted)

    def _described(self, name: str, **arguments: Any) -> list[Fields]:
        doing = f"find the image {name} in {self._region}"
        with self._region.asked(doing):
            answer = fields_of(self._region.ec2.describe_images(**arguments), doing)
        return answer.any_listed("Images")


def _none(name: str, region: str) -> list[Image]:
    raise SettingsError(
        f"There is no image {name} in {region}, or this account may not use it.",
        next_step="Check `image`; each region has its own image ids.",
    )


def _newest(answers: Iterable[Fields]) -> list[Image]:
    """Return the newest image of each architecture."""
    newest = {
        answer.text("Architecture"): answer
        for answer in sorted(answers, key=lambda answer: answer.text("CreationDate", ""))
        if answer.text("Architecture", "") in get_args(Architecture)
    }
    return [_image(answer) for answer in newest.values()]


def _is(published: Published, answer: Fields) -> bool:
    is_right = answer.text("Architecture", "") == published.architecture
    return is_right and fnmatchcase(answer.text("Name", ""), published.name)


def _as_published(image: Image, published: Published) -> Image:
    return replace(image, for_gpus=published.for_gpus)


def _image(answer: Fields) -> Image:
    image_id, root = answer.filled("ImageId"), answer.text("RootDeviceName", "")
    if answer.text("RootDeviceType", "") == "instance-store":
        raise SettingsError(
            f"The image {image_id} keeps its root on instance storage.",
            next_step="Choose an image whose root device is an EBS volume.",
        )
    found = answer.text("Architecture", "")
    architecture = next((known for known in get_args(Architecture) if known == found), None)
    if not root or architecture is None:
        raise SettingsError(
            f"AWS names no root device, or no architecture that cmlkit knows, of the image {image_id}.",
            next_step=f"Choose an image that is available, for {' or '.join(get_args(Architecture))}.",
        )
    volumes = [mapping for mapping in answer.any_listed("BlockDeviceMappings") if mapping.has("Ebs")]
    sizes = [
        mapping.inside("Ebs").whole("VolumeSize", 0) for mapping in volumes if mapping.text("DeviceName", "") == root
    ]
    return Image(
        id=image_id,
        name=answer.text("Name", ""),
        architecture=architecture,
        root_device=root,
        disk_size=max(sizes, default=0),
        further_devices=tuple(
            mapping.text("DeviceName") for mapping in volumes if mapping.text("DeviceName", root) != root
        ),
    )
