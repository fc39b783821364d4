"""The forms of the runner's settings that a cloud gives them: ids, disks, roles and tags.

They are here because settings are checked before any cloud is loaded. A cloud without rules checks them itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Rules = Mapping[str, Callable[[Any], None]]
"""Field of `RunnerSpec` -> check of its value, which raises ValueError with a description of valid values."""

# https://docs.aws.amazon.com/ec2/latest/devguide/resource-ids.html
_ID = r"[0-9a-f]{8}(?:[0-9a-f]{9})?"
_IMAGE = re.compile(rf"|ubuntu-\d\d\.\d\d|ami-{_ID}|ssm:/?[\w./-]+|(?:\d{{12}}|self|amazon|aws-marketplace):.+")
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html
_ROLE = re.compile(r"|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html
_PROFILE = re.compile(r"|[\w+=,.@-]{1,128}|arn:aws[a-z-]*:iam::\d{12}:instance-profile/[\w+=,.@/-]+")
DISK_SIZES_GIB: Mapping[str, tuple[int, int]] = {"gp3": (1, 65_536), "gp2": (1, 16_384), "standard": (1, 1024)}
"""Types of AWS's volumes that an instance can boot from without further parameters, and their sizes.

st1 and sc1 are no boot volumes, and io1 and io2 need a number of IOPS.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html
"""

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotMarketOptions.html
LEAST_MAX_PRICE_USD = 0.001
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
LONGEST_TAG_NAME, LONGEST_TAG_VALUE, MOST_TAGS = 128, 256, 50
RESERVED_FOR_CMLKIT = 15
"""Tags of an instance that cmlkit keeps for itself, those included that `stop` and `reap` set later."""

_RESERVED_PREFIXES = ("aws:", "cmlkit:")
_RESERVED_NAMES = ("Name",)


def check_each_tag(tags: Mapping[str, Any]) -> None:
    """Raise ValueError, with a description of valid tags, if EC2 never takes one, or cmlkit keeps its name."""
    for name, value in tags.items():
        if not name or name in _RESERVED_NAMES or name.lower().startswith(_RESERVED_PREFIXES):
            raise ValueError(f"other names than {name!r}, which is reserved")
        if value is None or isinstance(value, list | Mapping):
            raise ValueError(f"one text for each tag, and {name!r} has none")
        if len(name) > LONGEST_TAG_NAME or len(str(value)) > LONGEST_TAG_VALUE:
            raise ValueError(
                f"names of at most {LONGEST_TAG_NAME} characters and values of at most {LONGEST_TAG_VALUE}, and"
                f" {name[:40]!r} is too long"
            )


def _check_tags(tags: Mapping[str, Any]) -> None:
    if len(tags) > (room := MOST_TAGS - RESERVED_FOR_CMLKIT):
        raise ValueError(f"at most {room} tags, and these are {len(tags)}")
    check_each_tag(tags)


def _matches(form: re.Pattern[str], takes: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not form.fullmatch(value):
            raise ValueError(takes)

    return check


def _ids(prefix: str) -> Callable[[Any], None]:
    def check(values: Any) -> None:
        for value in values:
            if not re.fullmatch(f"{prefix}-{_ID}", value):
                raise ValueError(f"ids such as {prefix}-0123456789abcdef0, and {value!r} is none")

    return check


def _check_disk_type(value: Any) -> None:
    if value not in DISK_SIZES_GIB:
        raise ValueError(f"one of {', '.join(DISK_SIZES_GIB)}")


def _check_max_price(value: Any) -> None:
    if 0 < value < LEAST_MAX_PRICE_USD:
        raise ValueError(f"USD per hour from {LEAST_MAX_PRICE_USD}, or 0 for no limit")


def disk_problem(disk_type: str, size: int) -> str:
    """Return why AWS has no volume of that type with so many GiB; empty if it has one."""
    least, most = DISK_SIZES_GIB.get(disk_type, (1, size))
    return "" if least <= size <= most else f"volumes of the type {disk_type} have {least} to {most} GiB"


AWS: Rules = {
    "image": _matches(_IMAGE, "ubuntu-24.04, ami-…, ssm:/parameter/path, or OWNER:NAME such as self:my-image-*"),
    "subnet": _ids("subnet"),
    "security_group": _ids("sg"),
    "disk_type": _check_disk_type,
    "max_price": _check_max_price,
    "tags": _check_tags,
    "iam_instance_profile": _matches(
        _PROFILE, "the name of an instance profile, or its ARN: arn:aws:iam::123456789012:instance-profile/NAME"
    ),
    "stop_schedule_role": _matches(_ROLE, "the ARN of a role: arn:aws:iam::123456789012:role/NAME"),
}
RULES: Mapping[str, Rules] = {"aws": AWS}
