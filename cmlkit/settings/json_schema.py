"""The JSON schema of `cmlkit.yaml`, with which editors complete keys and values and mark wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmlkit.settings import search
from cmlkit.settings.file import BARE, BARE_KEY
from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import (
    DIRECTIONS,
    DURATION,
    DURATION_KIND,
    ESTIMATOR,
    FLAG,
    INTEGER,
    LIST,
    MAPPING,
    NUMBER,
    SEARCH,
    Between,
    Kind,
    Setting,
    a_while,
)

# The newest draft that the YAML language server of most editors supports in full.
# https://github.com/redhat-developer/yaml-language-server#features
DRAFT = "http://json-schema.org/draft-07/schema#"
_SCALAR = {"type": ["string", "number", "null"]}
_TEXTS = {"anyOf": [{"type": "array", "items": {"type": ["string", "number"]}}, _SCALAR]}
# The words that YAML 1.1 takes for a truth value, and later versions for text.
_TRUTH = {"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off", "true", "false", "1", "0", 1, 0]}]}
_LASTING = r"(?=.*[1-9])"

_FORMS: Mapping[str, Mapping[str, Any]] = {
    LIST.name: _TEXTS,
    INTEGER.name: {"type": ["integer", "string"], "pattern": r"^\s*\d+\s*$", "minimum": 0},
    NUMBER.name: {"type": ["number", "string"], "pattern": r"^\s*\d+(\.\d*)?([eE][-+]?\d+)?\s*$", "minimum": 0},
    FLAG.name: _TRUTH,
    MAPPING.name: {"type": ["object", "null"]},
}
"""Name of a kind -> what values of it look like in the file; all others are text."""

_OWN_FORMS: tuple[tuple[Kind, Mapping[str, Any]], ...] = (
    (DIRECTIONS, {"type": ["object", "null"], "additionalProperties": {"enum": ["higher", "lower"]}}),
    (ESTIMATOR, {"type": ["string", "array", "object", "null"]}),
    (SEARCH, {"type": ["object", "null"], "properties": {"kind": {"enum": list(search.KINDS)}}}),
)


def json_schema() -> dict[str, Any]:
    """Return the schema: whatever it accepts has known keys, and values of the right kind."""
    return {
        "$schema": DRAFT,
        "title": "cmlkit.yaml",
        "description": "How a project trains, on what machine, and where its models go.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {section: _section(section, declarations) for section, declarations in SCHEMA.items()},
    }


def _section(name: str, declarations: tuple[Setting, ...]) -> dict[str, Any]:
    values = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {_key(declaration): _value(declaration) for declaration in declarations},
    }
    return {"anyOf": [_rules(declarations), values]} if name == BARE else values


def _key(declaration: Setting) -> str:
    return declaration.name.replace("_", "-")


def _rules(declarations: tuple[Setting, ...]) -> dict[str, Any]:
    """Return the form of the gate that is no mapping, but the list of its rules."""
    return next(_value(declaration) for declaration in declarations if declaration.name == BARE_KEY)


def _value(declaration: Setting) -> dict[str, Any]:
    described = {"description": declaration.help, **_form(declaration)}
    if isinstance(declaration.check, Between):
        described |= {"minimum": declaration.check.least, "maximum": declaration.check.most}
    if isinstance(declaration.default, bool | int | float) and declaration.kind is not DURATION_KIND:
        described["default"] = declaration.default
    return described


def _form(declaration: Setting) -> Mapping[str, Any]:
    kind = declaration.kind
    if kind.choices:
        return {"enum": [*kind.choices, *([None] if "" in kind.choices else [])]}
    if kind is DURATION_KIND:
        lasting = _LASTING if declaration.check is a_while else r"(?=\s*\d)"
        return {"type": "string", "pattern": rf"^{lasting}\s*{DURATION.pattern}\s*$"}
    return next((form for own, form in _OWN_FORMS if own is kind), _FORMS.get(kind.name, _SCALAR))
