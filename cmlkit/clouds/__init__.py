"""Clouds: where instances are launched. Here is the list of them, by the name that `runner.cloud` has for each.

A new cloud is a folder beside `aws/` whose `__init__` has `cloud_for(environ)`, and a line in `CLOUDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from cmlkit.clouds.base import CloudFor


@dataclass(frozen=True, kw_only=True)
class KnownCloud:
    """How to make a cloud.

    Attributes:
        name: The cloud's own name, for messages.
        module: Imported when the cloud is used; its `cloud_for(environ)` returns a `CloudFor`.
        extra: The extra of `cmlkit-ci` that brings the libraries; empty if every installation has them.
    """

    name: str
    module: str
    extra: str = ""


CLOUDS: Mapping[str, KnownCloud] = {
    "aws": KnownCloud(name="AWS", module="cmlkit.clouds.aws"),
}


def known(name: str, *, clouds: Mapping[str, KnownCloud] = CLOUDS) -> KnownCloud:
    """Return the cloud of that name.

    Raises:
        SettingsError: No cloud has it.
    """
    if name not in clouds:
        raise SettingsError(f"The cloud {name!r} is not known.", next_step=f"Use one of: {', '.join(clouds)}.")
    return clouds[name]


def cloud_for(name: str, environ: Mapping[str, str], *, clouds: Mapping[str, KnownCloud] = CLOUDS) -> CloudFor:
    """Return the function from a region's name to that region of the cloud.

    Args:
        environ: Says which region is meant if none is named.

    Raises:
        SettingsError: No cloud has the name, or its libraries are not installed.
    """
    cloud = known(name, clouds=clouds)
    try:
        module = importlib.import_module(cloud.module)
    except ModuleNotFoundError as error:
        if not cloud.extra:
            raise
        raise SettingsError(
            f"Launching on {cloud.name} needs {error.name}.", next_step=f"pip install 'cmlkit-ci[{cloud.extra}]'"
        ) from error
    made: CloudFor = module.cloud_for(environ)
    return made


def names() -> str:
    """Return the clouds' own names, for messages."""
    return " and ".join(cloud.name for cloud in CLOUDS.values())
