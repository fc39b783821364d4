"""Answers of Git LFS and S3 of another shape: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md"""

from __future__ import annotations

from typing import Any

import pytest
import responses
from botocore.parsers import ResponseParserError

from cmlkit.errors import AnswerLost, NotFound, ServiceError
from cmlkit.git.access import GitAccess
from cmlkit.stores.lfs import LfsStore
from cmlkit.stores.pointer import Pointer
from cmlkit.stores.s3_client import explained, fields_of

URL = "https://forge.example/octo/forest.git"
POINTER = Pointer(store="lfs", sha256="a" * 64, size=3)


def shown(**fields: Any) -> dict[str, Any]:
    return {"objects": [{"oid": POINTER.sha256, "size": 3, **fields}]}


def read(answer: Any) -> None:
    store = LfsStore(lambda: GitAccess(url=URL, authorization=""))
    with responses.RequestsMock() as mock:
        mock.add("POST", f"{URL}/info/lfs/objects/batch", json=answer)
        list(store.read(POINTER, 0))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({}, "objects is empty, not a list"),
        ([], "it is a list, not an object"),
        ({"objects": None}, "objects is empty, not a list"),
        ({"objects": []}, "objects has not the one"),
        ({"objects": [None]}, r"objects\[0\] is missing"),
        ({"objects": [{"oid": 5}]}, r"objects\[0\].oid is a number, not text"),
        (shown(actions=[1]), r"objects\[0\].actions is a list, not an object"),
        (shown(actions={"download": "x"}), r"actions.download is text, not an object"),
        (shown(actions={"download": {"href": None}}), "download.href is missing"),
        (shown(actions={"download": {"href": ""}}), "download.href is empty"),
        (shown(actions={"download": {"href": "https://x.example", "header": {"A": 1}}}), "header.A is a number"),
        (shown(error="gone"), r"error is text, not an object"),
    ],
)
def test_an_answer_of_lfs_of_another_shape_is_told_by_its_field(answer: Any, says: str) -> None:
    with pytest.raises(ServiceError, match=says):
        read(answer)


def test_an_object_that_lfs_has_not_is_not_found() -> None:
    with pytest.raises(NotFound, match="404 Object does not exist"):
        read(shown(error={"code": 404, "message": "Object does not exist"}))


@pytest.mark.parametrize("error", [ResponseParserError("invalid XML received"), ValueError("x"), KeyError("x")])
def test_an_answer_of_s3_that_boto3_cannot_read_is_as_good_as_lost(error: Exception) -> None:
    with pytest.raises(AnswerLost, match="S3 did not look: its answer cannot be read"), explained("look", needs="x"):
        raise error


def test_a_field_of_s3_of_another_type_is_named() -> None:
    with pytest.raises(ServiceError, match="S3 did not look: .*: ContentLength is text, not a whole number"):
        fields_of({"ContentLength": "many"}, "look").whole("ContentLength")
