"""GitHub as a script: each operation answers as the test says, and every exchange is held to the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import responses

from cmlkit.forges.github import GitHub
from tests.contract import Contract, check_calls
from tests.contract.samples import sample

API = "https://api.github.com"
REPO = "/repos/octo/forest"
TOKEN = "ghs_0123456789notatoken"
NOW = 1_700_000_000.0


class ScriptedGitHub:
    """Answers requests to `API`, and is the client's clock.

    Of several answers to one operation, each is given once and the last stays.
    """

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.slept: list[float] = []

    def client(self, **options: Any) -> GitHub:
        settings = {"repository": "octo/forest", "token": TOKEN, "clock": self}
        return GitHub(**{**settings, **options})

    def now(self) -> float:
        return NOW

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def answer(
        self,
        method: str,
        path: str,
        changes: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """An answer of the documented form: `changes` replace fields of the sample, or of each item of a list."""
        schema = Contract.load().answer_schema(method, path, status)
        body = None if schema is None else sample(schema) if changes is None else _merged(sample(schema), changes)
        self.mock.add(
            method,
            API + path,
            body=b"" if body is None else json.dumps(body),
            status=status,
            headers=headers,
            content_type="application/json",
        )

    def refuse(self, method: str, path: str, status: int, message: str, **headers: str) -> None:
        body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.mock.add(method, API + path, json=body, status=status, headers=named)

    def lose(self, method: str, path: str) -> None:
        """The request arrives, its answer does not."""
        self.mock.add(method, API + path, body=requests.ConnectionError("Connection reset by peer"))

    @property
    def sent(self) -> list[str]:
        return [f"{call.request.method} {(call.request.url or '').removeprefix(API)}" for call in self.mock.calls]

    def body(self, index: int = -1) -> Any:
        return json.loads(self.mock.calls[index].request.body or "null")


def _merged(value: Any, changes: Any) -> Any:
    if isinstance(changes, list):
        return [_merged(value[0], item) for item in changes]
    if isinstance(value, dict) and isinstance(changes, Mapping):
        return {**value, **{name: _merged(value.get(name), item) for name, item in changes.items()}}
    return changes


@pytest.fixture
def github() -> Iterator[ScriptedGitHub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield ScriptedGitHub(mock)
        check_calls(
            Contract.load(), [call for call in mock.calls if "/repositories/" not in (call.request.url or "")], API
        )
