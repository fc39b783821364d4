"""The part of a cloud that opens a shell on an instance, through the cloud's own service and without an open port."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cmlkit.clouds.planning import Region


@dataclass(frozen=True, kw_only=True)
class ShellProgram:
    """The cloud's program that carries a shell; `advice` says how to install it."""

    name: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A shell that the cloud has opened: the arguments and variables with which the program carries it."""

    arguments: tuple[str, ...] = field(repr=False)
    variables: dict[str, str] = field(repr=False)


class ConnectingCloud(Region, Protocol):
    """One region of a cloud, for a look at a run that hangs."""

    @property
    def shell_program(self) -> ShellProgram:
        """The program that carries a shell."""

    def shell(self, instance_id: str) -> Shell:
        """Open a shell on a running instance.

        Raises:
            PermissionDenied: The credentials do not allow it, or the instance does not; the next step says what does.
        """
