"""One call of the REST API, its repository and fields, and its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from cmlkit_sandbox.github.accounts import Account, Token
from cmlkit_sandbox.github.apps import App
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.refusals import (
    Refusal,
    invalid,
    not_found,
    unprocessable,
)
from cmlkit_sandbox.github.repository import Repository

T = TypeVar("T")

PER_PAGE = 30
MAX_PER_PAGE = 100
JSON_TYPE_NAMES = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An API answer: a JSON value, or bytes of another type; None for no body."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"


@dataclass(kw_only=True)
class Call:
    """One call. `repository` is named by the path; `app` is set if a GitHub App calls as itself."""

    hub: Hub
    request: Request
    token: Token | None = None
    repository_or_none: Repository | None = None
    app_or_none: App | None = None

    @property
    def repository(self) -> Repository:
        if self.repository_or_none is None:
            raise not_found()
        return self.repository_or_none

    @property
    def app(self) -> App:
        if self.app_or_none is None:
            raise Refusal(401, "A JSON web token could not be decoded")
        return self.app_or_none

    @property
    def actor(self) -> Account:
        if self.token is None:
            raise Refusal(401, "Requires authentication")
        return self.token.account

    def query(self, name: str, default: str = "") -> str:
        return self.request.args.get(name, default)

    @property
    def fields(self) -> Fields:
        """The body's JSON object; an empty one when there is no body."""
        return self._fields(self._body())

    def fields_or_list(self, name: str) -> Fields:
        """Return the body's JSON object, or, of a body that is a list, one with that list under `name`."""
        body = self._body()
        return self._fields({name: body} if isinstance(body, list) else body)

    def _body(self) -> Any:
        content = self.request.get_data()
        try:
            return json.loads(content) if content else {}
        except ValueError:
            raise Refusal(400, "Problems parsing JSON") from None

    @staticmethod
    def _fields(body: Any) -> Fields:
        if not isinstance(body, dict):
            raise Refusal(400, "Body should be a JSON object")
        return Fields(body)

    def page(self, items: Sequence[T], shape: Callable[[T], object], *, key: str = "") -> Answer:
        """Return one page of a list, with links to the others.

        Args:
            shape: Makes the JSON of one item; called for this page's items only.
            key: Key of the list beside `total_count`, if GitHub wraps it.
        """
        size = min(max(self._positive("per_page", PER_PAGE), 1), MAX_PER_PAGE)
        page = max(self._positive("page", 1), 1)
        shown = [shape(item) for item in items[(page - 1) * size : page * size]]
        last = max(-(-len(items) // size), 1)
        body = {"total_count": len(items), key: shown} if key else shown
        return Answer(body=body, headers=self._links(page, last))

    def _positive(self, name: str, default: int) -> int:
        text = self.query(name)
        return int(text) if text.isascii() and text.isdecimal() else default

    def _links(self, page: int, last: int) -> dict[str, str]:
        targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        wanted = ["prev", "first"] if page > 1 else []
        wanted += ["next", "last"] if page < last else []
        links = ", ".join(f'<{self._url_of_page(targets[rel])}>; rel="{rel}"' for rel in wanted)
        return {"Link": links} if links else {}

    def _url_of_page(self, page: int) -> str:
        query = {**self.request.args.to_dict(), "page": str(page)}
        return f"{self.hub.url}{self.request.path}?{urlencode(query)}"


class Fields:
    """The fields of a request's body, with GitHub's answers to missing or mistyped ones."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        """Return a required string."""
        return self._typed(name, str, self._required(name))

    def optional_text(self, name: str, default: str | None = None) -> str | None:
        value = self.values.get(name)
        return default if value is None else self._typed(name, str, value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        return default if value is None else self._typed(name, bool, value)

    def number(self, name: str) -> int:
        return self._typed(name, int, self._required(name))

    def optional_number(self, name: str) -> int | None:
        value = self.values.get(name)
        return None if value is None else self._typed(name, int, value)

    def texts(self, name: str) -> list[str]:
        """Return a list of strings; empty if missing."""
        values: list[Any] = self._typed(name, list, self.values.get(name) or [])
        return [self._typed(f"{name}/{index}", str, value) for index, value in enumerate(values)]

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects; empty if missing."""
        values: list[Any] = self._typed(name, list, self.values.get(name) or [])
        return [Fields(self._typed(f"{name}/{index}", dict, value)) for index, value in enumerate(values)]

    def object(self, name: str) -> Fields:
        """Return an object; empty if missing."""
        return Fields(self._typed(name, dict, self.values.get(name) or {}))

    def one_of(self, name: str, choices: Sequence[str], *, default: str = "") -> str:
        value = self.optional_text(name, default) or default
        if value not in choices:
            problem = f'"{value}" is not one of {list(choices)}.'
            raise unprocessable(f"Invalid request.\n\nFor 'properties/{name}', {problem}")
        return value

    def body_text(self, resource: str, *, limit: int, name: str = "body") -> str:
        """Return the markdown of a comment, which is not blank and within GitHub's limit."""
        text = self.text(name)
        if not text.strip():
            raise invalid(resource, "missing_field", field=name)
        return within(resource, name, text, limit=limit)

    def _required(self, name: str) -> Any:
        value = self.values.get(name)
        if value is None:
            raise unprocessable(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        return value

    @staticmethod
    def _typed(name: str, kind: type[T], value: Any) -> T:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            shown = json.dumps(value)[:100]
            wanted = JSON_TYPE_NAMES[kind]
            raise unprocessable(f"Invalid request.\n\nFor 'properties/{name}', {shown} is not of type {wanted}.")
        return value


def within(resource: str, name: str, text: str, *, limit: int) -> str:
    """Return the text if it is within GitHub's limit on code points."""
    if len(text) > limit:
        message = f"{name} is too long (maximum is {limit} characters)"
        raise invalid(resource, "custom", field=name, message=message)
    return text
