"""Workflow expressions, as far as the cases use them; anything else is an error, never an empty text.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>==|!=|&&|\|\||[!().,]))"
)
_INSERTED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_STATUS_FUNCTION = re.compile(r"\b(always|success|failure|cancelled)\s*\(")
_CONSTANTS = {"true": True, "false": False, "null": None}
# A run of another event lacks what these have, and GitHub's expressions are empty then.
_MAY_LACK = ("github.event",)


class UnknownExpression(Exception):
    """The expression, or a name in it, is not known here."""


def expanded(text: str, contexts: Mapping[str, Any], *, failed: bool = False) -> str:
    """Return the text with each `${{ … }}` replaced by its value."""
    return _INSERTED.sub(lambda found: _shown(value_of(found[1], contexts, failed=failed)), text)


def condition(text: str, contexts: Mapping[str, Any], *, failed: bool) -> bool:
    """Return whether an `if:` holds; without a status function it also needs that nothing has failed."""
    inner = found[1] if (found := _INSERTED.fullmatch(text.strip())) else text
    holds = bool(value_of(inner, contexts, failed=failed)) if inner.strip() else True
    return holds and (not failed or bool(_STATUS_FUNCTION.search(inner)))


def value_of(text: str, contexts: Mapping[str, Any], *, failed: bool = False) -> Any:
    """Return the value of an expression without its `${{ }}`."""
    parser = _Parser(text, contexts, failed=failed)
    value = parser.alternatives()
    if parser.sign or parser.kind != "end":
        raise UnknownExpression(f"{text.strip()!r} has an end that is not known here: {parser.word!r}")
    return value


class _Parser:
    def __init__(self, text: str, contexts: Mapping[str, Any], *, failed: bool) -> None:
        self.contexts = contexts
        self.failed = failed
        self._tokens = _tokens(text)
        self.kind, self.word = next(self._tokens)

    @property
    def sign(self) -> str:
        return self.word if self.kind == "sign" else ""

    def take(self) -> str:
        word = self.word
        self.kind, self.word = next(self._tokens, ("end", ""))
        return word

    def alternatives(self) -> Any:
        value = self.conjunction()
        while self.sign == "||":
            self.take()
            other = self.conjunction()
            value = value or other
        return value

    def conjunction(self) -> Any:
        value = self.comparison()
        while self.sign == "&&":
            self.take()
            other = self.comparison()
            value = value and other
        return value

    def comparison(self) -> Any:
        value = self.operand()
        if self.sign in ("==", "!="):
            negated = self.take() == "!="
            return (_compared(value) == _compared(self.operand())) != negated
        return value

    def operand(self) -> Any:
        if self.sign == "!":
            self.take()
            return not self.operand()
        if self.sign == "(":
            self.take()
            value = self.alternatives()
            self.expect(")")
            return value
        if self.kind == "text":
            return self.take()[1:-1].replace("''", "'")
        if self.kind == "number":
            return int(self.take())
        if self.kind != "name":
            raise UnknownExpression(f"{self.word!r} is not known here as the begin of a value")
        return self.named(self.take())

    def named(self, name: str) -> Any:
        if self.sign == "(":
            return self.called(name)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        path, value = name, self.contexts.get(name)
        if value is None:
            raise UnknownExpression(f"the context {name!r} is not known here")
        while self.sign == ".":
            self.take()
            key = self.take()
            path, value = f"{path}.{key}", _member(path, value, key)
        return value

    def called(self, name: str) -> Any:
        self.expect("(")
        arguments = []
        while self.sign != ")":
            arguments.append(self.alternatives())
            if self.sign == ",":
                self.take()
        self.expect(")")
        return _call(name, arguments, failed=self.failed)

    def expect(self, sign: str) -> None:
        if self.sign != sign:
            raise UnknownExpression(f"{sign!r} is missing before {self.word!r}")
        self.take()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    rest = text.strip()
    while rest:
        found = _TOKEN.match(rest)
        if found is None:
            raise UnknownExpression(f"{rest!r} is not known here")
        kind = str(found.lastgroup)
        yield kind, found[kind]
        rest = rest[found.end() :]
    yield "end", ""


def _member(path: str, value: Any, key: str) -> Any:
    may_lack = path.startswith(_MAY_LACK)
    if value is None and may_lack:
        return None
    if not isinstance(value, Mapping) or (key not in value and not may_lack):
        raise UnknownExpression(f"{path}.{key} is not known here")
    return value.get(key)


def _call(name: str, arguments: list[Any], *, failed: bool) -> Any:
    if name in ("always", "success", "failure", "cancelled") and not arguments:
        return {"always": True, "success": not failed, "failure": failed, "cancelled": False}[name]
    if name == "contains" and len(arguments) == 2:
        return str(arguments[1]).lower() in str(arguments[0]).lower()
    if name == "startsWith" and len(arguments) == 2:
        return str(arguments[0]).lower().startswith(str(arguments[1]).lower())
    if name == "format" and arguments:
        return str(arguments[0]).format(*map(_shown, arguments[1:]))
    raise UnknownExpression(f"the function {name} with {len(arguments)} arguments is not known here")


def _compared(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else "" if value is None else value


def _shown(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
