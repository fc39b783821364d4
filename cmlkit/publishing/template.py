"""Templates of names and texts, in which only `{field}` has a meaning."""

from __future__ import annotations

import string
from collections.abc import Mapping

from cmlkit.errors import SettingsError


def filled(template: str, fields: Mapping[str, str], *, setting: str) -> str:
    """Return the template with its fields filled in; `{{` and `}}` are braces.

    Args:
        setting: Name of the template's setting, for the message.

    Raises:
        SettingsError: The template is malformed or has an unknown field.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise SettingsError(f"The setting {setting}, {template!r}, is malformed: {error}.") from error
    text = ""
    for literal, field, spec, conversion in parts:
        text += literal
        if field is None:
            continue
        if field not in fields or spec or conversion:
            known = ", ".join(f"{{{name}}}" for name in fields)
            raise SettingsError(f"The setting {setting}, {template!r}, has the field {{{field}}}; known are {known}.")
        text += fields[field]
    return text
