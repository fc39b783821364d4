"""Git LFS: large files beside the repository."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from cmlkit_sandbox.github import GitHubServer
from tests.integration.github.conftest import REPOSITORY, TOKEN

CONTENT = bytes(range(256)) * 4096
OID = hashlib.sha256(CONTENT).hexdigest()
HEADERS = {"Accept": "application/vnd.git-lfs+json", "Content-Type": "application/vnd.git-lfs+json"}


def batch(github: GitHubServer, operation: str, *, token: str = TOKEN, **changes: object) -> requests.Response:
    body = {"operation": operation, "transfers": ["basic"], "objects": [{"oid": OID, "size": len(CONTENT), **changes}]}
    url = f"{github.url}/{REPOSITORY}.git/info/lfs/objects/batch"
    return requests.post(url, json=body, headers=HEADERS, auth=("x-access-token", token) if token else None, timeout=10)


def shown(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.git-lfs+json"
    only: dict[str, Any] = answer.json()["objects"][0]
    return only


def transfer(method: str, action: dict[str, Any], *, data: bytes | None = None, **headers: str) -> requests.Response:
    return requests.request(method, action["href"], data=data, headers={**action["header"], **headers}, timeout=10)


@pytest.fixture
def stored(github: GitHubServer) -> GitHubServer:
    assert transfer("PUT", shown(batch(github, "upload"))["actions"]["upload"], data=CONTENT).status_code == 200
    return github


def test_a_file_is_uploaded_verified_and_downloaded(github: GitHubServer) -> None:
    actions = shown(batch(github, "upload"))["actions"]
    assert transfer("PUT", actions["upload"], data=CONTENT).status_code == 200
    announced = {"oid": OID, "size": len(CONTENT)}
    verify, by_token = actions["verify"], ("x-access-token", TOKEN)
    assert requests.post(verify["href"], json=announced, headers=verify["header"], timeout=10).status_code == 200
    assert requests.post(verify["href"], json=announced, auth=by_token, timeout=10).status_code == 403
    download = shown(batch(github, "download", token=""))["actions"]["download"]
    assert transfer("GET", download).content == CONTENT


def test_a_file_that_is_there_already_is_not_asked_for_again(stored: GitHubServer) -> None:
    assert "actions" not in shown(batch(stored, "upload"))


def test_a_download_goes_on_where_it_broke_off(stored: GitHubServer) -> None:
    download = shown(batch(stored, "download"))["actions"]["download"]
    rest = transfer("GET", download, Range="bytes=1000000-")
    assert (rest.status_code, rest.content) == (206, CONTENT[1_000_000:])


def test_content_that_is_not_what_was_announced_is_not_kept(github: GitHubServer) -> None:
    upload = shown(batch(github, "upload"))["actions"]["upload"]
    assert transfer("PUT", upload, data=CONTENT[:-1]).status_code == 422
    assert "actions" in shown(batch(github, "upload"))


def test_the_storage_opens_to_the_header_of_the_batch_only(stored: GitHubServer) -> None:
    download = shown(batch(stored, "download"))["actions"]["download"]
    with_token = requests.get(download["href"], auth=("x-access-token", TOKEN), timeout=10)
    assert with_token.status_code == 403
    assert transfer("PUT", download, data=CONTENT).status_code == 403


def test_uploads_take_a_token_that_may_write(github: GitHubServer) -> None:
    github.add_token("reader", "eve", permissions={"contents": "read"})
    assert batch(github, "upload", token="reader").status_code == 403
    refused = batch(github, "upload", token="")
    assert (refused.status_code, refused.headers["lfs-authenticate"]) == (401, 'Basic realm="GitHub"')
    assert batch(github, "neither").status_code == 422


def test_objects_that_cannot_be_served_say_why(github: GitHubServer) -> None:
    assert shown(batch(github, "download"))["error"]["code"] == 404
    assert shown(batch(github, "upload", oid="no-hash"))["error"]["code"] == 422
    assert shown(batch(github, "upload", size=-1))["error"]["code"] == 422
