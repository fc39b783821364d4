"""GitHub Apps: a JWT for the App, a token for its installation."""

from __future__ import annotations

import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cmlkit_sandbox.github import GitHubServer
from tests.integration.github.conftest import REPOSITORY, Api

APP_ID = 4711
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_KEY = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def assertion(*, key: rsa.RSAPrivateKey = KEY, app_id: int = APP_ID, age: float = 0, lifetime: float = 540) -> str:
    now = time.time() - age
    return jwt.encode({"iat": int(now), "exp": int(now + lifetime), "iss": str(app_id)}, key, algorithm="RS256")


@pytest.fixture
def app(github: GitHubServer) -> Api:
    github.add_app(APP_ID, PUBLIC_KEY.decode(), owner="octo", permissions={"administration": "write"})
    return Api(github, assertion())


def test_an_app_gets_a_token_for_what_it_is_installed_on(github: GitHubServer, app: Api) -> None:
    assert app.get("/app")["id"] == APP_ID
    installation = app.get(f"/repos/{REPOSITORY}/installation")
    assert (installation["account"]["login"], installation["permissions"]) == ("octo", {"administration": "write"})
    made = app.post(f"/app/installations/{installation['id']}/access_tokens", repositories=["forest"])
    installed = Api(github, made["token"])
    assert installed.get("./actions/runners")["total_count"] == 0
    assert installed.refused("POST", "./git/blobs", content="x") == (403, "Resource not accessible by integration")


# As others found: https://github.com/Pix4D/cogito/pull/162
def test_an_app_that_asks_for_tokens_uses_up_nobodys_requests(app: Api) -> None:
    path = f"/app/installations/{app.get('./installation')['id']}/access_tokens"
    assert all(app.post(path)["token"] for _ in range(70))


def test_a_token_has_no_more_than_the_app_was_granted(app: Api) -> None:
    path = f"/app/installations/{app.get('./installation')['id']}/access_tokens"
    narrowed = app.post(path, permissions={"administration": "read"})
    assert narrowed["permissions"] == {"administration": "read"}
    assert app.refused("POST", path, permissions={"contents": "read"})[0] == 422
    assert app.refused("POST", path, repositories=["none"])[0] == 422
    assert app.refused("POST", "/app/installations/1/access_tokens")[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        assertion(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        assertion(app_id=1),
        assertion(age=3600),
        assertion(lifetime=3600),
        "no-jwt",
        "",
    ],
    ids=["another key", "another app", "expired", "too long", "no JWT", "nothing"],
)
def test_a_jwt_that_is_not_right_is_refused(github: GitHubServer, app: Api, wrong: str) -> None:
    assert Api(github, wrong).refused("GET", "/app") == (401, "A JSON web token could not be decoded")
