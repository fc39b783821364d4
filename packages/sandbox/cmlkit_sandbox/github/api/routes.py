"""The API's routes: function and needed permission for each method and path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.routing import Map, Rule

from cmlkit_sandbox.github.api.call import Answer

Handler = Callable[..., Answer]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The endpoint of one operation.

    Attributes:
        needs: Permission in GitHub's notation, as in the header `X-Accepted-GitHub-Permissions`.
        forbidden: Kinds of token that GitHub refuses here.
        locked: Whether it changes the repository, so that calls must come one after another.
        by_app: Whether it is for GitHub Apps themselves, which present a JWT instead of a token.
    """

    handler: Handler
    needs: str
    forbidden: frozenset[str]
    locked: bool
    by_app: bool


class Routes:
    """A table of operations, filled by the modules of the API."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        needs: str = "metadata=read",
        forbidden: frozenset[str] = frozenset(),
        locked: bool | None = None,
        by_app: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Return a decorator for an endpoint's function. Writes are locked unless stated otherwise."""

        def decorate(handler: Handler) -> Handler:
            lock = method != "GET" if locked is None else locked
            endpoint = Endpoint(handler=handler, needs=needs, forbidden=forbidden, locked=lock, by_app=by_app)
            self._rules.append(Rule(path, methods=[method], endpoint=endpoint))
            return handler

        return decorate

    def rules(self, prefix: str) -> list[Rule]:
        """Return the rules, with their paths below `prefix`."""
        return [Rule(prefix + rule.rule, methods=rule.methods, endpoint=rule.endpoint) for rule in self._rules]


def routing_map(prefix: str, *tables: Routes) -> Map:
    """Return one map of all tables, with paths below `prefix`."""
    rules = [rule for table in tables for rule in table.rules(prefix)]
    return Map(rules, strict_slashes=False, merge_slashes=False)
