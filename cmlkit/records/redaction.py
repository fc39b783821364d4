"""Redaction: texts under the names of secrets, which no record, report or message shows.

Secrets that have no name beside them are those of `cmlkit.sinks.secrets`, which is asked here, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cmlkit.sinks.secrets import HIDDEN, Secrets, is_secret, words

NOTHING_KNOWN = Secrets()

# Of these even a number is hidden in a command line, where everything is text.
_NUMBERS_TOO = frozenset({"password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets"})
_NAME = r"(?P<name>[\w.+-]*(?:passw|pwd|passphrase|token|secret|key|authorization)[\w.+-]*)"
_VALUE = r"\$\{\{[^}]*\}\}|(?:\"(?:[^\"\\]|\\.)*\"|'[^']*')+|[^\s\"'&;|<>()]+"
# --api-key=abc, --token abc, TOKEN=abc, db.password=abc
_ASSIGNED = re.compile(rf"{_NAME}(?P<between>=|[ \t]+(?!-))(?P<value>{_VALUE})", re.IGNORECASE)
# {"api_key": "abc"}, 'X-Api-Key: abc'
_MEMBER = re.compile(
    rf"{_NAME}(?P<between>\\?[\"']?\s*:\s*)"
    r"(?P<value>\\?\"[^\"\\]*\\?\"|'[^']*'|(?:(?:Bearer|Basic|Token)\s+)?[^\s\"',}]+)",
    re.IGNORECASE,
)
_USER_OPTION = re.compile(r"(?P<option>(?:^|\s)(?:-u|--user)[= ]\s*[\"']?[^\s:\"']+:)[^\s\"']+")
# Programs whose -p or -a is a password, not a port or an action; MySQL's asks for one unless it is attached.
_SHORT_OPTION = re.compile(
    r"(?P<option>\b(?:mysql\w*|mariadb\S*)\b[^;|&\n]*?\s-p(?=\S)"
    r"|\b(?:sshpass|docker login|podman login|redis-cli)\b[^;|&\n]*?\s-[pa](?:[ \t]+|=)?)"
    rf"(?P<value>{_VALUE})"
)
_VARIABLE = re.compile(r"\"?\$(?:\w+|\{[^}]*\}|\([^)]*\))\"?|\"?\$\{\{[^}]*\}\}\"?")


def redacted(values: Mapping[str, Any], secrets: Secrets = NOTHING_KNOWN) -> dict[str, Any]:
    """Return values by name with `***` for the texts of secrets, at any depth; numbers stay.

    Args:
        secrets: Values to hide under any name, too.
    """
    return {name: _redacted(value, secrets, is_hidden=is_secret(str(name))) for name, value in values.items()}


def redacted_command(line: str, secrets: Secrets = NOTHING_KNOWN) -> str:
    """Return a command line with `***` for the texts of secrets: in options, assignments, JSON, headers and URLs.

    References to variables stay, as they show no secret.

    Args:
        secrets: Values to hide anywhere, too.
    """
    line = _USER_OPTION.sub(rf"\g<option>{HIDDEN}", secrets.hidden(line))
    line = _SHORT_OPTION.sub(_without_word, line)
    return _ASSIGNED.sub(_without_value, _MEMBER.sub(_without_value, line))


def _redacted(value: Any, secrets: Secrets, *, is_hidden: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _redacted(item, secrets, is_hidden=is_hidden or is_secret(str(name))) for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redacted(item, secrets, is_hidden=is_hidden) for item in value]
    if not isinstance(value, str) or not value:
        return value
    # A text may be a connection string, as `Server=db;Password=abc`, or more options.
    return HIDDEN if is_hidden else _ASSIGNED.sub(_without_value, secrets.hidden(value))


def _without_word(match: re.Match[str]) -> str:
    return match[0] if _VARIABLE.fullmatch(match["value"]) else f"{match['option']}{HIDDEN}"


def _without_value(match: re.Match[str]) -> str:
    name, between, value = match["name"], match["between"], match["value"]
    is_option = between.strip() or name.startswith("-")
    if not is_option or not is_secret(name) or _VARIABLE.fullmatch(value):
        return match[0]
    if _NUMBERS_TOO.isdisjoint(words(name)) and re.fullmatch(r"[-+]?\d+(?:\.\d+)?", value.strip("\"'")):
        return match[0]
    quote = value[0] if value[0] in "\"'" and value[-1] == value[0] else ""
    return f"{name}{between}{quote}{HIDDEN}{quote}"
