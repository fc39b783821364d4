"""Values in YAML: each reader gets them back, and none becomes a comment, another key or another type."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.sinks.yaml_text import Quote, document, inline

# Text that YAML 1.1 (PyYAML) or YAML 1.2 (GitHub, DVC's ruamel.yaml) takes for something else if it is not quoted.
# https://yaml.org/spec/1.2.2/#103-core-schema, https://yaml.org/type/bool.html, https://yaml.org/type/float.html
OTHER_TYPES = (
    *("on", "off", "yes", "No", "y", "N", "true", "null", "~", "", "=", "<<"),
    *(
        "1e3",
        "1E-3",
        "+1.e5",
        ".5e3",
        "0o17",
        "017",
        "0x1F",
        "1_000",
        "1:30",
        "12",
        "-0.5",
        ".inf",
        ".NaN",
        "2026-11-30",
    ),
    "1234567890123456789012345678e012",  # an MD5 hash
)
ACTING = (
    *(
        "a: b #c",
        "a #c",
        "- a",
        "? a",
        "{a",
        "[a]",
        "*a",
        "&a b",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "a:",
        "'",
        '"',
        "#",
    ),
    *("a\nb: c", "a\r\nb", " a ", "\ta", "a\u2028b", "\x85", "---", "...", "--- a", "a\n...\nb", "\\", 'a "b" \\n'),
    *("${{ secrets.TOKEN }}", "müde 🚗", "a\u202eb", "\x1b[2J", "\ufeffa", "caf\udce9", "a" * 300, "a b " * 90),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", [*OTHER_TYPES, *ACTING])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_text_stays_one_value_on_one_line(text: str, quote: Quote) -> None:
    line = inline(text, quote=quote)
    assert len(line.splitlines()) == 1
    assert yaml.safe_load(f"- key: {line}\n  next: 1\n- {line}\n") == [{"key": text, "next": 1}, text]
    assert yaml.safe_load(inline([text, {text: text}])) == [text, {text: text}]


@pytest.mark.parametrize("text", OTHER_TYPES)
def test_text_that_either_version_of_yaml_takes_for_something_else_is_quoted(text: str) -> None:
    assert inline(text)[0] in "'\""
    assert f": {inline(text)}\n" in document({"key": text})


@pytest.mark.parametrize("text", ["python train.py --epochs=3", "a, b", "v1.2.3", "us-east-1", "me/cmlkit@v9", "a#b:c"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert inline(text) == text


@pytest.mark.parametrize("text", ["a\u202eb", "\x1b[2J", "\x9b", "caf\udce9"])
def test_what_nobody_sees_is_an_escape(text: str) -> None:
    assert inline(text).isascii()
    assert document({text: [text]}).isascii()


@given(VALUES)
def test_any_value_comes_back(value: Any) -> None:
    assert yaml.safe_load(inline(value)) == value
    assert yaml.safe_load(document({"key": value})) == {"key": value}
    assert len(inline(value).splitlines()) == 1


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        inline(object())
