"""Flags of `cml runner launch`."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Callable

from cmlkit.cli.cml.flags import Becomes, Flag, Given, Nothing, Refused, Same, Words
from cmlkit.clouds import CLOUDS, names
from cmlkit.errors import SettingsError
from cmlkit.records.json_text import json_text
from cmlkit.settings.setting import MAPPING

# https://registry.terraform.io/providers/iterative/iterative/latest/docs/resources/task#cloud-region
REGIONS = {"us-east": "us-east-1", "us-west": "us-west-1", "eu-west": "eu-west-1", "eu-north": "eu-north-1"}
# https://registry.terraform.io/providers/iterative/iterative/latest/docs/guides/generic-machine-types
# That page and the provider's releases since. A K80 or V100 comes with types of AWS's older generations.
_SIZES = {
    "s": "t2.micro",
    "m": "m5.2xlarge",
    "l": "m5.8xlarge",
    "xl": "m5.16xlarge",
    "m+t4": "g4dn.xlarge",
    "m+k80": "p2.xlarge",
    "l+k80": "p2.8xlarge",
    "xl+k80": "p2.16xlarge",
    "l+v100": "p3.8xlarge",
    "xl+v100": "p3.16xlarge",
}
_SIZE = re.compile(r"(s|m|l|xl)(\+.*)?")
_WITHOUT_GPU = frozenset(kind for size, kind in _SIZES.items() if "+" not in size)
_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)[a-z]")
# https://registry.terraform.io/providers/iterative/iterative/latest/docs/resources/task#machine-images
_IMAGE = re.compile(r"[^@:]+@[^@:]+:(?P<named>[^@:]+:.+)")
_ONLY = f"cmlkit launches on {names()} only."
_TERRAFORM = "cmlkit does not use Terraform."
# https://www.npmjs.com/package/timestring, with which CML reads durations; months and years are too long for a runner.
_SECONDS = {
    "ms|milli|millisecond|milliseconds": 0.001,
    "s|sec|secs|second|seconds": 1,
    "m|min|mins|minute|minutes": 60,
    "h|hr|hrs|hour|hours": 3600,
    "d|day|days": 86400,
    "w|week|weeks": 604800,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)[\s,]*", re.IGNORECASE)
_UNITS = {unit: seconds for units, seconds in _SECONDS.items() for unit in units.split("|")}


def _cloud(value: str, spelled: str) -> Words:
    if value not in CLOUDS:
        raise SettingsError(f"{spelled} is {value!r}; {_ONLY}", next_step=f"Use one of: {', '.join(CLOUDS)}.")
    return Words(words=["--cloud", value])


def _region(value: str, spelled: str) -> Words:
    region = REGIONS.get(value, value)
    if zone := _ZONE.fullmatch(region):
        note = f"{spelled}: {value} is a zone; every zone of {zone[1]} is tried. To keep to one zone, name its subnet."
        return Words(words=["--region", zone[1]], note=note)
    return Words(words=["--region", region])


def _type(value: str, spelled: str) -> Words:
    if value in _SIZES:
        return Words(words=["--instance-type", _SIZES[value]])
    if _SIZE.fullmatch(value):
        # CML's table has p3.xlarge for m+v100, a type that AWS never had.
        raise SettingsError(
            f"{spelled} {value!r} is one of CML's own sizes, and no type of {names()} belongs to it.",
            next_step="Name a type, such as g5.xlarge, or use --cpus, --memory and --gpus.",
        )
    return Words(words=["--instance-type", value])


def _gpu(value: str, spelled: str) -> Words:
    return Words() if value == "nogpu" else Words(words=["--gpus", "1"])


def _spot(value: str, spelled: str) -> Words:
    return Words(words=["--market", "spot" if value == "true" else "on-demand"])


def _spot_price(value: str, spelled: str) -> Words:
    # CML's way to say that there is no limit.
    return Words() if value.startswith("-") else Words(words=["--max-price", value])


def _image(value: str, spelled: str) -> Words:
    if value in ("ubuntu", "nvidia"):
        return Words()  # The default is the same in newer releases: Ubuntu, and with drivers on a type with GPUs.
    if long := _IMAGE.fullmatch(value):
        return Words(words=["--image", long["named"]])
    return Words(words=["--image", value])


def _idle_timeout(value: str, spelled: str) -> Words:
    if value.startswith("-") or value == "never":
        raise SettingsError(
            f"{spelled} cannot be turned off: an instance that gets no job must end.",
            next_step="Give a duration such as 1h, or leave the flag out, for 5 minutes.",
        )
    if value.isdecimal():
        return Words(words=["--idle-timeout", f"{value}s"])
    parts = [(float(number), unit.lower()) for number, unit in _DURATION.findall(value)]
    if _DURATION.sub("", value).strip() or not parts or not {unit for _, unit in parts} <= _UNITS.keys():
        raise SettingsError(
            f"{spelled} is {value!r}, which is no duration.", next_step='Write seconds, or such as 10m or "5 minutes".'
        )
    seconds = sum(number * _UNITS[unit] for number, unit in parts)
    return Words(words=["--idle-timeout", f"{seconds:g}s" if seconds < 1e6 else f"{seconds:.0f}s"])


def _startup_script(value: str, spelled: str) -> Words:
    """Decode the script; `base64` breaks its lines, and some tools leave the padding out."""
    text = "".join(value.split()).rstrip("=")
    try:
        lines = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{spelled} is not base64, as CML takes it.", next_step="Pass the lines to --startup-script."
        ) from error
    return Words(words=["--startup-script", lines])


def _metadata(value: str, spelled: str) -> Words:
    # A key alone is a tag without a value.
    key, _, text = value.partition("=")
    return Words(words=["--tags", value if _is_plain(key, text) else json_text({key: text}, ensure_ascii=False)])


def _is_plain(key: str, text: str) -> bool:
    """Return whether our form keeps the text, though it splits at commas and reads numbers as such."""
    try:
        return bool(MAPPING.parse(f"{key}={text}") == {key: text})
    except ValueError:
        return False


def _renamed(flag: str) -> Callable[[str, str], Words]:
    return lambda value, spelled: Words(words=[flag, value])


def _shown_sizes() -> str:
    return ", ".join(f"{size} is {kind}" for size, kind in _SIZES.items())


def _becomes(flag: str) -> Becomes:
    return Becomes(shown=f"`{flag}`", words=_renamed(flag))


def size_with_gpu(size: str, gpu: str) -> str:
    """Return CML's size and its GPU as one size, such as `m+t4`; empty if the type is none, or has its GPU already."""
    if "+" in size or not _SIZE.fullmatch(size) or gpu in ("", "nogpu"):
        return ""
    # An older name of the one, and the cloud's own names of the others.
    return f"{size}+{'v100' if gpu == 'tesla' else gpu.removeprefix('nvidia-tesla-')}"


def with_gpu_in_size(given: list[Given | str]) -> list[Given | str]:
    """Return CML's size and its GPU, which it takes as two flags, too, as one."""
    flags = {each.flag.name: each for each in given if isinstance(each, Given)}
    kind, gpu = flags.get("--cloud-type"), flags.get("--cloud-gpu")
    if kind is None or gpu is None or not (size := size_with_gpu(kind.value, gpu.value)):
        return given
    both = dataclasses.replace(kind, value=size)
    return [both if each is kind else each for each in given if each is not gpu]


def without_gpus_of_type(words: list[str]) -> list[str]:
    """Return the words without `--gpus` if they name an instance type that has GPUs of its own."""
    if "--gpus" not in words or "--instance-type" not in words:
        return words
    if words[words.index("--instance-type") + 1] in _WITHOUT_GPU:
        return words
    place = words.index("--gpus")
    return words[:place] + words[place + 2 :]


LAUNCH = (
    Flag(name="--labels", fate=Same()),
    Flag(
        name="--idle-timeout",
        fate=Becomes(
            shown="`--idle-timeout`", words=_idle_timeout, takes="seconds, or such as 5min; never and -1 are errors"
        ),
    ),
    Flag(name="--name", fate=Nothing(why="A name is generated, so that it is unique and tells the run.")),
    Flag(name="--no-retry", kind="switch", fate=Nothing(why="No job restarts by itself.")),
    Flag(name="--single", kind="switch", fate=Nothing(why="An instance always serves one job.")),
    Flag(
        name="--reuse",
        kind="switch",
        fate=Refused(why="An instance serves one job.", instead="Leave the flag out: each run gets its own instance."),
    ),
    Flag(
        name="--reuse-idle",
        kind="switch",
        fate=Refused(why="An instance serves one job.", instead="Leave the flag out: each run gets its own instance."),
    ),
    Flag(name="--workdir", aliases=("--path",), fate=Nothing(why="Each job has a folder of its own.")),
    Flag(
        name="--docker-volumes",
        kind="list",
        fate=Nothing(why="Jobs run on the instance itself; CML, too, mounts volumes for GitLab only."),
    ),
    Flag(name="--cloud", fate=Becomes(shown="`--cloud`", words=_cloud, takes=" and ".join(CLOUDS))),
    Flag(
        name="--cloud-region",
        fate=Becomes(
            shown="`--region`",
            words=_region,
            takes="regions; " + ", ".join(f"{theirs} is {ours}" for theirs, ours in REGIONS.items()) + "; of a zone,"
            " its region",
        ),
    ),
    Flag(
        name="--cloud-type",
        fate=Becomes(
            shown="`--instance-type`", words=_type, takes=f"types of {names()}, and CML's sizes: {_shown_sizes()}"
        ),
    ),
    Flag(name="--cloud-permission-set", fate=_becomes("--iam-instance-profile")),
    Flag(name="--cloud-metadata", kind="list", fate=Becomes(shown="`--tags`", words=_metadata)),
    Flag(
        name="--cloud-gpu",
        aliases=("--cloud-gpu-type",),
        fate=Becomes(
            shown="`--gpus 1`", words=_gpu, takes="any; a type has its own, so that it has no effect beside one"
        ),
    ),
    Flag(name="--cloud-hdd-size", fate=_becomes("--disk-size")),
    Flag(
        name="--cloud-ssh-private",
        fate=Refused(
            why="cmlkit opens no SSH access to instances.",
            instead="See docs/how-to/debug-a-runner.md for ways to look.",
        ),
    ),
    Flag(
        name="--cloud-spot",
        kind="switch",
        fate=Becomes(shown="`--market spot`", words=_spot, takes="off is `--market on-demand`"),
    ),
    Flag(name="--cloud-spot-price", fate=Becomes(shown="`--max-price`", words=_spot_price, takes="-1 is no limit")),
    Flag(
        name="--cloud-startup-script",
        fate=Becomes(shown="`--startup-script`", words=_startup_script, takes="base64, in one line or several"),
    ),
    *(Flag(name=f"--cloud-{cloud}-security-group", fate=_becomes("--security-group")) for cloud in CLOUDS),
    *(
        Flag(name=f"--cloud-{cloud}-subnet", aliases=(f"--cloud-{cloud}-subnet-id",), fate=_becomes("--subnet"))
        for cloud in CLOUDS
    ),
    Flag(name="--cloud-kubernetes-node-selector", kind="list", fate=Refused(why=_ONLY)),
    Flag(
        name="--cloud-image",
        fate=Becomes(
            shown="`--image`",
            words=_image,
            takes="ami-…, or USER@ARCHITECTURE:OWNER:NAME, which is OWNER:NAME; ubuntu and nvidia are the default",
        ),
    ),
    Flag(name="--tpi-version", fate=Nothing(why=_TERRAFORM)),
    Flag(
        name="--cml-version",
        fate=Nothing(why="Nothing of CML or cmlkit is installed on the instance; jobs install what they need."),
    ),
    Flag(name="--tf-resource", fate=Refused(why=_TERRAFORM)),
    Flag(name="--gcp-access-token", fate=Refused(why=_ONLY)),
    Flag(name="--runner-path", fate=Nothing(why="The instance fetches GitHub's runner itself.")),
    Flag(name="--destroy-delay", fate=Nothing(why="An instance ends with its job.")),
    Flag(
        name="--docker-machine",
        older=True,
        fate=Refused(why="Instances are launched without Docker Machine.", instead="Use --cloud."),
    ),
    Flag(
        name="--cloud-ssh-private-visible",
        kind="switch",
        older=True,
        fate=Refused(
            why="cmlkit opens no SSH access to instances.",
            instead="See docs/how-to/debug-a-runner.md for ways to look.",
        ),
    ),
)
