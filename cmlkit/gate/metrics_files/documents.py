"""Documents of metrics: JSON, JSON lines, YAML, TOML, and a printed dictionary of Python."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from cmlkit.bounds.yaml_text import yaml_nodes, yaml_problem
from cmlkit.gate.metrics_files.content import without_wrappers
from cmlkit.gate.metrics_files.findings import Entry
from cmlkit.gate.metrics_files.tables import Table, entries_of, entry_of, is_missing, read_cell

DEPTH_LIMIT = 20
NODE_LIMIT = 200_000

_NAMES = ("name", "metric", "metric_name", "key", ".metric", "measure", "type")
_CLEAR_VALUES = ("value", "numberValue", "metric_value", "val")
_VALUES = (*_CLEAR_VALUES, ".estimate", "estimate", "score", "result")
_ROW_NAMES = frozenset({"fold", "seed", "split", "class"})


class Unreadable(ValueError):
    """A document is not in the format of its name; the message says where."""


class Strange:
    """A YAML value of a type of its own, such as an object of Python."""


def read_json(text: str) -> list[Entry]:
    """Return the entries of a JSON document, or of JSON lines.

    Raises:
        Unreadable: It is neither.
    """
    repeated: list[str] = []
    try:
        try:
            document = _loaded(text, repeated)
        except ValueError as error:
            document = _lines(text, repeated, error)
        return [*_repeats(repeated), *entries(document)]
    except RecursionError:
        raise Unreadable(f"it nests deeper than {DEPTH_LIMIT} levels") from None


def read_yaml(text: str) -> list[Entry]:
    """Return the entries of all documents of a YAML file, in their order.

    Raises:
        Unreadable: It is not YAML.
    """
    repeated: list[str] = []
    try:
        nodes = yaml_nodes(text)
        budget = [NODE_LIMIT]
        documents = [_of_node(node, budget, repeated) for node in nodes]
    except yaml.YAMLError as error:
        raise Unreadable(yaml_problem("", error)) from error
    return [*_repeats(repeated), *(entry for document in documents for entry in entries(document))]


def read_toml(text: str) -> list[Entry]:
    """Return the entries of a TOML file.

    Raises:
        Unreadable: It is not TOML.
    """
    try:
        return entries(tomllib.loads(text))
    except ValueError as error:  # also of a whole number of more digits than Python takes
        raise Unreadable(str(error)) from error
    except RecursionError:
        raise Unreadable(f"it nests deeper than {DEPTH_LIMIT} levels") from None


def read_literal(text: str) -> list[Entry]:
    """Return the entries of a dictionary or list as Python prints it.

    Raises:
        Unreadable: It is not one.
    """
    plain = re.sub(r"(?<![\w'\"])(nan|inf|NaN|Infinity)(?![\w'\"])", r"'\1'", without_wrappers(text))
    plain = re.sub(r"\b(?:OrderedDict|defaultdict|array|tensor|Box|Munch|DotMap|dict)\(", "(", plain)
    plain = re.sub(r"(?<=[\]}]),\s*(?:dtype|device|grad_fn|requires_grad)=[^()\[\]{}]*\)", ")", plain)
    plain = re.sub(r"\(<class '\w+'>,\s*", "(", plain)
    try:
        return entries(ast.literal_eval(plain.strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise Unreadable("it is not a dictionary of Python") from error


def entries(document: Any) -> list[Entry]:
    """Return the entries of a document: nested names joined by dots, of lists the last value if all are histories."""
    if isinstance(document, list | tuple):
        return list(_of_list("", list(document), last=True, depth=0))
    if not isinstance(document, dict):
        return []
    if (table := _split_table(document)) is not None:
        return entries_of(table)
    if _is_frame_of_history(document):
        return entries({name: list(values.values()) for name, values in document.items()})
    return list(_of_mapping("", document, last=_is_history(document), depth=0))


def _of_mapping(prefix: str, document: Mapping[Any, Any], *, last: bool, depth: int) -> Iterator[Entry]:
    if depth > DEPTH_LIMIT:
        yield Entry(name=prefix, reason=f"it nests deeper than {DEPTH_LIMIT} levels")
        return
    if not prefix and (pair := _pair(document)):
        yield entry_of(*pair)
        return
    for key, value in document.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict):
            yield from _of_mapping(name, value, last=last, depth=depth + 1)
        elif isinstance(value, list | tuple):
            yield from _of_list(name, list(value), last=last, depth=depth + 1)
        elif name.strip():
            yield entry_of(name, value)


def _of_list(name: str, items: list[Any], *, last: bool, depth: int) -> Iterator[Entry]:
    """Yield names and values, rows with names, or, of a history, the last of each; else the list is left out."""
    prefix = f"{name}." if name else ""
    if items and all(map(_is_pair_list, items)):
        yield from (entry_of(f"{prefix}{key}", value) for key, value in items)
        return
    if items and all(isinstance(item, dict) for item in items):
        pairs = [_pair(item) for item in items]
        if all(pairs):
            yield from (
                entry_of(f"{prefix}{pair[0]}", pair[1], repeats=_is_step(item))
                for pair, item in zip(pairs, items, strict=True)
                if pair
            )
            return
        table = _record_table(items, depth)
        if last or _names_rows(table) or _is_log(table):
            yield from (dataclasses.replace(entry, name=f"{prefix}{entry.name}") for entry in entries_of(table))
            return
    elif items and last and name and not any(isinstance(item, dict | list | tuple) for item in items):
        present = [item for item in items if not is_missing(item)]
        yield entry_of(name, present[-1] if present else None)
        return
    if name:
        yield Entry(name=name, reason=f"it is a list of {len(items):,}")


def _is_history(document: Mapping[Any, Any]) -> bool:
    """Return whether all values of a document are lists of one length."""
    leaves = list(_leaves(document))
    flat = all(
        isinstance(leaf, list | tuple) and not any(isinstance(item, list | tuple) for item in leaf) for leaf in leaves
    )
    return flat and len({len(leaf) for leaf in leaves}) == 1


def _is_frame_of_history(document: Mapping[Any, Any]) -> bool:
    """Return whether pandas wrote a history: `{"loss": {"0": 0.5, "1": 0.3}, …}`."""
    columns = list(document.values())
    if not columns or not all(isinstance(column, dict) and column for column in columns):
        return False
    rounds = [str(number) for number in range(len(columns[0]))]
    is_numbered = all(list(map(str, column)) == rounds for column in columns)
    return is_numbered and any(re.search(r"loss|epoch|step|val_", str(name)) for name in document)


def _leaves(document: Mapping[Any, Any], depth: int = 0) -> Iterator[Any]:
    for value in document.values():
        if isinstance(value, dict) and depth < DEPTH_LIMIT:
            yield from _leaves(value, depth + 1)
        else:
            yield value


def _pair(item: Mapping[Any, Any]) -> tuple[str, Any] | None:
    """Return the name and the value of an object such as `{"name": "accuracy", "value": 0.9}`; None for another."""
    name = next((item[key] for key in _NAMES if isinstance(item.get(key), str)), None)
    value = next((key for key in _CLEAR_VALUES if key in item), None)
    if value is None and len(item) == 2:
        value = next((key for key in _VALUES if key in item), None)
    if name is None or value is None or isinstance(item[value], dict | list):
        return None
    return name, item[value]


def _is_pair_list(item: Any) -> bool:
    """Return whether an item is `["accuracy", 0.97]`."""
    is_pair = isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)
    return is_pair and not isinstance(item[1], dict | list | tuple)


def _is_step(item: Mapping[Any, Any]) -> bool:
    return "step" in item or "epoch" in item


def _record_table(items: Sequence[Mapping[Any, Any]], depth: int) -> Table:
    """Return the table of records; nested names are joined by dots."""
    records = [dict(_flat("", item, depth)) for item in items]
    header = tuple(dict.fromkeys(name for record in records for name in record))
    return Table(header=header, rows=tuple(tuple(record.get(name) for name in header) for record in records))


def _flat(prefix: str, item: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in item.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict) and depth < DEPTH_LIMIT:
            yield from _flat(name, value, depth + 1)
        else:
            yield name, value


def _names_rows(table: Table) -> bool:
    first = [row[0] for row in table.rows] if table.header else []
    is_text = any(isinstance(cell, str) and isinstance(read_cell(cell), str) and not is_missing(cell) for cell in first)
    return is_text or bool(table.header and table.header[0].casefold() in _ROW_NAMES)


def _is_log(table: Table) -> bool:
    """Return whether rows are rounds of a training, as in the `log_history` of Hugging Face's trainer_state.json."""
    return len(table.rows) > 1 and bool({"step", "epoch", "iteration"} & {name.casefold() for name in table.header})


def _split_table(document: Mapping[str, Any]) -> Table | None:
    """Return the table that pandas writes with `orient="split"`; None for another document."""
    if set(document) != {"columns", "index", "data"}:
        return None
    columns, index, data = (document[key] for key in ("columns", "index", "data"))
    if not all(isinstance(part, list) for part in (columns, index, data)) or len(index) != len(data):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        return None
    rows = tuple((label, *row) for label, row in zip(index, data, strict=True))
    return Table(header=("", *map(str, columns)), rows=rows)


def _loaded(text: str, repeated: list[str]) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            times = Counter(name for name, _ in pairs)
            repeated.extend(name for name in found if times[name] > 1)
        return found

    return json.loads(text, object_pairs_hook=unique)


def _lines(text: str, repeated: list[str], error: ValueError) -> Any:
    """Return the documents of a file that has one in each line."""
    found = []
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        try:
            found.append(_loaded(line, repeated))
        except ValueError:
            # The last line may be cut off, if the training was killed while writing it.
            if not found or number < len(lines) - 1:
                raise Unreadable(f"it is not valid JSON: {error}") from error
    return found


def _repeats(names: Sequence[str]) -> list[Entry]:
    """Return entries that are replaced by the last of their names, which is then known as repeated."""
    return [Entry(name=name, reason="it occurs twice") for name in dict.fromkeys(names)]


def _of_node(node: yaml.Node, budget: list[int], repeated: list[str]) -> Any:
    """Return the value of a node. Scalars stay as written: YAML 1.1 reads 1:30 as 90, and 1e-3 as text."""
    budget[0] -= 1
    if budget[0] < 0:
        raise Unreadable("its aliases repeat too much")
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python/"):
        return Strange()
    if isinstance(node, yaml.MappingNode):
        return _of_mapping_node(node, budget, repeated)
    if isinstance(node, yaml.SequenceNode):
        return [_of_node(item, budget, repeated) for item in node.value]
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if node.tag == "tag:yaml.org,2002:bool":
        return True
    return node.value


def _of_mapping_node(node: yaml.MappingNode, budget: list[int], repeated: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        content = _of_node(value, budget, repeated)
        if key.tag == "tag:yaml.org,2002:merge" and isinstance(content, dict):
            found = {**content, **found}
            continue
        if name in found:
            repeated.append(name)
        found[name] = content
    return found
