"""Answers of Git LFS and S3 of another shape: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import responses
from botocore.parsers import ResponseParserError

from cmlkit.errors import AnswerLost, NotFound, PermissionDenied, ServiceError
from cmlkit.git.access import GitAccess
from cmlkit.stores.download import download
from cmlkit.stores.lfs import LfsStore
from cmlkit.stores.pointer import Pointer
from cmlkit.stores.s3_client import explained, fields_of
from tests.fake_forge import FastClock

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


BATCH, OBJECT = f"{URL}/info/lfs/objects/batch", "https://media.example/object"
CONTENT = Pointer(store="lfs", sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", size=3)
MONDAY = "Mon, 30 Nov 2026 08:00:00 GMT"


def pulled(folder: Path, *answers: dict[str, Any], at: str, clock: FastClock) -> bytes:
    """The model after these answers of the batch API or of the object's server, and then good ones."""
    found = {"objects": [{"oid": CONTENT.sha256, "actions": {"download": {"href": OBJECT}}}]}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for answer in answers:
            mock.add("POST" if at == BATCH else "GET", at, **answer)
        mock.add("POST", BATCH, json=found)
        mock.add("GET", OBJECT, body=b"abc")
        store = LfsStore(lambda: GitAccess(url=URL, authorization=""), clock=clock)
        download(CONTENT, folder / "model", store, clock=clock)
    return (folder / "model").read_bytes()


# https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md#response-errors; GitHub answers limits with 403, too:
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
@pytest.mark.parametrize("at", [BATCH, OBJECT])
@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([{"status": 429, "headers": {"Retry-After": "300"}}], [300]),
        ([{"status": 403, "headers": {"Retry-After": "90"}}] * 2, [90, 90]),
        ([{"status": 429, "headers": {"Retry-After": "Mon, 30 Nov 2026 08:02:00 GMT", "Date": MONDAY}}], [120]),
        ([{"status": 429}] * 5, [1, 2, 4, 8, 16]),
        ([{"status": 429, "headers": {"Retry-After": "soon"}}], [1]),
    ],
    ids=["seconds", "403", "a moment", "no header", "a header of another form"],
)
def test_lfs_is_asked_again_when_its_rate_limit_allows_it(
    tmp_path: Path, at: str, answers: list[dict[str, Any]], waits: list[float]
) -> None:
    assert pulled(tmp_path, *answers, at=at, clock=(clock := FastClock())) == b"abc"
    assert clock.slept == waits


@pytest.mark.parametrize("at", [BATCH, OBJECT])
@pytest.mark.parametrize("after", ["3600", "400", "0"])
def test_a_rate_limit_of_lfs_that_asks_for_more_than_the_bound_is_an_error(tmp_path: Path, at: str, after: str) -> None:
    limit = {"status": 429, "headers": {"Retry-After": after}}
    with pytest.raises(ServiceError, match=r"429\b.*more than cmlkit waits \(900 s\)"):
        pulled(tmp_path, *[limit] * 20, at=at, clock=(clock := FastClock()))
    assert sum(clock.slept) <= 900


def test_a_403_of_lfs_without_a_time_to_wait_is_a_missing_permission(tmp_path: Path) -> None:
    with pytest.raises(PermissionDenied):
        pulled(tmp_path, {"status": 403}, at=BATCH, clock=(clock := FastClock()))
    assert clock.slept == []
