"""Templates of names and texts, in which only `{field}` has a meaning."""

from __future__ import annotations

import string
from collections.abc import Mapping

from cmlkit.errors import SettingsError


def filled(template: str, fields: Mapping[str, str], *, named: str) -> str:
    """Return the template with its fields filled in; `{{` and `}}` are braces.

    Args:
        named: Where the template comes from, for messages, such as `the setting publish.title`.

    Raises:
        SettingsError: The template is malformed or has an unknown field.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise SettingsError(f"{_begun(named)}, {template!r}, is malformed: {error}.") from error
    text = ""
    for literal, field, spec, conversion in parts:
        text += literal
        if field is None:
            continue
        if field not in fields or spec or conversion:
            known = ", ".join(f"{{{name}}}" for name in fields)
            raise SettingsError(f"{_begun(named)}, {template!r}, has the field {{{field}}}; known are {known}.")
        text += fields[field]
    return text


def _begun(named: str) -> str:
    """Return the words as the beginning of a sentence."""
    return named[:1].upper() + named[1:]
