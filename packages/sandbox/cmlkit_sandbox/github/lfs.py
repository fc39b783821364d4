"""Git LFS: the batch API, and the storage that it points clients to.

The batch API is https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md. The storage and the
verification, like GitHub's, require the header from the batch answer, not the token.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github.authentication import token_of
from cmlkit_sandbox.github.git_http import CHUNK_BYTES, allowed_repository
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.refusals import Refusal, not_found, unprocessable
from cmlkit_sandbox.github.repository import Repository

PATH = re.compile(r"/(?P<full_name>[^/]+/[^/]+?)(?:\.git)?/info/lfs/objects/(?P<rest>batch|verify|[0-9a-f]{64})")
MEDIA_TYPE = "application/vnd.git-lfs+json"
OID = re.compile("[0-9a-f]{64}")
PASS_SECONDS = 3600

Operation = Literal["upload", "download", "verify"]


@dataclass(frozen=True, kw_only=True)
class _Pass:
    """The object and operation that one `RemoteAuth` header permits."""

    operation: Operation
    oid: str


class LfsApi:
    """Git LFS over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._passes: dict[str, _Pass] = {}

    def serves(self, request: Request) -> bool:
        return PATH.fullmatch(request.path) is not None

    def answer(self, request: Request) -> Response:
        match = PATH.fullmatch(request.path)
        assert match is not None
        try:
            if match["rest"] == "batch":
                return self._batch(request, match["full_name"])
            repository = self._hub.repository(match["full_name"])
            if match["rest"] == "verify":
                return self._verify(request, repository)
            return self._transfer(request, repository, match["rest"])
        except Refusal as refusal:
            return _refused(refusal)

    def _batch(self, request: Request, full_name: str) -> Response:
        body = _json(request)
        is_upload = body.get("operation") == "upload"
        repository = allowed_repository(self._hub, full_name, token_of(self._hub, request), is_push=is_upload)
        if body.get("operation") not in ("upload", "download"):
            raise unprocessable("operation is neither upload nor download")
        objects = [self._shown(repository, body["operation"], each) for each in body.get("objects", [])]
        return _answer({"transfer": "basic", "objects": objects, "hash_algo": "sha256"})

    def _shown(self, repository: Repository, operation: Literal["upload", "download"], wanted: Any) -> dict[str, Any]:
        oid, size = str(wanted.get("oid")), wanted.get("size")
        shown: dict[str, Any] = {"oid": oid, "size": size}
        if not OID.fullmatch(oid) or not isinstance(size, int) or size < 0:
            return {**shown, "error": {"code": 422, "message": "Object is not valid"}}
        is_here = _stored(repository, oid).exists()
        if operation == "upload":
            return {
                **shown,
                "authenticated": True,
                **({} if is_here else {"actions": self._to_upload(repository, oid)}),
            }
        if not is_here:
            return {**shown, "error": {"code": 404, "message": "Object does not exist on the server"}}
        return {**shown, "authenticated": True, "actions": {"download": self._action(repository, operation, oid)}}

    def _to_upload(self, repository: Repository, oid: str) -> dict[str, Any]:
        verify = self._action(repository, "verify", oid)
        header = {"Accept": MEDIA_TYPE, **verify["header"]}
        return {"upload": self._action(repository, "upload", oid), "verify": {**verify, "header": header}}

    def _action(self, repository: Repository, operation: Operation, oid: str) -> dict[str, Any]:
        value = secrets.token_hex(16)
        self._passes[value] = _Pass(operation=operation, oid=oid)
        return {
            "href": f"{self._root(repository)}/{'verify' if operation == 'verify' else oid}",
            "header": {"Authorization": f"RemoteAuth {value}"},
            "expires_in": PASS_SECONDS,
        }

    def _root(self, repository: Repository) -> str:
        return f"{self._hub.url}/{repository.full_name}.git/info/lfs/objects"

    def _verify(self, request: Request, repository: Repository) -> Response:
        body = _json(request)
        self._check_pass(request, "verify", str(body.get("oid")))
        stored = _stored(repository, str(body.get("oid")))
        if not stored.exists():
            raise not_found("Object does not exist on the server")
        if stored.stat().st_size != body.get("size"):
            raise unprocessable("Object has another size")
        return _answer({})

    def _check_pass(self, request: Request, operation: Operation, oid: str) -> None:
        shown = self._passes.get(request.headers.get("Authorization", "").removeprefix("RemoteAuth "))
        if shown != _Pass(operation=operation, oid=oid):
            raise Refusal(403, "RemoteAuth is missing or not for this object")

    def _transfer(self, request: Request, repository: Repository, oid: str) -> Response:
        operation: Operation = "upload" if request.method == "PUT" else "download"
        self._check_pass(request, operation, oid)
        stored = _stored(repository, oid)
        if operation == "upload":
            _store(request, stored, oid)
            return Response(status=200)
        if not stored.exists():
            raise not_found()
        return send_file(stored, request.environ, mimetype="application/octet-stream", conditional=True, etag=oid)


def _stored(repository: Repository, oid: str) -> Path:
    return repository.git.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid


def _store(request: Request, target: Path, oid: str) -> None:
    """Stream the request's body to disk, and keep it only if its hash is its id."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        while chunk := request.stream.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    received = Path(file.name)
    if digest.hexdigest() != oid:
        received.unlink()
        raise unprocessable("The content does not have the hash that it was announced with")
    received.replace(target)


def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "Body should be a JSON object")
    return body


def _answer(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type=MEDIA_TYPE)


def _refused(refusal: Refusal) -> Response:
    response = _answer({"message": refusal.message}, refusal.status)
    if refusal.status == 401:
        response.headers["LFS-Authenticate"] = 'Basic realm="GitHub"'
    return response
