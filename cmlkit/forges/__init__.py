"""Forges: where the repository, its pull requests and its runners live. Here is the list of them.

A new forge is a folder beside `github/` whose `__init__` offers what `ForgeModule` names, and a line in `FORGES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from cmlkit.forges.base import Forge, PublishForge
    from cmlkit.forges.facts import ForgeFacts
    from cmlkit.forges.runners import RunnerForge
    from cmlkit.forges.tokens import Tokens
    from cmlkit.git.access import GitAccess

# Name -> module, imported when the forge is used.
FORGES = {"github": "cmlkit.forges.github"}
DEFAULT_FORGE = "github"
# A label of a host's name -> the forge that is there, which cmlkit does not know.
UNSUPPORTED = {
    "gitlab": "GitLab",
    "altssh": "GitLab",
    "bitbucket": "Bitbucket",
    "codeberg": "Codeberg",
    "gitea": "Gitea",
    "azure": "Azure DevOps",
    "visualstudio": "Azure DevOps",
}


class ForgeModule(Protocol):
    """The module of a forge, which opens it with the address and tokens of the environment.

    Each function takes the repository as `OWNER/NAME`, and `notify`, which is called with one line before a long wait.

    Attributes:
        FACTS: Name, limits and addresses of the forge.
        TOKENS: Variables with the token for everything but runners.
    """

    FACTS: ForgeFacts
    TOKENS: Tokens

    def environ_at(self, server_url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment for requests to a server: its API's address, and only tokens that are meant for it."""

    def with_stored_token(self, server_url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment with the token that a program of this machine keeps for that server, if it has one."""

    def signing_in(self, server_url: str, environ: Mapping[str, str]) -> str:
        """Return how a person at a machine of their own gets a token for that server."""

    def withheld(self, server_url: str, environ: Mapping[str, str]) -> str:
        """Return which tokens `environ_at` leaves out, and how to send them; empty if it keeps all."""

    def open_forge(
        self, *, repository: str, environ: Mapping[str, str], notify: Callable[[str], None], hurried: bool = False
    ) -> Forge:
        """Return the repository.

        Args:
            hurried: Whether the first request is tried once only, to show whether anybody is there.

        Raises:
            PermissionDenied: No token is set.
        """

    def open_for_publishing(
        self, *, repository: str, environ: Mapping[str, str], notify: Callable[[str], None], fork: str, base: str
    ) -> PublishForge:
        """Return the repository; branches and commits go to the fork, if one is named.

        Args:
            base: The branch that pull requests target; the default branch if empty.

        Raises:
            PermissionDenied: No token is set.
            SettingsError: The fork's name is malformed, or that of the repository.
        """

    def open_for_runners(
        self,
        *,
        repository: str,
        environ: Mapping[str, str],
        notify: Callable[[str], None],
        keep_secret: Callable[[str], None],
        scope: str,
        group: str,
        hurried: bool = False,
    ) -> RunnerForge:
        """Return the repository, or its organisation, with the token that registering runners takes.

        Args:
            keep_secret: Called with each token that is made, and each runner's credential, before anything uses it.
            scope: `repository` or `organisation`.
            group: Name or id of the group of new runners; the default group if empty.
            hurried: As in `open_forge`.

        Raises:
            PermissionDenied: No token is set.
            SettingsError: The organisation has no group of that name.
        """

    def git_access(self, environ: Mapping[str, str]) -> GitAccess | None:
        """Return how git reaches the repository of the workflow run; None outside of one, or without a token."""


def forge_module(name: str = "") -> ForgeModule:
    """Return the module of a forge, the default one if `name` is empty.

    Raises:
        SettingsError: No forge has this name.
    """
    name = name or DEFAULT_FORGE
    if name not in FORGES:
        raise SettingsError(f"The forge {name!r} is not known.", next_step=f"Use one of: {', '.join(FORGES)}.")
    return cast("ForgeModule", importlib.import_module(FORGES[name]))


def check_server(server_url: str) -> None:
    """Check that a server is not known to run a forge without a module.

    Raises:
        SettingsError: It is, by the name of its host.
    """
    host = (urlsplit(server_url).hostname or "").lower()
    forge = next((UNSUPPORTED[label] for label in host.split(".") if label in UNSUPPORTED), "")
    if forge:
        raise SettingsError(
            f"{forge} is not supported yet: the repository is on {host}.",
            next_step="Nothing was sent there. cmlkit works with repositories on GitHub: github.com, ghe.com, or a"
            " server of your own.",
        )
