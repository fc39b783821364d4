"""Where an object is closed, and what is said about a value that does not fit."""

from typing import Any

import pytest

from tests.contract.schemas import SchemaExpander, faults

NAMED: dict[str, Any] = {
    "user": {"type": "object", "properties": {"login": {"type": "string"}}},
    "named": {"properties": {"name": {"type": "string"}}},
}
USER = {"$ref": "#/components/schemas/user"}
BOTH = {"allOf": [USER, {"$ref": "#/components/schemas/named"}]}
OPEN = {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}}


def reasons(schema: Any, value: Any, *, closed: bool = True) -> list[tuple[str, str]]:
    return faults(SchemaExpander(NAMED).expand(schema, closed=closed), value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (USER, {"login": "octo"}),
        (USER, {}),
        (BOTH, {"login": "octo", "name": "Octo"}),
        ({"anyOf": [USER, {"type": "null"}]}, None),
        (OPEN, {"b": 1}),
        ({"type": "object"}, {"anything": 1}),
        ({"type": "number"}, 1),
        ({"type": "integer"}, 1.0),
    ],
)
def test_what_the_schema_lists_is_right(schema: Any, value: Any) -> None:
    assert reasons(schema, value) == []


@pytest.mark.parametrize(
    ("schema", "value", "pointer"),
    [
        (USER, {"log_in": "octo"}, ""),
        ({"type": "array", "items": USER}, [{"login": "octo"}, {"log_in": "octo"}], "/1"),
        ({"properties": {"owner/a~b": USER}}, {"owner/a~b": {"login": 1}}, "/owner~1a~0b/login"),
        (BOTH, {"login": "octo", "email": "x"}, ""),
        ({"anyOf": [USER, {"type": "null"}]}, {"log_in": "octo"}, ""),
        ({"properties": {"a": {"type": "string"}}, "anyOf": [{"additionalProperties": True}]}, {"b": 1}, ""),
        (OPEN, {"b": "one"}, "/b"),
        ({"properties": {"a": {"type": "integer"}}}, {"a": True}, "/a"),
    ],
)
def test_what_the_schema_does_not_list_is_a_fault(schema: Any, value: Any, pointer: str) -> None:
    assert [where for where, _ in reasons(schema, value)] == [pointer]


def test_an_open_expansion_lets_unlisted_properties_pass() -> None:
    assert reasons(USER, {"log_in": "octo"}, closed=False) == []
    assert reasons(USER, {"login": 1}, closed=False) == [("/login", "1 is not of type 'string'")]
