"""The clouds that launch instances, listed by their names in the setting `runner.cloud`.

A new cloud needs a folder beside `aws/` whose `__init__` has `cloud_for(environ, hurried)`, and a line in `CLOUDS`.
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
    """A cloud's name and module.

    Attributes:
        name: The cloud's own name, for messages.
        module: Imported when the cloud is used; its `cloud_for(environ, hurried)` returns a `CloudFor`.
        extra: The extra of `cmlkit-ci` that installs the cloud's libraries; empty if they are always installed.
    """

    name: str
    module: str
    extra: str = ""


CLOUDS: Mapping[str, KnownCloud] = {
    "aws": KnownCloud(name="AWS", module="cmlkit.clouds.aws"),
}


def known(name: str, *, clouds: Mapping[str, KnownCloud] = CLOUDS) -> KnownCloud:
    """Return the cloud with that name.

    Raises:
        SettingsError: No cloud has the name.
    """
    if name not in clouds:
        raise SettingsError(f"The cloud {name!r} is not known.", next_step=f"Use one of: {', '.join(clouds)}.")
    return clouds[name]


def cloud_for(
    name: str, environ: Mapping[str, str], *, clouds: Mapping[str, KnownCloud] = CLOUDS, hurried: bool = False
) -> CloudFor:
    """Return a function from a region's name to that region of the cloud.

    Args:
        environ: Environment with the default region.
        hurried: Whether the owner of the credentials is asked for once only, to show whether the cloud is there.

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
    made: CloudFor = module.cloud_for(environ, hurried=hurried)
    return made


def names() -> str:
    """Return the clouds' own names, for messages."""
    return " and ".join(cloud.name for cloud in CLOUDS.values())
