"""Lines of text: what is read of each, and why the rest is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.gate.metrics_files.text_lines import LITERAL_LINES, LONGEST_LINE, LONGEST_NAME
from tests.unit.gate.metrics_files.files import found, told

NONE: dict[str, float | str] = {}
# Each text, and its names with their number or with the reason why they have none.
LINES: list[tuple[str, dict[str, float | str]]] = [
    # names with separators
    (
        "accuracy: high\nloss: 1 of 2\nf1: inf\nn: 1,234",
        {
            "accuracy": "it is text",
            "loss": "it is not one number",
            "f1": "inf is not finite",
            "n": "1,234 may be thousands or a decimal comma",
        },
    ),
    ("accuracy: 0.9, loss: high, f1: 0.8", {"accuracy": 0.9, "loss": "it is text", "f1": 0.8}),
    ("accuracy: 0.9 | loss: high 2 | f1: 0.8", {"accuracy": 0.9, "loss": "it is not one number", "f1": 0.8}),
    ("accuracy: 0.9, note:", {"accuracy": 0.9}),
    ("note: a  accuracy: 0.9", {"note": "it is text", "accuracy": 0.9}),
    ("note: b, 2 c  accuracy: 0.9", {"note": "it is not one number", "accuracy": 0.9}),
    ("Test set: Average loss: 0.1, Accuracy: 97/100 (97%)", {"Average loss": 0.1, "Accuracy": "it is not one number"}),
    ("train: loss: 0.5\ntest: loss: 0.3", {"train.loss": 0.5, "test.loss": 0.3}),
    ("loss: 0.5\ntest: loss: 0.3", {"loss": 0.5, "test.loss": 0.3}),
    ("loss 0.5\ntest: loss: 0.3", {"loss": 0.5, "test.loss": 0.3}),
    ("{'loss': 0.5}\ntest: loss: 0.3", {"loss": 0.5, "test.loss": 0.3}),
    (" a  b\n 1  2\ntest: a: 3", {"a": 1, "b": 2, "test.a": 3}),
    ("accuracy: 0.9 - f1 0.8", {"accuracy": 0.9, "f1": 0.8}),
    ("accuracy: 0.9, f1 0.8.", {"accuracy": 0.9, "f1": 0.8}),
    ("took 12s, accuracy: 0.9", {"accuracy": 0.9}),
    ("top 5, accuracy: 0.9", {"top 5, accuracy": 0.9}),
    ("all of 12 files, accuracy: 0.9", {"accuracy": 0.9}),
    ("of 12 files, accuracy: 0.9", {"of 12 files, accuracy": 0.9}),
    ("weighted, accuracy: 0.9", {"weighted, accuracy": 0.9}),
    ("12/50 - accuracy: 0.9", {"accuracy": 0.9}),
    ("12/50  weighted  accuracy: 0.9", {"accuracy": 0.9}),
    ("mean  accuracy: 0.9", {"mean accuracy": 0.9}),
    ("mean | accuracy: 0.9", {"accuracy": 0.9}),
    ("run 3  accuracy: 0.9", {"accuracy": 0.9}),
    ("  accuracy : 0.9", {"accuracy": 0.9}),
    # dictionaries
    ("scores: {'a': 0.5, 'b': nan}", {"scores.a": 0.5, "scores.b": "nan is not finite"}),
    ("scores: {a, 5}\nf1: 1", {"scores": "it is not one number", "f1": 1}),
    ("scores: {5: a}}\nf1: 1", {"scores": "it is not one number", "f1": 1}),
    ("AUC {cv}: 0.7", {"AUC {cv}": 0.7}),
    ("{'a': 0.5,\n 'b': {'c': 1}},\n{'a': 0.3}", {"a": 0.3, "b.c": 1}),
    ("  {'a': [1,\n 2], 'b': 3};\nf1: 1", {"a": "it is a list of 2", "b": 3, "f1": 1}),
    ("scores\nOrderedDict([('a', 0.5),\n ('b', 1)])", {"a": 0.5, "b": 1}),
    ("scores\ndefaultdict(<class 'float'>,\n {'a': 0.5})", {"a": 0.5}),
    ("scores\n{'a': 0.5", {"a": 0.5}),
    ("scores\n{'a': 0.5" + "\n" * (LITERAL_LINES - 2) + "}\nf1: 1", {"a": 0.5, "f1": 1}),
    # headings, comments, bullets, markup
    ("# accuracy: 0.9\nf1: 1", {"f1": 1}),
    ("#accuracy: 0.9\nf1: 1", {"f1": 1}),
    ("## accuracy: 0.9", {"accuracy": 0.9}),
    ("##accuracy: 0.9\nf1: 1", {"f1": 1}),
    ("----\n***\n::=\nf1: 1", {"f1": 1}),
    ("- - accuracy: 0.9", {"accuracy": 0.9}),
    ("1. accuracy: 0.9\n2) f1: 0.8\n> - [x] auc: 0.7", {"accuracy": 0.9, "f1": 0.8, "auc": 0.7}),
    ("<li><b>accuracy</b>: 0.9</li>", {"accuracy": 0.9}),
    ("**accuracy**: *0.9*\n*f1*: 0.8\n__auc__: `0.7`", {"accuracy": 0.9, "f1": 0.8, "auc": 0.7}),
    ("[accuracy](https://example.com/a): 0.9", {"accuracy": 0.9}),
    ("'accuracy': 0.9\n\"f1\" = 0.8\n✅ auc: 0.7", {"accuracy": 0.9, "f1": 0.8, "auc": 0.7}),
    ("a) accuracy: 0.9\n(a (f1: 0.8\n", {"a) accuracy": 0.9, "f1": 0.8}),
    ("[[0.5 1]\n [2 3]]\nf1: 1", {"f1": 1}),
    # logs
    ("50%|████     | 5/10 [00:01<00:01, 5.0it/s, loss=0.5]", {"loss": 0.5}),
    ("2026-01-02 10:00:00 INFO loss: 0.5", {"loss": 0.5}),
    ("[3] loss: 0.5", {"loss": 0.5}),
    ("[3] [4] loss: 0.5", {"[4] loss": 0.5}),
    ("Epoch 3, loss: 0.5", {"Epoch": 3, "loss": 0.5}),
    ("Epoch 3 - -0.5: 1\nloss: 0.5", {"Epoch": 3, "loss": 0.5}),
    ("Epoch 3: 0.5", {"Epoch": 3}),
    ("step 10: X loss: 0.5", {"step": 10, "X loss": 0.5}),
    ("a: 1\tb: 2\tc 3", {"a": 1, "b": 2, "c": 3}),
    ("a\t1", {"a": 1}),
    ("x 1\ty 2", {"x": 1, "y": 2}),
    # names without separators
    ("map all 0.25", {"map": 0.25}),
    ("accuracy 0.9", {"accuracy": 0.9}),
    ("accuracy 0.9.", {"accuracy": 0.9}),
    ("accuracy nan\nf1 1", {"accuracy": "nan is not finite", "f1": 1}),
    ("n 1,234\nf1 1", {"n": "1,234 may be thousands or a decimal comma", "f1": 1}),
    ("files 5 apples\nf1 1", {"f1": 1}),
    ("v w x y z 1\nu v w x y z 2", {"v w x y z": 1}),
    ("The accuracy is 0.9", {"accuracy": 0.9}),
    ("It took 12\nf1 1", {"f1": 1}),
    ("x 1 y 2", {"x": 1, "y": 2}),
    ("x 1 y 2 z\nf1 1", {"f1": 1}),
    ("x 1, y 2", {"x": 1, "y": 2}),
    ("good, x 1", {"good, x": 1}),
    # names
    (f"{'x' * LONGEST_NAME}: 1,5\n{'y' * (LONGEST_NAME + 1)}: 1,5", {"x" * LONGEST_NAME: 1.5}),
    (f"{'a ' * 20}: 1{' ' * (LONGEST_LINE - 42)}", {" ".join("a" * 20): 1}),
    (f"a: 1,5 ({'b' * (LONGEST_LINE - 9)})", {"a": 1.5}),
    (f"a: 1,5 ({'b' * (LONGEST_LINE - 8)})\nf1: 1", {"f1": 1}),
    # lists and series
    ("loss: [0.5, 0.3]\nf1: [0.7, 0.8]", {"loss": 0.3, "f1": 0.8}),
    ("loss: [0.9, 0.5, 0.3]\nf1: [0.7, 0.8]", {"loss": "it is not one number", "f1": "it is not one number"}),
    (
        "loss: [0.5, 0.3]\nf1: [0.7 0.8]\nauc: []",
        {
            "loss": "it is not one number",
            "f1": "it is not one number",
            "auc": "it is text",
        },
    ),
    ("1700000000000 0.5\n1700000001000 0.6", {"m": 0.6}),
    ("1700000000000 0.5 0 7", NONE),
    ("170 0.5 0", NONE),
    ("1700000000000 nan 0", {"m": "nan is not finite"}),
]


@pytest.mark.parametrize(("content", "names"), LINES)
def test_each_name_of_a_text_has_its_number_or_a_reason(
    tmp_path: Path, content: str, names: dict[str, float | str]
) -> None:
    assert told(tmp_path, "m.txt", content) == names


@pytest.mark.parametrize(
    "content",
    [
        "{'loss': 0.5}\n{'loss': 0.3}\nf1: 1",
        "[1] loss: 0.5\n[2] loss: 0.3",
        "Epoch 1, loss: 0.5\nEpoch 2, loss: 0.3",
        "10%|█   | 1/10 loss: 0.5\n20%|██  | 2/10 loss: 0.3",
    ],
)
def test_a_name_in_each_round_of_a_log_does_not_repeat(tmp_path: Path, content: str) -> None:
    findings = found(tmp_path, "m.txt", content)
    assert findings.values["loss"] == 0.3
    assert findings.warnings == ()


def test_a_name_in_two_lines_that_are_no_rounds_repeats(tmp_path: Path) -> None:
    assert found(tmp_path, "m.txt", "a loss: 0.5 x\na loss: 0.3 x\n").warnings == (
        "m.txt: the last value counts for a loss, which it repeats.",
    )


def test_a_percentage_in_a_line_is_known_as_one(tmp_path: Path) -> None:
    assert found(tmp_path, "m.txt", "acc: 93 %, f1: 0.9\nrecall 94%\n").percentages == {"acc", "recall"}


def test_a_heading_of_markdown_may_have_a_metric(tmp_path: Path) -> None:
    assert told(tmp_path, "m.md", "# accuracy: 0.9\n") == {"accuracy": 0.9}
    assert told(tmp_path, "m.markdown", "# accuracy: 0.9\n") == {"accuracy": 0.9}
