"""Values made to a schema: every property filled in, each as short as it may be."""

from collections.abc import Mapping
from typing import Any


def sample(schema: Any) -> Any:
    """A value that an expanded schema (without references) allows, with every property that it lists."""
    if schema is True or not schema:
        return "anything"
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema or "allOf" in schema:
        return _object(schema)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    return _plain(schema)


def _object(schema: Mapping[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for part in [*schema.get("allOf", []), *schema.get("anyOf", [])[:1]]:
        filled.update(sample(part) if isinstance(part, dict) and "properties" in part else {})
    own = {name: sample(each) for name, each in schema.get("properties", {}).items() if each is not True}
    return {**own, **filled}


def _plain(schema: Mapping[str, Any]) -> Any:
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "array":
        return [sample(schema["items"])] * max(1, schema.get("minItems", 1))
    by_type = {"string": "x" * max(4, schema.get("minLength", 0)), "boolean": True, "object": {}, "null": None}
    return by_type.get(kind, schema.get("minimum", 1))
