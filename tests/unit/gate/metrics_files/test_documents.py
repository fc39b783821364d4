"""Documents of metrics: the numbers of JSON, YAML, TOML and printed dictionaries, and what is left out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.gate.metrics_files.documents import DEPTH_LIMIT, NODE_LIMIT
from tests.unit.gate.metrics_files.files import found, told

DEEP = f"it nests deeper than {DEPTH_LIMIT} levels"
# Each document, and its names with their number or with the reason why they have none.
JSON: list[tuple[str, dict[str, float | str]]] = [
    ('{"name": "accuracy", "value": 0.9}', {"accuracy": 0.9}),
    ('{"name": "accuracy", "val": 0.9, "n": 3}', {"accuracy": 0.9}),
    ('{"key": "accuracy", "result": 0.9}', {"accuracy": 0.9}),
    ('{"metric": "accuracy", "score": 0.9, "n": 3}', {"metric": "it is text", "score": 0.9, "n": 3}),
    ('{"best": {"name": "accuracy", "value": 0.9}}', {"best.name": "it is text", "best.value": 0.9}),
    (
        '{"a": true, "b": null, "c": "", "d": [1, 2], "e": {}}',
        {
            "a": "it is true or false",
            "b": "it is empty",
            "c": "it has no value",
            "d": "it is a list of 2",
        },
    ),
    ('[["accuracy", 0.9], ["f1", 0.8]]', {"accuracy": 0.9, "f1": 0.8}),
    ('{"test": [["accuracy", 0.9], ["f1", null]]}', {"test.accuracy": 0.9, "test.f1": "it is empty"}),
    ('{"test": [{"name": "f1", "value": 0.9}]}', {"test.f1": 0.9}),
    ('{"test": [{"name": "f1", "value": 0.9}, {"name": "auc"}]}', {"test.f1": 0.9, "test.auc": "it is empty"}),
    ('{"a": [null, null], "b": [0.5, null]}', {"a": "it is empty", "b": 0.5}),
    ('{"a": [0.5, 0.3], "b": [0.5]}', {"a": "it is a list of 2", "b": "it is a list of 1"}),
    ('{"a": [0.5, 0.3], "b": 1}', {"a": "it is a list of 2", "b": 1}),
    ('[{"epoch": 1, "val": {"loss": 0.5}}, {"epoch": 2, "val": {"loss": 0.3}}]', {"epoch": 2, "val.loss": 0.3}),
    ('{"log": [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.3}], "n": 1}', {"n": 1, "log.step": 2, "log.loss": 0.3}),
    (
        '{"log": [{"Epoch": 1, "loss": 0.5}, {"Epoch": 2, "loss": "high"}], "n": 1}',
        {"n": 1, "log.Epoch": 2, "log.loss": "it is text"},
    ),
    (
        '{"log": [{"iteration": 1, "loss": 0.5}, {"iteration": 2, "loss": 0.3}], "n": 1}',
        {"n": 1, "log.iteration": 2, "log.loss": 0.3},
    ),
    ('{"log": [{"step": 1, "loss": 0.5}], "n": 1}', {"n": 1, "log": "it is a list of 1"}),
    ('{"log": [{"k": 1, "loss": 0.5}, {"k": 2, "loss": 0.3}], "n": 1}', {"n": 1, "log": "it is a list of 2"}),
    ('{"log": [{"k": "1", "loss": 0.5}, {"k": "2", "loss": 0.3}], "n": 1}', {"n": 1, "log": "it is a list of 2"}),
    ('{"log": [{"k": "n/a", "loss": 0.5}, {"k": "n/a", "loss": 0.3}], "n": 1}', {"n": 1, "log": "it is a list of 2"}),
    ('{"log": [{"loss": 0.5, "k": "x"}, {"loss": 0.3, "k": "y"}], "n": 1}', {"n": 1, "log": "it is a list of 2"}),
    ('{"log": [{}, {}], "n": 1}', {"n": 1, "log": "it is a list of 2"}),
    (
        '{"runs": [{"k": "rf", "f1": 0.5}, {"k": "svm", "f1": 0.3}], "n": 1}',
        {"n": 1, "runs.rf.f1": 0.5, "runs.svm.f1": 0.3},
    ),
    (
        '{"runs": [{"fold": 1, "f1": 0.5}, {"fold": 2, "f1": 0.3}], "n": 1}',
        {"n": 1, "runs.1.f1": 0.5, "runs.2.f1": 0.3},
    ),
    ('{"loss": {"train": 0.5, "test": 0.3}}', {"loss.train": 0.5, "loss.test": 0.3}),
    ('{"a": {"0": 0.5, "1": 0.3}}', {"a.0": 0.5, "a.1": 0.3}),
    ('{"columns": ["a", "b"], "index": [0, 1], "data": [[1, 2], [3, 4]]}', {"a": 3, "b": 4}),
    ('{"columns": ["a"], "index": ["rf", "svm"], "data": [[1], [3]]}', {"rf.a": 1, "svm.a": 3}),
    ('{"columns": 1, "index": 2, "data": 3}', {"columns": 1, "index": 2, "data": 3}),
    (
        '{"columns": ["a"], "index": [0, 1], "data": [[1]]}',
        {
            "columns": "it is a list of 1",
            "index": "it is a list of 2",
            "data": "it is a list of 1",
        },
    ),
    (
        '{"columns": ["a", "b"], "index": [0, 1], "data": [[1], [2]]}',
        {
            "columns": "it is a list of 2",
            "index": "it is a list of 2",
            "data": "it is a list of 2",
        },
    ),
]
YAML: list[tuple[str, dict[str, float | str]]] = [
    (
        "a: null\nb: ~\nc: yes\nd: 0.5\ne: 1:30\n",
        {
            "a": "it is empty",
            "b": "it is empty",
            "c": "it is true or false",
            "d": 0.5,
            "e": "it is not one number",
        },
    ),
    ("a: !mine 5\nb: !!python/tuple [1, 2]\nc: 1\n", {"a": "it is not a number", "b": "it is not a number", "c": 1}),
    ("? [a, b]\n: 5\nc: 1\n", {"c": 1}),
    (
        "all: &all {x: 1, z: 3}\nrun:\n  x: 5\n  <<: *all\n  y: 2\n",
        {
            "all.x": 1,
            "all.z": 3,
            "run.x": 5,
            "run.y": 2,
            "run.z": 3,
        },
    ),
    ("a: 1\n---\nb: 2\n", {"a": 1, "b": 2}),
]
PRINTED: list[tuple[str, dict[str, float | str]]] = [
    (
        "{'a': nan, 'b': inf, 'c': NaN, 'd': Infinity, 'nan': 'inf', 'e': 1}",
        {
            "a": "nan is not finite",
            "b": "inf is not finite",
            "c": "NaN is not finite",
            "d": "Infinity is not finite",
            "nan": "inf is not finite",
            "e": 1,
        },
    ),
    ("OrderedDict([('a', 0.5), ('b', nan)])", {"a": 0.5, "b": "nan is not finite"}),
    ("defaultdict(<class 'float'>, {'a': 0.5, 'b': {'c': 1}})", {"a": 0.5, "b.c": 1}),
    ("{'a': Box({'b': 0.5}), 'c': Munch({'d': 0.5}), 'e': DotMap({'f': 1})}", {"a.b": 0.5, "c.d": 0.5, "e.f": 1}),
    ("{'cm': array([[5, 0],\n [1, 4]], dtype=int64), 'a': 0.5}", {"cm": "it is a list of 2", "a": 0.5}),
    (
        "{'cm': tensor([5, 0], device='cuda:0', requires_grad=True), 'a': {'b': 1}}",
        {"cm": "it is a list of 2", "a.b": 1},
    ),
    ("{'cm': tensor([5, 0], grad_fn=<NllLossBackward>), 'a': {'b': 1}}", {"cm": "it is a list of 2", "a.b": 1}),
]


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [("m.json", *case) for case in JSON]
    + [("m.yaml", *case) for case in YAML]
    + [("m.txt", *case) for case in PRINTED],
)
def test_each_name_of_a_document_has_its_number_or_a_reason(
    tmp_path: Path, name: str, content: str, names: dict[str, float | str]
) -> None:
    assert told(tmp_path, name, content) == names


def nested(levels: int, inner: str) -> str:
    return '{"a": ' * levels + inner + "}" * levels


@pytest.mark.parametrize("name", ["m.json", "m.yaml"])
def test_a_number_may_lie_in_20_objects_of_the_document_and_no_deeper(tmp_path: Path, name: str) -> None:
    inside = ".".join("a" * DEPTH_LIMIT)
    assert told(tmp_path, name, nested(DEPTH_LIMIT, '{"x": 1}')) == {f"{inside}.x": 1}
    deeper = nested(DEPTH_LIMIT, '{"a": {"x": 1}, "x": 1}')
    assert told(tmp_path, name, deeper) == {f"{inside}.x": 1, f"{inside}.a": DEEP}


def test_histories_are_as_deep_as_numbers(tmp_path: Path) -> None:
    inside = ".".join("a" * DEPTH_LIMIT)
    assert told(tmp_path, "m.json", nested(DEPTH_LIMIT, '{"loss": [2, 1]}')) == {f"{inside}.loss": 1}
    deeper = '{"loss": [2, 1], "b": ' + nested(DEPTH_LIMIT, '{"loss": [2, 1]}') + "}"
    assert told(tmp_path, "m.json", deeper) == {"loss": "it is a list of 2", f"b.{inside}": DEEP}


def test_records_are_as_deep_as_numbers(tmp_path: Path) -> None:
    inside = ".".join("a" * DEPTH_LIMIT)
    record = nested(DEPTH_LIMIT, '{"x": 1, "b": {"x": 1}}')
    rows = f'[{{"epoch": 1}}, {record}]'
    assert told(tmp_path, "m.json", rows) == {"epoch": 1, f"{inside}.x": 1, f"{inside}.b": "it is not a number"}
    record = nested(DEPTH_LIMIT - 1, '{"x": 1, "b": {"x": 1}}')
    rows = f'{{"l": [{{"epoch": 1}}, {record}]}}'
    inside = f"l.{inside[2:]}"
    assert told(tmp_path, "m.json", rows) == {"l.epoch": 1, f"{inside}.x": 1, f"{inside}.b": "it is not a number"}


@pytest.mark.parametrize(
    ("name", "content", "warnings"),
    [
        ("m.json", "[" * 100_000, f"m.json: {DEEP}."),
        ("m.json", "{", "m.json: it is not valid JSON: Expecting property name enclosed in double quotes: line 1"),
        ("m.jsonl", '{"a": 1}\n{"a": \n{"a": 3}\n', "m.jsonl: it is not valid JSON: Extra data: line 2 column 1"),
        ("m.jsonl", '{"a": 1}\n{"a": \n{"a": \n', "m.jsonl: it is not valid JSON: Extra data: line 2 column 1"),
        ("m.yaml", "a: 1\nb: [", "m.yaml:2: this is not valid YAML: expected the node content"),
        ("m.yaml", "a: \x81", "m.yaml is not valid YAML: unacceptable character #x0081"),
        ("m.toml", "a = ", "m.toml: Invalid value (at end of document)."),
    ],
)
def test_a_document_that_cannot_be_read_says_where(tmp_path: Path, name: str, content: str, warnings: str) -> None:
    findings = found(tmp_path, name, content)
    assert findings.warnings[0].startswith(warnings)
    assert ".." not in findings.warnings[0]


def test_a_last_line_that_was_cut_off_does_not_hide_those_before_it(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.jsonl", '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.3}\n\n{"step": 3, "lo')
    assert (findings.values, findings.warnings) == ({"step": 2, "loss": 0.3}, ())


def test_aliases_stand_for_at_most_200_000_values(tmp_path: Path) -> None:
    columns, rows = 596, 334
    most = f"c: 1\nd: 1\ne: 1\na: &a [{', '.join('0' * columns)}]\nb: [{', '.join(['*a'] * rows)}]\n"
    lists = (1 + columns) + 1 + rows * (1 + columns)
    assert 1 + 3 + lists == NODE_LIMIT
    assert found(tmp_path, "m.yaml", most).warnings[0].startswith("m.yaml: 2 values left out: a (it is a list of 596)")
    assert found(tmp_path, "m.yaml", f"{most}f: 1\n").warnings[0].startswith("m.yaml: its aliases repeat too much.")


@pytest.mark.parametrize(
    ("name", "content", "repeated"),
    [
        ("m.json", '{"a": 1, "a": 2, "b": 3}', "a"),
        ("m.jsonl", '{"step": 1, "a": 1, "a": 2}\n{"step": 2, "a": 3}\n', "a"),
        ("m.yaml", "a: 1\na: 2\nb: 3\n", "a"),
        ("m.json", '[{"name": "a", "value": 1}, {"name": "a", "value": 2}]', "a"),
        ("m.json", '[["a", 1], ["a", 2]]', "a"),
    ],
)
def test_a_name_that_a_document_repeats_is_told(tmp_path: Path, name: str, content: str, repeated: str) -> None:
    warnings = found(tmp_path, name, content).warnings
    assert f"{name}: the last value counts for {repeated}, which it repeats." in warnings


@pytest.mark.parametrize(
    "content",
    [
        '[{"name": "a", "value": 1, "step": 1}, {"name": "a", "value": 2, "step": 2}]',
        '[{"name": "a", "value": 1, "epoch": 1}, {"name": "a", "value": 2, "epoch": 2}]',
        '{"log": [{"metric": "a", "x": 1, "step": 1}, {"metric": "a", "x": 2, "step": 2}]}',
    ],
)
def test_a_name_in_each_round_of_a_log_does_not_repeat(tmp_path: Path, content: str) -> None:
    findings = found(tmp_path, "m.json", content)
    assert 2 in findings.values.values()
    assert findings.warnings == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.json", '{"x": {"a": 1, "a": 2}, "b": 3}'),
        ("m.yaml", "x: {a: 1, a: 2}\n"),
        ("m.yaml", "x:\n- {name: y, value: 3}\n- {name: z, a: 1, a: 2}\n"),
    ],
)
def test_a_name_that_a_part_of_a_document_repeats_is_told(tmp_path: Path, name: str, content: str) -> None:
    assert found(tmp_path, name, content).left_out["a"] == "it occurs twice"


def test_a_percentage_in_rows_keeps_being_one(tmp_path: Path) -> None:
    findings = found(tmp_path, "m.json", '{"log": [{"step": 1, "acc": "93%"}, {"step": 2, "acc": "94%"}]}')
    assert findings.percentages == {"log.acc"}
