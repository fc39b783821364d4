"""Machine images: by id, by SSM parameter, by name, or as `ubuntu-VERSION`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from cmlkit.clouds.aws.operations import Operations, filters
from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.base import Architecture, Image
from cmlkit.errors import PermissionDenied, SettingsError

# https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
UBUNTU_OWNER = "099720109477"
UBUNTU_PARAMETER = "/aws/service/canonical/ubuntu/server/{version}/stable/current/{architecture}/hvm/ebs-gp3/ami-id"
UBUNTU_NAME = "ubuntu/images/hvm-ssd*/ubuntu-*-{version}-{architecture}-server-*"
_UBUNTU_ARCHITECTURES: Mapping[str, Architecture] = {"amd64": "x86_64", "arm64": "arm64"}


class Images(Operations):
    """Images that the region has."""

    def images(self, name: str) -> Mapping[Architecture, Image]:
        if version := re.fullmatch(r"ubuntu-(\d\d\.\d\d)", name):
            return self._ubuntu(name, version[1])
        if name.startswith("ssm:"):
            parameter = name.removeprefix("ssm:")
            ids = self._parameters([parameter])
            if not ids:
                raise SettingsError(
                    f"There is no SSM parameter {parameter} in {self.region}, which `image` names.",
                    next_step="Check the path, or name the image by its id.",
                )
            return self._by_id(name, ids)
        if re.fullmatch(r"ami-[0-9a-f]+", name):
            return self._by_id(name, [name])
        raise SettingsError(
            f"The image {name!r} is of no form that cmlkit knows.",
            next_step="`image` takes ubuntu-24.04, ami-… or ssm:/parameter/path.",
        )

    def _ubuntu(self, name: str, version: str) -> Mapping[Architecture, Image]:
        parameters = [
            UBUNTU_PARAMETER.format(version=version, architecture=architecture)
            for architecture in _UBUNTU_ARCHITECTURES
        ]
        try:
            ids = self._parameters(parameters)
        except PermissionDenied:
            # Who may not read parameters can still list images.
            ids = []
        return self._by_id(name, ids) if ids else self._newest_ubuntu(name, version)

    def _newest_ubuntu(self, name: str, version: str) -> Mapping[Architecture, Image]:
        patterns = [
            UBUNTU_NAME.format(version=version, architecture=architecture) for architecture in _UBUNTU_ARCHITECTURES
        ]
        found = self._newest(name, owner=UBUNTU_OWNER, patterns=patterns)
        if not found:
            raise SettingsError(
                f"There is no image of Ubuntu {version} in {self.region}.",
                next_step="`image` takes versions such as ubuntu-24.04, ami-… or ssm:/parameter/path.",
            )
        return found

    def _parameters(self, names: list[str]) -> list[str]:
        """Image ids that the SSM parameters hold; a parameter that does not exist is left out."""
        with explained(f"read the image parameters {', '.join(names)} in {self.region}"):
            answer = self.connection.client("ssm", self.region).get_parameters(Names=names)
        return [str(parameter["Value"]) for parameter in answer["Parameters"]]

    def _by_id(self, name: str, ids: list[str]) -> Mapping[Architecture, Image]:
        with explained(f"find the image {name} in {self.region}"):
            answers = self.ec2.describe_images(ImageIds=ids)["Images"]
        if not answers:
            raise SettingsError(
                f"There is no image {name} in {self.region}, or this account may not use it.",
                next_step="Check `image`; each region has its own image ids.",
            )
        return _by_architecture(answers)

    def _newest(self, name: str, *, owner: str, patterns: list[str]) -> Mapping[Architecture, Image]:
        with explained(f"find the image {name} in {self.region}"):
            answer = self.ec2.describe_images(
                Owners=[owner], Filters=filters({"name": patterns, "state": ["available"]})
            )
        return _by_architecture(sorted(answer["Images"], key=lambda image: str(image["CreationDate"])))


def _by_architecture(answers: Iterable[Any]) -> Mapping[Architecture, Image]:
    """The last image of each architecture."""
    images = [_image(answer) for answer in answers if answer["Architecture"] in get_args(Architecture)]
    return {image.architecture: image for image in images}


def _image(answer: Any) -> Image:
    if answer.get("RootDeviceType") == "instance-store":
        raise SettingsError(
            f"The image {answer['ImageId']} keeps its root on instance storage.",
            next_step="Choose an image whose root device is an EBS volume.",
        )
    root = str(answer["RootDeviceName"])
    sizes = [
        int(mapping["Ebs"].get("VolumeSize") or 0)
        for mapping in answer.get("BlockDeviceMappings", [])
        if mapping.get("DeviceName") == root and "Ebs" in mapping
    ]
    return Image(
        id=str(answer["ImageId"]),
        name=str(answer.get("Name", "")),
        architecture=answer["Architecture"],
        root_device=root,
        disk_size=max(sizes, default=0),
    )
