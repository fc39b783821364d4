"""Templates of names and texts: only fields have a meaning, and each mistake is told with the text that has it."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.publishing.template import filled

FIELDS = {"run": "7", "base": "main"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("cmlkit/{base}/{run}", "cmlkit/main/7"),
        ("{run}{run}", "77"),
        ("{{run}} of {run}}}", "{run} of 7}"),
    ],
)
def test_fields_are_filled_in_and_doubled_braces_are_braces(template: str, text: str) -> None:
    assert filled(template, FIELDS, named="the setting publish.branch") == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{date}", "has the field {date}; known are {run}, {base}."),
        ("{}", "has the field {}; known are {run}, {base}."),
        ("{run:>9}", "has the field {run}; known are {run}, {base}."),
        ("{run!r}", "has the field {run}; known are {run}, {base}."),
        ("{run.real}", "has the field {run.real}; known are {run}, {base}."),
        ("{run", "is malformed: expected '}' before end of string."),
        ("run}", "is malformed: Single '}' encountered in format string."),
    ],
)
def test_what_is_no_field_is_refused_with_the_template_and_the_fields(template: str, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        filled(template, FIELDS, named="the setting publish.branch")
    assert caught.value.message == f"The setting publish.branch, {template!r}, {why}"
