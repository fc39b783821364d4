"""The common part of the floors' requests."""

import json
import os
import sys
from typing import Any

import requests

session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['CMLKIT_TOKEN']}"
REPOSITORY = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"


def send(method: str, url: str, body: object = None, *, may_fail: bool = False) -> Any:
    """Send one request; return the JSON of its answer."""
    response = session.request(method, url, data=None if body is None else json.dumps(body))
    if not response.ok and not may_fail:
        sys.exit(f"{method} {url}: {response.status_code} {response.text}")
    return response.json()


def login() -> None:
    """Ask who a workflow's own token acts as."""
    api_url = os.environ["GITHUB_API_URL"]
    send("POST", api_url.removesuffix("/v3") + "/graphql", {"query": "query { viewer { login } }"})
