"""CML's flags for `runner launch` as cmlkit's, so that only one word of a CML workflow changes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from cmlkit.clouds import CLOUDS, names
from cmlkit.errors import SettingsError

GUIDE = "docs/how-to/migrate-from-cml.md lists every flag."

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
            f"--cloud-type {value!r} is one of CML's own sizes.",
            next_step=f"Name an instance type of {names()}, such as m7i.2xlarge, or use --cpus and --memory.",
        )
    return ["--instance-type", value]


def _gpu(value: str) -> list[str]:
    return [] if value == "nogpu" else ["--gpus", "1"]


def _spot_price(value: str) -> list[str]:
    # CML's way to say that there is no limit.
    return [] if value.startswith("-") else ["--max-price", value]


def _idle_timeout(value: str) -> list[str]:
    if value.startswith("-") or value == "never":
        raise SettingsError("--idle-timeout cannot be turned off: an instance that gets no job must end.")
    with_unit = f"{value}s" if value.isdecimal() else value
    return ["--idle-timeout", re.sub(r"(?<=\d)(min|sec)\b", lambda unit: unit[0][0], with_unit)]


def _startup_script(value: str) -> list[str]:
    try:
        return ["--startup-script", base64.b64decode(value, validate=True).decode()]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SettingsError(
            "--cloud-startup-script is not base64, as CML takes it.", next_step="Pass the lines to --startup-script."
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
# Flag that is on or off -> our flags if it is on, and if it is off.
_SWITCHES: Mapping[str, tuple[list[str], list[str]]] = {
    "--cloud-spot": (["--market", "spot"], ["--market", "on-demand"]),
    # Always true here: an instance serves one job, and no job restarts by itself.
    "--single": ([], []),
    "--no-retry": ([], []),
}
_ON, _OFF = ("", "true", "1"), ("false", "0")
_REFUSED: Mapping[str, str] = {
    "--cloud-kubernetes-node-selector": _ONLY,
    "--cloud-ssh-private": "cmlkit opens no SSH access to instances.",
    "--cml-version": "cmlkit is not installed on the instance; the job installs what it needs.",
    "--destroy-delay": "An instance ends with its job.",
    "--docker-volumes": "Jobs run on the instance itself.",
    "--name": "Names are generated: they are unique and carry the instance's expiry.",
    "--repo": "The repository is that of the workflow run.",
    "--reuse": "An instance serves one job.",
    "--reuse-idle": "An instance serves one job.",
    "--tf-resource": "cmlkit does not use Terraform.",
    "--token": "Set the variable CMLKIT_RUNNER_TOKEN: other users can see arguments.",
    "--tpi-version": "cmlkit does not use Terraform.",
    "--workdir": "Each job has a folder of its own.",
}


def translated(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with CML's flags replaced by ours.

    Raises:
        SettingsError: A flag, or its value, has no counterpart.
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
