"""A GitHub App as the credentials of the runner, against the sandbox's GitHub with the contract around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cmlkit.ci import workplace
from cmlkit.errors import PermissionDenied, SettingsError
from cmlkit.forges.github import GitHub, open_for_runners
from cmlkit.forges.github.app import installation_token
from cmlkit.sinks.printing import show
from cmlkit_sandbox.github import GitHubServer
from tests.contract import Contract, ContractMiddleware, ContractViolation, assert_contract_kept

APP_ID = 4711


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def github(tmp_path: Path, key: rsa.RSAPrivateKey) -> Iterator[GitHubServer]:
    violations: list[ContractViolation] = []
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with GitHubServer(
        tmp_path, wrap=lambda app: ContractMiddleware(app, Contract.load(), violations, prefix="/api/v3")
    ) as server:
        server.add_repository("octo/model")
        server.add_app(APP_ID, public.decode(), owner="octo", permissions={"administration": "write"})
        yield server
    assert_contract_kept(violations)


def test_the_token_registers_runners(github: GitHubServer, key: rsa.RSAPrivateKey) -> None:
    token = installation_token(
        app_id=str(APP_ID), private_key=pem(key), repository="octo/model", api_url=github.api_url
    )
    forge = GitHub(repository="octo/model", token=token, api_url=github.api_url)
    assert forge.create_jit_runner(name="cmlkit-1", labels=["self-hosted"]).runner.name == "cmlkit-1"


@pytest.mark.parametrize("in_job", [True, False], ids=["a job", "another place"])
def test_what_is_made_for_runners_is_masked_in_the_log_of_a_job_before_it_is_used(
    github: GitHubServer, key: rsa.RSAPrivateKey, capsys: pytest.CaptureFixture[str], in_job: bool
) -> None:
    environ = {"CMLKIT_APP_ID": str(APP_ID), "CMLKIT_APP_PRIVATE_KEY": pem(key), "GITHUB_API_URL": github.api_url}
    place = workplace(environ | ({"GITHUB_ACTIONS": "true"} if in_job else {}))
    forge = open_for_runners(
        repository="octo/model", environ=environ, notify=print, keep_secret=place.keep_secret, scope="", group=""
    )
    credential = forge.create_jit_runner(name="cmlkit-1", labels=["self-hosted"]).credential
    commands = capsys.readouterr().err.splitlines()
    masked = [line.removeprefix("::add-mask::") for line in commands]
    assert masked[1:] == ([forge.http.token, credential] if in_job else [])
    assert len(masked) == (3 if in_job else 0), "the first is the proof that the token is asked for with"

    show(f"of {forge.http.token} and {credential}")
    assert capsys.readouterr().out == "of *** and ***\n"
    assert place.secrets.hidden(credential) == "***"


def test_a_key_whose_line_ends_are_escaped_is_taken(github: GitHubServer, key: rsa.RSAPrivateKey) -> None:
    escaped = pem(key).replace("\n", "\\n")
    assert installation_token(app_id=str(APP_ID), private_key=escaped, repository="octo/model", api_url=github.api_url)


def test_what_is_no_key_is_a_settings_error_that_does_not_show_it(github: GitHubServer) -> None:
    with pytest.raises(SettingsError, match="CMLKIT_APP_PRIVATE_KEY is not an RSA private key") as caught:
        installation_token(app_id="1", private_key="hunter2", repository="octo/model", api_url=github.api_url)
    assert "hunter2" not in str(caught.value)


def test_another_apps_key_is_refused(github: GitHubServer) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(PermissionDenied):
        installation_token(app_id=str(APP_ID), private_key=pem(other), repository="octo/model", api_url=github.api_url)


def test_a_repository_without_the_app_says_to_install_it(github: GitHubServer, key: rsa.RSAPrivateKey) -> None:
    github.add_repository("else/model")
    with pytest.raises(PermissionDenied, match="is not installed on else/model"):
        installation_token(app_id=str(APP_ID), private_key=pem(key), repository="else/model", api_url=github.api_url)
