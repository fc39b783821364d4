"""Redaction: texts under the names of secrets, which no record, report or message shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_SECRETS = frozenset(
    {"password", "passwords", "passwd", "passphrase", "token", "secret", "secrets", "key", "apikey", "authorization"}
)
# Of these even a number is hidden in a command line, where everything is text.
_NUMBERS_TOO = frozenset({"password", "passwords", "passwd", "passphrase", "secret", "secrets"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAME = r"(?P<name>[\w.+-]*(?:passw|passphrase|token|secret|key|authorization)[\w.+-]*)"
_VALUE = r"\$\{\{[^}]*\}\}|(?:\"(?:[^\"\\]|\\.)*\"|'[^']*')+|[^\s\"'&;|<>()]+"
# --api-key=abc, --token abc, TOKEN=abc, db.password=abc
_ASSIGNED = re.compile(rf"{_NAME}(?P<between>=|[ \t]+(?!-))(?P<value>{_VALUE})", re.IGNORECASE)
# {"api_key": "abc"}, 'X-Api-Key: abc'
_MEMBER = re.compile(
    rf"{_NAME}(?P<between>\\?[\"']?\s*:\s*)"
    r"(?P<value>\\?\"[^\"\\]*\\?\"|'[^']*'|(?:(?:Bearer|Basic|Token)\s+)?[^\s\"',}]+)",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@\"']+(?=@)")
_USER_OPTION = re.compile(r"(?P<option>(?:^|\s)(?:-u|--user)[= ]\s*[\"']?[^\s:\"']+:)[^\s\"']+")
_VARIABLE = re.compile(r"\"?\$(?:\w+|\{[^}]*\}|\([^)]*\))\"?|\"?\$\{\{[^}]*\}\}\"?")


def is_secret(name: str) -> bool:
    """Return whether a name has password, token, secret or key among its words: `api_key`, not `max_tokens`."""
    return not _SECRETS.isdisjoint(word.casefold() for word in _WORD.findall(name))


def redacted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name with `***` for the texts of secrets, at any depth; numbers stay."""
    return {name: _redacted(value, is_hidden=is_secret(str(name))) for name, value in values.items()}


def redacted_command(line: str) -> str:
    """Return a command line with `***` for the texts of secrets: in options, assignments, JSON, headers and URLs.

    References to variables stay, as they show no secret.
    """
    line = _USER_IN_URL.sub(HIDDEN, line)
    line = _USER_OPTION.sub(rf"\g<option>{HIDDEN}", line)
    return _ASSIGNED.sub(_without_value, _MEMBER.sub(_without_value, line))


def _redacted(value: Any, *, is_hidden: bool) -> Any:
    if isinstance(value, Mapping):
        return {name: _redacted(item, is_hidden=is_hidden or is_secret(str(name))) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item, is_hidden=is_hidden) for item in value]
    return HIDDEN if is_hidden and isinstance(value, str) and value else value


def _without_value(match: re.Match[str]) -> str:
    name, between, value = match["name"], match["between"], match["value"]
    is_option = between.strip() or name.startswith("-")
    if not is_option or not is_secret(name) or _VARIABLE.fullmatch(value):
        return match[0]
    words = {word.casefold() for word in _WORD.findall(name)}
    if _NUMBERS_TOO.isdisjoint(words) and re.fullmatch(r"[-+]?\d+(?:\.\d+)?", value.strip("\"'")):
        return match[0]
    quote = value[0] if value[0] in "\"'" and value[-1] == value[0] else ""
    return f"{name}{between}{quote}{HIDDEN}{quote}"
