"""The lines in .gitattributes with which pull requests show generated files collapsed, without a checkout."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.generated import COMMENT, attributes_beside, with_mark
from cmlkit.publishing.git_owners import GitOwners

NO_CHECKOUT = GitOwners(root=None)
MODEL = CommitFile(path="model/m.joblib", role="model", content=b"weights")
BLOCK = f"""{COMMENT}
/*.joblib.json linguist-generated=true
/*.joblib.profiles.json linguist-generated=true
/*.joblib.trend.svg linguist-generated=true
"""


def marked(
    model: str = "model/m.joblib", *files: CommitFile, there: bytes | None = None, removes: tuple[str, ...] = ()
) -> dict[str, bytes]:
    found = with_mark(files, model, owners=NO_CHECKOUT, removes=removes, read={attributes_beside(model): there}.get)
    assert len({file.path for file in found}) == len(found)
    return {file.path: file.content for file in found}


def test_a_folder_without_attributes_gets_them_after_the_other_files() -> None:
    found = marked("model/m.joblib", MODEL)
    assert list(found) == ["model/m.joblib", "model/.gitattributes"]
    assert found["model/.gitattributes"].decode() == BLOCK


@pytest.mark.parametrize(
    "there", [b"*.png binary\n", b"*.png binary", b"# caf\xe9\r\n\r\n*.csv text eol=crlf\r\n", BLOCK.encode()[:80]]
)
def test_the_lines_of_the_user_stay(there: bytes) -> None:
    content = marked(there=there)["model/.gitattributes"]
    assert content.startswith(there)
    assert content.count(COMMENT.encode()) == 1


def test_nothing_is_written_twice() -> None:
    once = marked(there=b"*.png binary\n")["model/.gitattributes"]
    assert marked(there=once)["model/.gitattributes"] == once


def test_two_models_of_a_format_need_the_same_lines() -> None:
    assert marked("model/a.joblib") == marked("model/b.joblib")
    both = marked("model/net.onnx", there=marked("model/a.joblib")["model/.gitattributes"])["model/.gitattributes"]
    assert both.decode() == BLOCK + BLOCK.partition("\n")[2].replace("joblib", "onnx")


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        ("m.joblib", "/*.joblib.json"),
        ("model/net", "/net.json"),
        ("model/my net [2]", "/my[[:space:]]net[[:space:]]\\[2].json"),
        ("model/m.tar.gz", "/*.gz.json"),
        ("model/m.a b", "/*.a[[:space:]]b.json"),
    ],
)
def test_a_pattern_names_the_suffix_of_the_model_or_the_whole_name(model: str, pattern: str) -> None:
    content = marked(model)[str(PurePosixPath(model).with_name(".gitattributes"))]
    assert content.decode().splitlines()[1] == f"{pattern} linguist-generated=true"


@pytest.mark.parametrize("role", ["model", "extra"])
def test_lines_are_added_to_the_attributes_that_the_commit_has_already(role: str) -> None:
    own = CommitFile(path=".gitattributes", role=role, content=b"/m.joblib filter=lfs\n", mode="100644")  # type: ignore[arg-type]
    assert marked("m.joblib", own, there=b"old")[".gitattributes"].decode() == f"/m.joblib filter=lfs\n{BLOCK}"


def test_attributes_that_the_commit_removes_are_not_made_anew() -> None:
    assert list(marked("m.joblib", MODEL, removes=(".gitattributes",))) == [MODEL.path]
