"""Outputs of a DVC pipeline, with the hashes that DVC 3.67 wrote for these files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.pipeline import Output
from cmlkit.stores.dvc_outputs import is_as_locked

FOLDER, FILE = "f6a34cd2b9be76029c8ce9498f871622.dir", "b026324c6904b2a9cb4b88d6d61c81d1"


def output(md5: str, **entry: str) -> Output:
    return Output(path="model", folder="", stage="train", kind="outs", is_kept=True, md5=md5, entry=entry)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for path, text in {"w.bin": "1\n", "a.txt": "1\n", "a/x": "1\n", "b/c": "z\n"}.items():
        (tmp_path / "model" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / path).write_text(text)
    return tmp_path / "model"


def test_files_and_folders_have_the_hashes_that_dvc_gives_them(model: Path) -> None:
    assert is_as_locked(output(FOLDER, hash="md5"), model)
    assert is_as_locked(output(FILE, hash="md5"), model / "w.bin")
    (model / "w.bin").write_text("2\n")
    assert not is_as_locked(output(FOLDER, hash="md5"), model)
    assert not is_as_locked(output(FILE, hash="md5"), model / "w.bin")


def test_what_dvc_2_hashed_otherwise_is_taken_as_it_is(model: Path) -> None:
    assert is_as_locked(output("0" * 32), model / "w.bin")
