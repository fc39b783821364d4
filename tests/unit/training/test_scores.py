"""What a score command writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.errors import MetricsError
from cmlkit.training.scores import read_scores


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scores"


def test_json_has_numbers_and_a_number_for_each_sample(file: Path) -> None:
    file.write_text('{"auc": 0.9, "accuracy": [1, 0, true]}')
    assert read_scores(file) == {"auc": 0.9, "accuracy": [1.0, 0.0, 1.0]}


def test_a_table_has_a_row_for_each_sample(file: Path) -> None:
    file.write_text("accuracy, log_loss\n1,0.1\n\n0,2.5\n")
    assert read_scores(file) == {"accuracy": [1.0, 0.0], "log_loss": [0.1, 2.5]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither a JSON object nor a CSV table"),
        ("accuracy\n", "neither a JSON object nor a CSV table"),
        ("accuracy,loss\n1\n", "neither a JSON object nor a CSV table"),
        ("{}", "wrote no scores"),
        ("accuracy\n" + "1" * 200_000 + "\n", "CSV that cannot be read: field larger than field limit"),
        ('{"accuracy": ', "JSON that cannot be read"),
        ('{"accuracy": [1, NaN]}', "'nan' for accuracy, which is not a finite number"),
        ('{"accuracy": "high"}', "'high' for accuracy"),
        ("accuracy\nright\n", "'right' for accuracy"),
    ],
)
def test_anything_else_is_refused_with_its_reason(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(MetricsError, match=message):
        read_scores(file)


def test_a_command_that_wrote_nothing_is_told_where_to(file: Path) -> None:
    with pytest.raises(MetricsError) as caught:
        read_scores(file)
    assert "$CMLKIT_SCORES" in caught.value.next_step
