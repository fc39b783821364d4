"""What `dvc status --json` says about data at other places: read field by field, from a stand-in for DVC."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit.stores.dvc import changed_elsewhere

Changed = Callable[[str], list[str]]


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Changed:
    """Returns the addresses that have changed according to an answer of DVC."""
    package = tmp_path / "dvc"
    package.mkdir()
    (package / "__main__.py").write_text("import os; print(os.environ['ANSWER'], end='')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    def addresses(answer: str) -> list[str]:
        return changed_elsewhere(tmp_path, environ={**os.environ, "PYTHONPATH": str(tmp_path), "ANSWER": answer})

    return addresses


# As `Stage.status` of DVC makes them: https://github.com/iterative/dvc/blob/main/dvc/stage/__init__.py
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("{}", []),
        ('{"train": ["changed command", "always changed"]}', []),
        ('{"raw.dvc": [{"changed outs": {"s3://bucket/kept": "modified"}}]}', []),
        (
            (
                '{"train": ["changed command", {"changed deps": {"s3://bucket/b": "modified", "raw.csv": "deleted",'
                ' "params.yaml": {"lr": "modified"}}}], "a.dvc": [{"changed deps": {"https://x.example/a": "new"}}]}'
            ),
            ["https://x.example/a", "s3://bucket/b"],
        ),
    ],
)
def test_addresses_among_the_changed_dependencies_are_found(changed: Changed, answer: str, found: list[str]) -> None:
    assert changed(answer) == found


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "it is not JSON"),
        ("Data and pipelines are up to date.\n", "it is not JSON"),
        ("[" * 5_000, "it is not JSON"),
        ("[]", "it is a list, not an object"),
        ('{"train": "changed command"}', "train is text, not a list"),
        ('{"train": {"changed deps": {"s3://b/x": "new"}}}', "train is an object, not a list"),
        ('{"train": [7]}', r"train\[0\] is a number, not an object or text"),
        ('{"train": [{"changed deps": ["s3://b/x"]}]}', r"train\[0\]\.changed deps is a list, not an object"),
        ('{"train": [{"changed deps": "s3://b/x"}]}', r"train\[0\]\.changed deps is text, not an object"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_that_names_the_place(
    changed: Changed, answer: str, problem: str
) -> None:
    with pytest.raises(ServiceError, match=f"The answer of dvc status cannot be read: {problem}") as refused:
        changed(answer)
    assert "dvc status --json" in refused.value.next_step
