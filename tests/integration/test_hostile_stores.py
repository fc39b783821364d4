"""Stores that misbehave: answers of Git LFS and S3 that trickle, do not end, or are not what a pointer says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cmlkit.bounds.answers import Bounds, bounded_pages
from cmlkit.errors import AnswerLost, ModelError, ServiceError
from cmlkit.git.access import GitAccess
from cmlkit.stores.download import TRIES_LIMIT, download
from cmlkit.stores.http import Place, post_json
from cmlkit.stores.lfs import LfsStore
from cmlkit.stores.pointer import Pointer
from cmlkit.stores.s3 import S3Source
from cmlkit.stores.s3_client import S3Client, explained
from tests.fake_forge import FastClock
from tests.hostile_server import HostileServer, Reply, bomb, endless, head, headers_of, hostile_server, whole

pytestmark = pytest.mark.slow

MODEL = b"a model of a hundred bytes ".ljust(100, b".")
SECRET = "Basic bm90LWEtdG9rZW4="
QUICK = Bounds(size=None, pace=1000, window=0.2)

Body = Callable[[HostileServer, str], Iterable[bytes]]


def pointer(content: bytes = MODEL) -> Pointer:
    return Pointer(store="lfs", sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def lfs(body: Body, *, place: str = "{url}/object") -> Callable[[HostileServer], Reply]:
    """A server whose batch answer is honest and names `place`, and that gives `body` there."""

    def reply_of(there: HostileServer) -> Reply:
        def reply(request: str) -> Iterable[bytes]:
            if not request.startswith("POST"):
                return body(there, request)
            action = {"href": place.format(url=there.url), "header": {"Authorization": SECRET, "X-Key": SECRET}}
            return whole({"objects": [{"oid": pointer().sha256, "actions": {"download": action}}]})

        return reply

    return reply_of


def pulled(there: HostileServer, target: Path, bounds: Bounds = QUICK, *, tries: int = 3) -> bytes:
    store = LfsStore(lambda: GitAccess(url=f"{there.url}/octo/forest.git"), clock=FastClock(), bounds=bounds)
    download(pointer(), target, store, clock=FastClock(), tries=tries)
    return target.read_bytes()


def left(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_an_object_larger_than_announced_is_not_written(tmp_path: Path) -> None:
    def body(there: HostileServer, request: str) -> Iterable[bytes]:
        yield head()
        yield from endless()

    with hostile_server(lfs(body)) as there, pytest.raises(ModelError, match="more than the 100"):
        pulled(there, tmp_path / "m.joblib")
    assert left(tmp_path) == 0


def test_an_object_packed_as_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    packed = bomb(8 * 1024**2)

    def body(there: HostileServer, request: str) -> Iterable[bytes]:
        return [head(Content_Encoding="gzip", Content_Length=len(packed)) + packed]

    with hostile_server(lfs(body)) as there, pytest.raises(ModelError, match="more than the 100"):
        pulled(there, tmp_path / "m.joblib")
    assert left(tmp_path) == 0


def test_an_object_that_trickles_is_given_up(tmp_path: Path) -> None:
    def body(there: HostileServer, request: str) -> Iterable[bytes]:
        yield head(Content_Length=100)
        yield from there.slowly(MODEL)

    with hostile_server(lfs(body)) as there, pytest.raises(ServiceError, match="too slow"):
        pulled(there, tmp_path / "m.joblib", Bounds(size=None, pace=10_000, window=0.1), tries=2)


def test_an_object_that_comes_a_byte_at_a_time_is_given_up_after_some_tries(tmp_path: Path) -> None:
    def body(there: HostileServer, request: str) -> Iterable[bytes]:
        if "range" in headers_of(request):
            return [head("206 Partial Content", Content_Length=50) + b"."]
        return [head(Content_Length=100) + b"a"]

    with hostile_server(lfs(body)) as there, pytest.raises(ServiceError, match="after 5 tries"):
        pulled(there, tmp_path / "m.joblib", tries=5)
    assert len(there.requests) == 10
    assert TRIES_LIMIT >= 20


def test_a_redirect_to_another_host_gets_no_credentials(tmp_path: Path) -> None:
    with hostile_server(lambda there: lambda request: [head(Content_Length=100) + MODEL]) as other:

        def body(there: HostileServer, request: str) -> Iterable[bytes]:
            return [head("302 Found", Location=f"{other.url}/object", Content_Length=0)]

        with hostile_server(lfs(body)) as there:
            assert pulled(there, tmp_path / "m.joblib") == MODEL
            assert SECRET in there.requests[-1]
        (asked,) = other.requests
        assert SECRET not in asked


@pytest.mark.parametrize("place", ["{url}/again", "file:///etc/passwd", "gopher://127.0.0.1/x"])
def test_redirects_end_and_keep_to_http(tmp_path: Path, place: str) -> None:
    def body(there: HostileServer, request: str) -> Iterable[bytes]:
        return [head("302 Found", Location=place.format(url=there.url), Content_Length=0)]

    with hostile_server(lfs(body)) as there, pytest.raises(ServiceError, match="redirect"):
        pulled(there, tmp_path / "m.joblib")
    assert len(there.requests) <= 7


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "no address"])
def test_an_object_at_another_kind_of_address_is_refused_at_once(tmp_path: Path, place: str) -> None:
    reply = lfs(lambda there, request: [], place=place)
    with hostile_server(reply) as there, pytest.raises(ServiceError, match="address"):
        pulled(there, tmp_path / "m.joblib")
    assert len(there.requests) == 1


@pytest.mark.parametrize("length", [None, 10**9])
def test_an_answer_of_the_batch_api_has_a_limit(length: int | None) -> None:
    def reply(request: str) -> Iterable[bytes]:
        yield head() if length is None else head(Content_Length=length)
        yield from endless()

    place_of = "{url}/info/lfs/objects/batch"
    with hostile_server(lambda there: reply) as there, pytest.raises(ServiceError, match="more than"):
        post_json(Place(url=place_of.format(url=there.url)), {}, what="Asking", media_type="application/json")
    assert len(there.requests) == 1


def test_an_answer_nested_without_end_is_not_json() -> None:
    body = b"[" * 100_000
    answer = [head(Content_Length=len(body)) + body]
    with hostile_server(lambda there: lambda request: answer) as there, pytest.raises(ServiceError, match="other than"):
        post_json(Place(url=there.url), {}, what="Asking", media_type="application/json")


@pytest.mark.parametrize("after", ["²", "9" * 400, "-1", "soon"])
def test_a_time_to_wait_that_is_none_is_no_defect(after: str) -> None:
    answer = [head("503 Service Unavailable", Content_Length=0, Retry_After=after)]
    with hostile_server(lambda there: lambda request: answer) as there, pytest.raises(AnswerLost, match="answered 503"):
        post_json(Place(url=there.url), {}, what="Asking", media_type="application/json")


@pytest.fixture
def in_aws(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def use(url: str) -> None:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }.items():
            monkeypatch.setenv(name, value)

    return use


def test_an_object_of_s3_larger_than_announced_is_not_written(tmp_path: Path, in_aws: Callable[[str], None]) -> None:
    def reply(request: str) -> Iterable[bytes]:
        yield head("206 Partial Content", Content_Length=10**9)
        yield from endless()

    named = Pointer(store="s3", sha256=pointer().sha256, size=100, url="s3://models/m.joblib")
    with hostile_server(lambda there: reply) as there:
        in_aws(there.url)
        with pytest.raises(ModelError, match="more than the 100"):
            download(named, tmp_path / "m.joblib", S3Source(), clock=FastClock())
    assert left(tmp_path) == 0


def test_an_answer_of_aws_that_trickles_is_given_up(in_aws: Callable[[str], None]) -> None:
    with hostile_server(lambda there: lambda request: there.slowly(head(Content_Length=0) + b" " * 1000)) as there:
        in_aws(there.url)
        client = S3Client(tries=1, bounds=QUICK)()
        with pytest.raises(AnswerLost, match="too slow"), explained("look", needs=""):
            client.head_bucket(Bucket="models")
    assert len(there.requests) == 1


def test_an_answer_of_aws_has_a_limit(in_aws: Callable[[str], None]) -> None:
    def reply(request: str) -> Iterable[bytes]:
        yield head()
        yield from endless()

    with hostile_server(lambda there: reply) as there:
        in_aws(there.url)
        client = S3Client(tries=1, bounds=Bounds(size=1024**2))()
        with pytest.raises(AnswerLost, match="more than 1 MiB"), explained("list", needs=""):
            client.list_objects_v2(Bucket="models")
    assert there.sent < 200 * 1024**2


def test_a_list_of_s3_without_an_end_is_given_up(in_aws: Callable[[str], None]) -> None:
    def reply_of(there: HostileServer) -> Reply:
        def reply(request: str) -> Iterable[bytes]:
            token = len(there.requests)
            body = f"<R><IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken></R>"
            return [head(Content_Length=len(body)) + body.encode()]

        return reply

    with hostile_server(reply_of) as there:
        in_aws(there.url)
        pages = S3Client()().get_paginator("list_objects_v2").paginate(Bucket="models")
        with pytest.raises(ServiceError, match="more than 5 pages"):
            list(bounded_pages(pages, what="S3's list", limit=5))
    assert len(there.requests) <= 6
