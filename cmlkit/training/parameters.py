"""Parameters of a training: those in the settings, or those in `params.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cmlkit.bounds.files import SETTINGS_BYTES, read_text
from cmlkit.bounds.yaml_text import value_of, yaml_nodes, yaml_problem
from cmlkit.records.json_text import json_text, plain
from cmlkit.records.redaction import redacted
from cmlkit.records.training_run import Parameter

PARAMETERS_FILE = "params.yaml"
DEPTH_LIMIT = 20


def recorded(values: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return parameters in a form for reports, without secrets: scalars unchanged, others as JSON text."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else json_text(value)
        for name, value in plain(redacted(values)).items()
    }


def in_file(directory: Path, warn: Callable[[str], None]) -> dict[str, Parameter]:
    """Return the parameters in `params.yaml`, nested names joined by dots; empty if there is no such file.

    Args:
        warn: Called with a message if the file, or a part of it, cannot be read: that must not fail a training.
    """
    try:
        text = read_text(directory / PARAMETERS_FILE, SETTINGS_BYTES, "utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        warn(f"{PARAMETERS_FILE} cannot be read, so the record has no parameters: {error}.")
        return {}
    try:
        return recorded(_of_documents(text, warn))
    except yaml.YAMLError as error:
        warn(f"{yaml_problem(PARAMETERS_FILE, error)} The record has no parameters.")
    except (RecursionError, ValueError) as error:
        warn(f"{PARAMETERS_FILE} cannot be read, so the record has no parameters: {error}.")
    return {}


def _of_documents(text: str, warn: Callable[[str], None]) -> dict[str, Any]:
    """Return the parameters of all documents; of a name in several, the last value."""
    loader = _loader()
    documents = [document for node in yaml_nodes(text) if (document := value_of(node, loader)) is not None]
    if len(documents) > 1:
        warn(f"{PARAMETERS_FILE} has {len(documents)} documents: of a name in several, the last value is recorded.")
    if loader.strange:
        tags = ", ".join(sorted(loader.strange))
        warn(f"{PARAMETERS_FILE} has values of types of their own ({tags}): they are recorded as they are written.")
    return {
        name: value for document in documents if isinstance(document, dict) for name, value in _flat(document, "", 0)
    }


class _AnyTag(yaml.SafeLoader):
    """A loader that makes no objects, and takes values of an unknown type as they are written."""

    strange: set[str]


def _loader() -> type[_AnyTag]:
    """Return a loader class with a record of its own of the tags that it met."""
    found: set[str] = set()

    class Loader(_AnyTag):
        strange = found

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        found.add(node.tag.removeprefix("tag:yaml.org,2002:"))
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return str(node.value)

    Loader.add_multi_constructor("", construct)
    return Loader


def _flat(document: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEPTH_LIMIT:
        raise ValueError(f"it nests deeper than {DEPTH_LIMIT} levels")
    for name, value in document.items():
        path = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, dict):
            yield from _flat(value, path, depth + 1)
        else:
            yield path, value
