"""A reader for GraphQL requests: one operation, its fields, and their arguments with variables substituted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r'(?:[\s,]|#[^\n]*)*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[$@]?\w+|\.\.\.|[{}()\[\]:!=|])')


class QueryError(Exception):
    """The text is not a request that this reader supports."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A requested field; `fields` are those of its value."""

    name: str
    key: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()


def read_query(text: str, variables: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return the top-level fields of the request's only operation.

    Raises:
        QueryError: A syntax error, or an unsupported construct.
    """
    reader = _Reader(_tokens(text), variables)
    while reader.peek() != "{":
        # `query Name($variable: Type = default)`: the variables' types are not looked at.
        reader.take()
    fields = reader.selection()
    if reader.peek():
        raise QueryError(f"Expected one operation, but there is {reader.peek()!r} after it")
    return fields


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError(f"Parse error at {text[position : position + 20]!r}")
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[str], variables: Mapping[str, Any]) -> None:
        self._tokens = tokens
        self._variables = variables
        self._next = 0

    def peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise QueryError(f"Expected {expected or 'more'}, but got {token or 'the end'}")
        self._next += 1
        return token

    def selection(self) -> tuple[Field, ...]:
        self.take("{")
        fields: list[Field] = []
        while self.peek() != "}":
            fields += self._fields()
        self.take("}")
        return tuple(fields)

    def _fields(self) -> tuple[Field, ...]:
        if self.peek() == "...":
            # An inline fragment, `... on Type {…}`: its fields count for whatever type the value has.
            self.take()
            self.take("on")
            self.take()
            return self.selection()
        key = name = self.take()
        if self.peek() == ":":
            self.take()
            name = self.take()
        arguments = self._pairs("(", ")") if self.peek() == "(" else {}
        fields = self.selection() if self.peek() == "{" else ()
        return (Field(name=name, key=key, arguments=arguments, fields=fields),)

    def _pairs(self, opening: str, closing: str) -> dict[str, Any]:
        self.take(opening)
        pairs: dict[str, Any] = {}
        while self.peek() != closing:
            name = self.take()
            self.take(":")
            pairs[name] = self._value()
        self.take(closing)
        return pairs

    def _value(self) -> Any:
        if self.peek() == "{":
            return self._pairs("{", "}")
        if self.peek() == "[":
            return self._list()
        token = self.take()
        if token.startswith("$"):
            return self._variables.get(token[1:])
        if token.startswith('"') or re.fullmatch(r"-?\d+(\.\d+)?|true|false|null", token):
            return json.loads(token)
        return token

    def _list(self) -> list[Any]:
        self.take("[")
        values: list[Any] = []
        while self.peek() != "]":
            values.append(self._value())
        self.take("]")
        return values
