"""A cloud, as cmlkit needs it: what planning, launching and diagnosing need, together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cmlkit.clouds.diagnosing import DiagnosingCloud
from cmlkit.clouds.launching import LaunchingCloud
from cmlkit.clouds.planning import PlanningCloud


class Cloud(PlanningCloud, LaunchingCloud, DiagnosingCloud, Protocol):
    """One region of a cloud, with all that cmlkit asks of it."""


CloudFor = Callable[[str], Cloud]
"""Return the cloud's region of that name; that of the environment if the name is empty."""
