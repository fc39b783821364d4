"""From a request's path to the path template of GitHub's description that it stands for."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path template. `many_segments` are the parameters that may hold slashes, such as a ref or a file."""

    template: str
    many_segments: frozenset[str]

    def parameters(self, path: str) -> dict[str, str] | None:
        """The parameters of a percent-encoded path, decoded; None when the path is not of this template."""
        match = self._pattern.fullmatch(path)
        return None if match is None else {name: unquote(value) for name, value in match.groupdict().items()}

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("/".join(self._segment_pattern(segment) for segment in self.template.split("/")))

    def _segment_pattern(self, segment: str) -> str:
        name = PLACEHOLDER.fullmatch(segment)
        if name is None:
            return re.escape(segment)
        more = "(?:/[^/]+)*" if name[1] in self.many_segments else ""
        return f"(?P<{name[1]}>[^/]+{more})"

    def precedence(self) -> list[tuple[int, str]]:
        """A sort key that puts the more exact template first: literal, then one segment, then many, then the end."""
        return [*(self._rank(segment) for segment in self.template.split("/")), (3, "")]

    def _rank(self, segment: str) -> tuple[int, str]:
        name = PLACEHOLDER.fullmatch(segment)
        if name is None:
            return (0, segment)
        return (2, "") if name[1] in self.many_segments else (1, "")


def compile_routes(paths: Mapping[str, Mapping[str, Any]]) -> list[Route]:
    """The routes of a description's `paths`, the most exact first."""
    routes = (Route(template=template, many_segments=_many_segments(item)) for template, item in paths.items())
    return sorted(routes, key=lambda route: (route.precedence(), route.template))


def matching(routes: Iterable[Route], path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every template that a path can stand for, the most exact first, with the path's parameters."""
    for route in routes:
        parameters = route.parameters(path)
        if parameters is not None:
            yield route.template, parameters


def _many_segments(item: Mapping[str, Any]) -> frozenset[str]:
    parameters = (each for operation in item.values() for each in operation["parameters"])
    return frozenset(each["name"] for each in parameters if each.get("x-multi-segment"))
