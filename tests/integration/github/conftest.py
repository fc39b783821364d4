"""A GitHub with one repository, and clients for it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from cmlkit_sandbox.github import GitHubServer
from tests.contract import Contract, ContractMiddleware, ContractViolation, assert_contract_kept

REPOSITORY = "octo/forest"
TOKEN = "ghp_sandbox"
BOT_TOKEN = "ghs_sandbox"


class Api:
    """A client of the REST API with one token. Paths starting with `./` are below the repository."""

    def __init__(self, server: GitHubServer, token: str = TOKEN) -> None:
        self._server = server
        self._session = requests.Session()
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, json: object = None, **options: Any) -> requests.Response:
        where = path.replace("./", f"/repos/{REPOSITORY}/", 1) if path.startswith("./") else path
        return self._session.request(method, self._server.api_url + where, json=json, timeout=30, **options)

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of a GET that must succeed."""
        return self._successful(self.call("GET", path, **options))

    def post(self, path: str, **fields: object) -> Any:
        return self._successful(self.call("POST", path, fields))

    def patch(self, path: str, **fields: object) -> Any:
        return self._successful(self.call("PATCH", path, fields))

    def refused(self, method: str, path: str, **fields: object) -> tuple[int, str]:
        """Status and message of a request that must fail."""
        response = self.call(method, path, fields if method != "GET" else None)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()["message"]

    @staticmethod
    def _successful(response: requests.Response) -> Any:
        assert response.status_code < 300, f"{response.request.method} {response.url}: {response.text}"
        return response.json()

    def commit(self, files: dict[str, bytes], *, branch: str, parent: str = "", message: str = "Retrain") -> str:
        """Commit files on top of `parent` (or else of main) and point a branch at it; the commit's id."""
        start = parent or self.get("./git/ref/heads/main")["object"]["sha"]
        entries = [self._entry(path, content) for path, content in files.items()]
        tree = self.post("./git/trees", base_tree=start, tree=entries)["sha"]
        commit: str = self.post("./git/commits", message=message, tree=tree, parents=[start])["sha"]
        if self.call("GET", f"./git/ref/heads/{branch}").status_code == 404:
            self.post("./git/refs", ref=f"refs/heads/{branch}", sha=commit)
        else:
            self.patch(f"./git/refs/heads/{branch}", sha=commit)
        return commit

    def _entry(self, path: str, content: bytes) -> dict[str, str]:
        blob = self.post("./git/blobs", content=base64.b64encode(content).decode(), encoding="base64")
        return {"path": path, "mode": "100644", "type": "blob", "sha": blob["sha"]}

    def pull_request(self, *, branch: str = "daily", **fields: object) -> dict[str, Any]:
        """A pull request of a new branch with one changed file."""
        self.commit({"model/metrics.txt": b"Accuracy: 0.97\n"}, branch=branch)
        opened: dict[str, Any] = self.post(
            "./pulls", **{"head": branch, "base": "main", "title": "Retrain", "body": "A new model.", **fields}
        )
        return opened


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files of a small project."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "train.py").write_text("print('training')\n", "utf-8")
    (folder / "data" / "rows.csv").write_text("1,2\n3,4\n", "utf-8")
    return folder


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., GitHubServer]]:
    """Starts servers whose answers are all held to GitHub's description."""
    violations: list[ContractViolation] = []
    running: list[GitHubServer] = []

    def start(**options: Any) -> GitHubServer:
        # `/repositories/ID`, where renamed repositories redirect to, is not in GitHub's description.
        def checked(app: Any) -> ContractMiddleware:
            is_described = lambda path: not path.startswith("/repositories/")  # noqa: E731
            return ContractMiddleware(app, Contract.load(), violations, prefix="/api/v3", covers=is_described)

        server = GitHubServer(tmp_path / f"github-{len(running)}", wrap=checked, **options)
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)
    # The requests of these tests are wrong on purpose at times; the answers must never be.
    assert_contract_kept([violation for violation in violations if violation.part == "answer"])


@pytest.fixture
def github(serve: Callable[..., GitHubServer], source: Path) -> GitHubServer:
    """A server with one public repository, a person's token and a bot's."""
    server = serve()
    server.add_repository(REPOSITORY, source)
    server.add_token(TOKEN, "octo")
    server.add_token(BOT_TOKEN, "github-actions[bot]", kind="app")
    return server


@pytest.fixture
def api(github: GitHubServer) -> Api:
    return Api(github)


@pytest.fixture
def bot(github: GitHubServer) -> Api:
    return Api(github, BOT_TOKEN)
