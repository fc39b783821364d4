"""Cut GitHub's OpenAPI description down to the operations that cmlkit uses.

The description (13 MB) comes with the npm package `@octokit/openapi`; get it and cut it with

    npm install --prefix build --no-save @octokit/openapi
    cp build/node_modules/@octokit/openapi/generated/api.github.com.json build/
    python tests/contract/trim_openapi.py --source build/api.github.com.json

What remains is the operations of `operations.txt`, with the schemas that they reach, as an OpenAPI 3.1 document: prose,
examples and extensions are gone, and `nullable` (OpenAPI 3.0) has become a type, so any JSON Schema 2020-12 validator
can read it. The same source gives the same bytes, one path or schema a line: a diff shows what GitHub changed.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPERATIONS = HERE / "operations.txt"
DESCRIPTION = HERE / "github-openapi.json"
JSON = "application/json"

# Bodies of the errors that any operation may answer, whether or not the description lists them there.
ERROR_SCHEMAS = ("basic-error", "validation-error", "validation-error-simple")

ASSERTIONS = {
    "type", "enum", "required", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
}  # fmt: skip
SCHEMA_MAPS = {"properties"}
SCHEMA_LISTS = {"allOf", "anyOf"}
SCHEMAS = {"items", "additionalProperties"}
NOISE = {
    "title", "description", "default", "example", "examples", "format", "deprecated", "readOnly", "writeOnly",
    "externalDocs", "discriminator", "nullable",
}  # fmt: skip


def read_operations(text: str) -> list[tuple[str, str]]:
    """The (method, path template) pairs of an `operations.txt`, without its blank lines and # comments."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return sorted({(method, path) for method, path in pairs}, key=lambda pair: (pair[1], pair[0]))


def trim(source: dict[str, Any], operations: list[tuple[str, str]]) -> dict[str, Any]:
    """The part of an OpenAPI 3.0 description that `operations` need, as an OpenAPI 3.1 description.

    Raises ValueError for an operation that the source does not have.
    """
    paths: dict[str, Any] = {}
    for method, path in operations:
        paths.setdefault(path, {})[method.lower()] = _operation(source, method, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GitHub REST API, the operations that cmlkit uses",
            "version": source["info"]["version"],
            "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT"},
        },
        "paths": paths,
        "components": {"schemas": _reached_schemas(source, paths)},
    }


def _operation(source: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    try:
        item = source["paths"][path]
        operation = item[method.lower()]
    except KeyError:
        raise ValueError(f"GitHub's description has no {method} {path}; check its spelling there") from None
    parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
    trimmed: dict[str, Any] = {
        "operationId": operation["operationId"],
        "parameters": [_parameter(_resolve(source, each)) for each in parameters],
        "responses": {
            status: _response(_resolve(source, each)) for status, each in sorted(operation["responses"].items())
        },
    }
    if "requestBody" in operation:
        body = _resolve(source, operation["requestBody"])
        trimmed["requestBody"] = {"required": body.get("required", False), **_content(body)}
    return trimmed


def _resolve(source: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = source
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        node = target
    return node


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: parameter[key] for key in ("name", "in", "required", "x-multi-segment") if key in parameter
    }
    return {**kept, "schema": json_schema(parameter["schema"])}


def _response(response: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", **_content(response)}


def _content(node: dict[str, Any]) -> dict[str, Any]:
    schema = node.get("content", {}).get(JSON, {}).get("schema")
    return {"content": {JSON: {"schema": json_schema(schema)}}} if schema is not None else {}


def json_schema(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema 2020-12 that asserts the same, and nothing else.

    `oneOf` becomes `anyOf`: GitHub lists alternatives that overlap, so that its own examples match two of them.
    Raises ValueError for a keyword that is neither an assertion nor known to be noise, lest a check be lost in silence.
    """
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        converted = {"$ref": schema["$ref"]}
    else:
        converted = dict(_keyword(key, value) for key, value in sorted(schema.items()) if not _is_noise(key))
    return _with_null(converted) if schema.get("nullable") else converted


def _is_noise(keyword: str) -> bool:
    return keyword in NOISE or keyword.startswith("x-")


def _keyword(key: str, value: Any) -> tuple[str, Any]:
    if key == "oneOf":
        key = "anyOf"
    if key in ASSERTIONS:
        return key, value
    if key in SCHEMA_MAPS:
        return key, {name: json_schema(each) for name, each in sorted(value.items())}
    if key in SCHEMA_LISTS:
        return key, [json_schema(each) for each in value]
    if key in SCHEMAS:
        return key, json_schema(value)
    raise ValueError(f"unknown schema keyword {key!r}: sort it into the assertions or the noise")


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema.keys().isdisjoint({"$ref", "allOf", "anyOf"}):
        return {"anyOf": [schema, {"type": "null"}]}
    widened = dict(schema)
    if "type" in schema:
        widened["type"] = [schema["type"], "null"]
    if "enum" in schema and None not in schema["enum"]:
        widened["enum"] = [*schema["enum"], None]
    return widened


def _reached_schemas(source: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    waiting = {*_references(paths), *ERROR_SCHEMAS}
    reached: dict[str, Any] = {}
    while waiting:
        name = waiting.pop()
        reached[name] = json_schema(source["components"]["schemas"][name])
        waiting.update(_references(reached[name]) - reached.keys())
    return dict(sorted(reached.items()))


def _references(node: Any) -> set[str]:
    return {each["$ref"].rpartition("/")[2] for each in _dicts(node) if isinstance(each.get("$ref"), str)}


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _dicts(child)


def render(description: dict[str, Any]) -> str:
    """The description as JSON text with one path or schema a line."""
    return (
        f'{{"openapi": {_compact(description["openapi"])},\n"info": {_compact(description["info"])},\n'
        f'"paths": {{\n{_entries(description["paths"])}\n}},\n'
        f'"components": {{"schemas": {{\n{_entries(description["components"]["schemas"])}\n}}}}}}\n'
    )


def _entries(mapping: dict[str, Any]) -> str:
    return ",\n".join(f"{_compact(key)}:{_compact(value)}" for key, value in mapping.items())


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="generated/api.github.com.json of @octokit/openapi")
    parser.add_argument("--operations", type=Path, default=OPERATIONS)
    parser.add_argument("--output", type=Path, default=DESCRIPTION)
    arguments = parser.parse_args()
    operations = read_operations(arguments.operations.read_text("utf-8"))
    text = render(trim(json.loads(arguments.source.read_text("utf-8")), operations))
    arguments.output.write_text(text, "utf-8")
    print(f"{arguments.output}: {len(operations)} operations, {len(text.encode()):,} bytes")


if __name__ == "__main__":
    main()
