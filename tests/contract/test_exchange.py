"""The contract around real HTTP exchanges: a client's session, recorded calls, a server."""

import json
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import requests
import responses
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from tests.contract import (
    Contract,
    ContractMiddleware,
    ContractViolation,
    assert_contract_kept,
    check_calls,
    session_hook,
)

API = "https://api.github.test"
PATH = "/repos/octo/model/actions/permissions/workflow"
ANSWER = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
REF = {"ref": "refs/heads/daily", "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e"}


@pytest.fixture
def session(contract: Contract) -> requests.Session:
    session = requests.Session()
    session.hooks["response"].append(session_hook(contract, API))
    return session


@responses.activate
def test_a_session_with_the_hook_lets_a_good_exchange_pass(session: requests.Session) -> None:
    responses.get(API + PATH, json=ANSWER)
    assert session.get(API + PATH, timeout=1).json() == ANSWER


@responses.activate
def test_a_session_with_the_hook_stops_at_a_bad_request(session: requests.Session) -> None:
    responses.post(f"{API}/repos/octo/model/git/refs", status=500)
    with pytest.raises(ContractViolation, match="'branch' was unexpected"):
        session.post(f"{API}/repos/octo/model/git/refs", json={**REF, "branch": "x"}, timeout=1)


@responses.activate
def test_a_session_with_the_hook_stops_at_a_bad_query(session: requests.Session) -> None:
    responses.get(API + PATH, json=ANSWER)
    with pytest.raises(ContractViolation, match="/query/perpage"):
        session.get(API + PATH, params={"perpage": "1"}, timeout=1)


@responses.activate
def test_a_session_with_the_hook_stops_at_a_bad_answer(session: requests.Session) -> None:
    responses.get(API + PATH, json={**ANSWER, "default_workflow_permissions": "admin"})
    with pytest.raises(ContractViolation, match="answer/body/default_workflow_permissions"):
        session.get(API + PATH, timeout=1)


@responses.activate
def test_other_hosts_are_not_looked_at(session: requests.Session) -> None:
    responses.get("https://objects.github.test/runner.tar.gz", body=b"\x1f\x8b")
    assert session.get("https://objects.github.test/runner.tar.gz", timeout=1).content == b"\x1f\x8b"


@responses.activate
def test_recorded_calls_can_be_checked_afterwards(contract: Contract) -> None:
    responses.get(API + PATH, json=ANSWER)
    responses.get(API + PATH, json={})
    requests.get(API + PATH, timeout=1)
    check_calls(contract, responses.calls, API)
    requests.get(API + PATH, timeout=1)
    with pytest.raises(ContractViolation, match="is a required property"):
        check_calls(contract, responses.calls, API)


@responses.activate
def test_a_request_whose_answer_was_lost_is_checked_all_the_same(contract: Contract) -> None:
    responses.post(f"{API}/repos/octo/model/git/refs", body=requests.ConnectionError("gone"))
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{API}/repos/octo/model/git/refs", json={**REF, "branch": "x"}, timeout=1)
    with pytest.raises(ContractViolation, match="'branch' was unexpected"):
        check_calls(contract, responses.calls, API)


@Request.application
def echo_or_answer(request: Request) -> Response:
    """Answers PATH by the contract, and everything else with the body that it got."""
    body = json.dumps(ANSWER) if request.path.endswith(PATH) else request.get_data(as_text=True)
    return Response(body, status=int(request.args.get("status", 200)), content_type="application/json")


def client(contract: Contract, violations: list[ContractViolation], prefix: str = "") -> Client:
    covers = lambda path: not path.startswith("/octo/model.git/")  # noqa: E731
    return Client(ContractMiddleware(echo_or_answer, contract, violations, prefix=prefix, covers=covers))


def test_a_server_that_keeps_the_contract_has_no_violations(contract: Contract) -> None:
    violations: list[ContractViolation] = []
    answer = client(contract, violations).get(PATH)
    assert answer.json == ANSWER
    assert_contract_kept(violations)


def test_a_server_records_what_is_wrong_with_request_and_answer_and_passes_both_on(contract: Contract) -> None:
    violations: list[ContractViolation] = []
    answer = client(contract, violations).post("/repos/octo/model/git/refs?status=201", json={"ref": "refs/heads/x"})
    assert (answer.status_code, answer.json) == (201, {"ref": "refs/heads/x"})
    assert [(each.part, each.pointer) for each in violations] == [("request", "/query/status"), ("answer", "/body")]
    with pytest.raises(AssertionError, match=r"(?s)request/query/status.*answer/body"):
        assert_contract_kept(violations)


def test_a_path_is_read_as_it_was_sent(contract: Contract) -> None:
    violations: list[ContractViolation] = []
    client(contract, violations).get("/repos/octo%2Fmodel/model/pulls")
    assert [each.operation for each in violations] == ["GET /repos/octo%2Fmodel/model/pulls (pulls/list)"]


def test_paths_that_are_not_the_api_pass_unread(contract: Contract) -> None:
    violations: list[ContractViolation] = []
    server = client(contract, violations, prefix="/api/v3")
    server.get("/octo/model/pull/1")
    server.get("/api/v3/octo/model.git/info/refs")
    assert violations == []
    server.get("/api/v3/nowhere")
    assert [each.operation for each in violations] == ["GET /nowhere"] * 2


def test_an_application_that_streams_is_closed(contract: Contract) -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterable[bytes]:
            yield from (b'{"default_workflow_', b'permissions":"read","can_approve_pull_request_reviews":true}')

        def close(self) -> None:
            closed.append(True)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return Body()  # type: ignore[return-value]

    violations: list[ContractViolation] = []
    assert Client(ContractMiddleware(app, contract, violations)).get(PATH).json == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": True,
    }
    assert closed == [True]
    assert violations == []
