"""Tables of numbers, and what is said of files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.training.tables.table import read_table


def written(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "table.csv"
    file.write_bytes(content)
    return file


def test_commas_or_white_space_separate_and_comments_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, b"1,2\n\n# a comment\n3,4 # another\n")).tolist() == [[1, 2], [3, 4]]
    assert read_table(written(tmp_path, b"1 2\n3 4e1\n")).tolist() == [[1, 2], [3, 40]]


@pytest.mark.parametrize(
    ("content", "skip", "fault"),
    [
        (b"a,b\n1,2\n\n# a comment\n3,red\n", 1, "line 5 has 'red' in column 2."),
        (b"1,2\n3,\n", 0, "line 2 has '' in column 2."),
        (b"1,2\n3,4,5\n", 0, "line 2 has 3 columns, but the lines before it have 2."),
        (b"1,2024-05-31\n", 0, "line 1 has '2024-05-31' in column 2."),
        (b"1,\xff\n", 0, "line 1 has '\N{REPLACEMENT CHARACTER}' in column 2."),
        (b"1,1_000\n", 0, "could not convert string '1_000'"),
    ],
)
def test_what_is_no_number_is_named_with_its_line_in_the_file(
    tmp_path: Path, content: bytes, skip: int, fault: str
) -> None:
    file = written(tmp_path, content)
    with pytest.raises(SettingsError) as caught:
        read_table(file, skip=skip)
    assert caught.value.message.startswith(f"{file} is not a table of numbers: {fault}")


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file or directory"):
        read_table(tmp_path / "absent.csv")


def test_gaps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="contains NaN or infinity"):
        read_table(written(tmp_path, b"1,nan\n"))
