"""The interface of a cloud: planning, launching and diagnosing together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cmlkit.clouds.connecting import ConnectingCloud
from cmlkit.clouds.diagnosing import DiagnosingCloud
from cmlkit.clouds.launching import LaunchingCloud
from cmlkit.clouds.planning import PlanningCloud


class Cloud(PlanningCloud, LaunchingCloud, DiagnosingCloud, ConnectingCloud, Protocol):
    """One region of a cloud, with everything that cmlkit needs."""


CloudFor = Callable[[str], Cloud]
"""Return the cloud's region with that name; the environment's region if the name is empty."""
