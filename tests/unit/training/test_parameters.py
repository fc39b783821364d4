"""Parameters in `params.yaml`, which must not cost a finished training, and must not show secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.training.parameters import in_file, recorded


def read(folder: Path, content: str | bytes) -> tuple[dict[str, object], list[str]]:
    (folder / "params.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    warnings: list[str] = []
    return dict(in_file(folder, warnings.append)), warnings


def test_nested_names_are_joined_by_dots(tmp_path: Path) -> None:
    assert read(tmp_path, "depth: 5\nfeatures:\n  bins: [1, 2]\n") == ({"depth": 5, "features.bins": "[1, 2]"}, [])


def test_without_the_file_there_are_none(tmp_path: Path) -> None:
    assert in_file(tmp_path, pytest.fail) == {}


def test_a_tag_of_its_own_is_a_warning_and_its_value_is_taken_as_written(tmp_path: Path) -> None:
    values, warnings = read(tmp_path, "depth: !env DEPTH\nbins: !!python/tuple [1, 2]\nlr: 0.1\n")
    assert values == {"depth": "DEPTH", "bins": "[1, 2]", "lr": 0.1}
    assert warnings == [
        "params.yaml has values of types of their own (!env, python/tuple): they are recorded as they are written."
    ]


def test_of_two_documents_both_are_read_with_a_warning(tmp_path: Path) -> None:
    values, warnings = read(tmp_path, "a: 1\nb: 1\n---\nb: 2\n")
    assert values == {"a": 1, "b": 2}
    assert warnings == ["params.yaml has 2 documents: of a name in several, the last value is recorded."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "params.yaml:1: this is not valid YAML"),
        (b"a: \xff", "params.yaml cannot be read"),
        ("a: &a {b: *a}\n", "params.yaml:1: this is not valid YAML: an alias leads to what it is in"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_warning(tmp_path: Path, content: str | bytes, message: str) -> None:
    values, warnings = read(tmp_path, content)
    assert values == {}
    assert [warning for warning in warnings if message in warning] == warnings != []


def test_texts_of_secrets_are_not_recorded_and_numbers_are(tmp_path: Path) -> None:
    values, _ = read(tmp_path, "api_key: abc\nmax_tokens: 512\nservices:\n- {token: abc}\nllm:\n  password: abc\n")
    assert values == {
        "api_key": "***",
        "max_tokens": 512,
        "services": '[{"token": "***"}]',
        "llm.password": "***",
    }


def test_parameters_of_the_settings_show_no_secret_either() -> None:
    assert recorded({"token": "abc", "depth": 5}) == {"token": "***", "depth": 5}
