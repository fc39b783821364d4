"""Cutting GitHub's description down loses prose only."""

import copy
import json
from typing import Any

import pytest

from tests.contract.contract import DESCRIPTION
from tests.contract.trim_openapi import OPERATIONS, json_schema, read_operations, render, trim

NAMED = {
    "basic-error": {"type": "object", "properties": {"message": {"type": "string"}}},
    "validation-error": {"type": "object"},
    "validation-error-simple": {"type": "object"},
    "thing": {
        "properties": {"title": {"type": "string", "title": "T", "example": "x"}, "owner": {"$ref": "#/c/owner"}}
    },
    "owner": {"type": "object", "nullable": True, "x-github": {}, "properties": {}},
    "unused": {"type": "string"},
}
SOURCE: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"version": "9.8.7"},
    "paths": {
        "/things/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "operationId": "things/get",
                "description": "Long prose",
                "responses": {
                    "404": {"$ref": "#/components/responses/not_found"},
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/c/thing"}, "examples": {}}}},
                },
            },
        },
        "/others": {"get": {"operationId": "others/list", "responses": {}}},
    },
    "components": {
        "schemas": NAMED,
        "parameters": {"id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}},
        "responses": {"not_found": {"content": {"application/json": {"schema": {"$ref": "#/c/basic-error"}}}}},
    },
}


def test_only_the_wanted_operations_and_the_schemas_that_they_reach_remain() -> None:
    trimmed = trim(SOURCE, [("GET", "/things/{id}")])
    assert list(trimmed["paths"]) == ["/things/{id}"]
    assert list(trimmed["components"]["schemas"]) == [
        "basic-error", "owner", "thing", "validation-error", "validation-error-simple",
    ]  # fmt: skip
    assert trimmed["info"]["version"] == "9.8.7"


def test_shared_parameters_and_answers_are_put_in_place() -> None:
    operation = trim(SOURCE, [("GET", "/things/{id}")])["paths"]["/things/{id}"]["get"]
    assert operation["parameters"] == [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
    assert operation["responses"]["404"]["content"]["application/json"]["schema"] == {"$ref": "#/c/basic-error"}


def test_the_source_is_left_as_it_was_and_gives_the_same_bytes_again() -> None:
    before = copy.deepcopy(SOURCE)
    first = render(trim(SOURCE, [("GET", "/things/{id}"), ("GET", "/others")]))
    assert before == SOURCE
    assert render(trim(SOURCE, [("GET", "/things/{id}"), ("GET", "/others")])) == first
    assert json.loads(first)["openapi"] == "3.1.0"


def test_an_operation_that_github_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no PATCH /things/\{id\}"):
        trim(SOURCE, [("PATCH", "/things/{id}")])


def test_prose_goes_but_properties_of_the_same_name_stay() -> None:
    schema = {"type": "object", "description": "prose", "properties": {"description": {"type": "string", "title": "D"}}}
    assert json_schema(schema) == {"type": "object", "properties": {"description": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "converted"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"nullable": True, "oneOf": [{"type": "string"}]},
            {"anyOf": [{"anyOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        (
            {"type": "array", "items": {"type": "integer", "nullable": True}},
            {"type": "array", "items": {"type": ["integer", "null"]}},
        ),
        ({"type": "object", "additionalProperties": True}, {"type": "object", "additionalProperties": True}),
    ],
)
def test_a_schema_says_the_same_in_the_newer_dialect(schema: dict[str, Any], converted: dict[str, Any]) -> None:
    assert json_schema(schema) == converted


def test_a_keyword_that_nobody_has_sorted_is_refused_rather_than_lost() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        json_schema({"type": "integer", "multipleOf": 5})


def test_comments_and_blank_lines_are_no_operations() -> None:
    assert read_operations("# GET /a\n\nPOST /b\n  GET /b  \n") == [("GET", "/b"), ("POST", "/b")]


def test_the_kept_description_has_exactly_the_listed_operations() -> None:
    paths = json.loads(DESCRIPTION.read_text("utf-8"))["paths"]
    kept = {(method.upper(), path) for path, item in paths.items() for method in item}
    assert kept == set(read_operations(OPERATIONS.read_text("utf-8")))
