"""CML's flags of `runner launch`, in cmlkit's words, so that a workflow written for CML changes one word."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from cmlkit.clouds import CLOUDS, names
from cmlkit.errors import SettingsError

GUIDE = "docs/how-to/migrate-from-cml.md has every flag."

# https://cml.dev/doc/ref/runner
_REGIONS = {"us-east": "us-east-1", "us-west": "us-west-1", "eu-west": "eu-west-1", "eu-north": "eu-north-1"}
_ONLY = f"cmlkit launches on {names()} only."
_SIZES = re.compile(r"(m|l|xl)(\+.*)?")


def _cloud(value: str) -> list[str]:
    if value not in CLOUDS:
        raise SettingsError(f"--cloud is {value!r}; {_ONLY}")
    return ["--cloud", value]


def _type(value: str) -> list[str]:
    if _SIZES.fullmatch(value):
        raise SettingsError(
            f"--cloud-type {value!r} is a size of CML's own.",
            next_step=f"Name a type of {names()}'s, such as m7i.2xlarge, or say --cpus and --memory.",
        )
    return ["--instance-type", value]


def _gpu(value: str) -> list[str]:
    return [] if value == "nogpu" else ["--gpus", "1"]


def _spot_price(value: str) -> list[str]:
    # CML's way to say that there is no limit.
    return [] if value.startswith("-") else ["--max-price", value]


def _idle_timeout(value: str) -> list[str]:
    if value.startswith("-") or value == "never":
        raise SettingsError("--idle-timeout cannot be turned off: an instance that got no job has to end.")
    with_unit = f"{value}s" if value.isdecimal() else value
    return ["--idle-timeout", re.sub(r"(?<=\d)(min|sec)\b", lambda unit: unit[0][0], with_unit)]


def _startup_script(value: str) -> list[str]:
    try:
        return ["--startup-script", base64.b64decode(value, validate=True).decode()]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SettingsError(
            "--cloud-startup-script is no base64, which CML takes.", next_step="Give the lines to --startup-script."
        ) from error


def _renamed(flag: str) -> Callable[[str], list[str]]:
    return lambda value: [flag, value]


_WITH_VALUE: Mapping[str, Callable[[str], list[str]]] = {
    "--cloud": _cloud,
    "--cloud-region": lambda value: ["--region", _REGIONS.get(value, value)],
    "--cloud-type": _type,
    "--cloud-gpu": _gpu,
    "--cloud-hdd-size": _renamed("--disk-size"),
    "--cloud-image": _renamed("--image"),
    "--cloud-spot-price": _spot_price,
    "--cloud-permission-set": _renamed("--iam-instance-profile"),
    "--cloud-metadata": _renamed("--tags"),
    "--cloud-startup-script": _startup_script,
    **{f"--cloud-{cloud}-security-group": _renamed("--security-group") for cloud in CLOUDS},
    **{f"--cloud-{cloud}-subnet": _renamed("--subnet") for cloud in CLOUDS},
    **{f"--cloud-{cloud}-subnet-id": _renamed("--subnet") for cloud in CLOUDS},
    "--idle-timeout": _idle_timeout,
    "--driver": lambda value: [] if value == "github" else _refused("--driver", "GitHub is the only one."),
}
# Flags that are on or off -> what they come to when they are on, and when they are off.
_SWITCHES: Mapping[str, tuple[list[str], list[str]]] = {
    "--cloud-spot": (["--market", "spot"], ["--market", "on-demand"]),
    # It is so anyway: an instance serves one job, and a job is not started again by itself.
    "--single": ([], []),
    "--no-retry": ([], []),
}
_ON, _OFF = ("", "true", "1"), ("false", "0")
_REFUSED: Mapping[str, str] = {
    "--cloud-kubernetes-node-selector": _ONLY,
    "--cloud-ssh-private": "No way into the instance is opened.",
    "--cml-version": "cmlkit is not installed on the instance; the job installs what it needs.",
    "--destroy-delay": "An instance ends with its job.",
    "--docker-volumes": "Jobs run on the instance itself.",
    "--name": "Names are unique, and say when an instance has to be gone.",
    "--repo": "It is the repository of the workflow's run.",
    "--reuse": "An instance serves one job.",
    "--reuse-idle": "An instance serves one job.",
    "--tf-resource": "There is no Terraform here.",
    "--token": "Set the variable CMLKIT_RUNNER_TOKEN: arguments can be seen by others.",
    "--tpi-version": "There is no Terraform here.",
    "--workdir": "Each job has a folder of its own.",
}


def translated(arguments: Sequence[str]) -> list[str]:
    """The arguments with CML's flags replaced by ours; those that are ours already stay.

    Raises:
        SettingsError: A flag has no counterpart, or a value of it has none.
    """
    return [word for words in _translations(arguments) for word in words]


def _translations(arguments: Sequence[str]) -> Iterator[list[str]]:
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in _REFUSED and not (equals and value in _OFF):
            _refused(flag, _REFUSED[flag])
        elif flag in _SWITCHES and value in (*_ON, *_OFF):
            on, off = _SWITCHES[flag]
            yield off if value in _OFF else on
        elif flag == "--no-cloud-spot":
            yield ["--market", "on-demand"]
        elif flag in _WITH_VALUE:
            yield _WITH_VALUE[flag](value if equals else next(words, ""))
        elif flag not in _REFUSED:
            yield [word]


def _refused(flag: str, why: str) -> list[str]:
    raise SettingsError(f"cmlkit runner launch has no {flag}. {why}", next_step=GUIDE)
