"""Tokens: the variables that may hold one, and what to do if none does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cmlkit.errors import PermissionDenied


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Variables that may hold a token for one purpose; the first that is set counts.

    Attributes:
        forge: The forge's name, for the message.
        keeper: A program that keeps such tokens on people's machines, as in "the token of …"; empty if none is asked.
        advice: A sentence to add to the next step if no variable is set.
    """

    forge: str
    variables: tuple[str, ...]
    keeper: str = ""
    advice: str = ""

    def found(self, environ: Mapping[str, str]) -> str:
        """Return the token, without blanks around it; empty if no variable is set."""
        return next((token for name in self.variables if (token := environ.get(name, "").strip())), "")

    def required(self, environ: Mapping[str, str], *, repository: str) -> str:
        """Return the token.

        Raises:
            PermissionDenied: No variable is set.
        """
        if token := self.found(environ):
            return token
        names = ", ".join(self.variables)
        raise PermissionDenied(
            f"No {self.forge} token is set for {repository}.",
            next_step=f"Set one of {names}; in a workflow, in the step's env. {self.advice}".rstrip(),
        )
