"""What the contract lets pass, and what it calls a violation."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import COMMON_ERROR_STATUSES, TRANSIENT_STATUSES, Contract, ContractViolation
from tests.contract.routes import PLACEHOLDER
from tests.contract.samples import sample
from tests.contract.trim_openapi import OPERATIONS, read_operations

SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
REPOSITORY = "/repos/octo/model"
REFS = f"{REPOSITORY}/git/refs"
RUN = f"{REPOSITORY}/actions/runs/1"


def violation_of(check: Callable[..., None], *arguments: object) -> ContractViolation:
    with pytest.raises(ContractViolation) as caught:
        check(*arguments)
    return caught.value


def ref(**changes: Any) -> dict[str, Any]:
    commit = {"type": "commit", "sha": SHA, "url": "https://example.org/commit"}
    return {"ref": "refs/heads/daily", "node_id": "x", "url": "https://example.org/ref", "object": commit, **changes}


@pytest.mark.parametrize(("method", "template"), read_operations(OPERATIONS.read_text("utf-8")))
def test_every_operation_takes_what_is_made_to_its_own_schemas(contract: Contract, method: str, template: str) -> None:
    path = PLACEHOLDER.sub("7", template)
    request = contract.request_schema(method, path)
    contract.check_request(method, path, {}, None if request is None else sample(request))
    for status in contract.documented_statuses(method, path):
        answer = contract.answer_schema(method, path, status)
        without_schema = {"message": "Not so"} if status in COMMON_ERROR_STATUSES else None
        contract.check_response(method, path, status, without_schema if answer is None else sample(answer))


@pytest.mark.parametrize(("method", "template"), read_operations(OPERATIONS.read_text("utf-8")))
def test_no_operation_takes_a_property_that_it_does_not_know(contract: Contract, method: str, template: str) -> None:
    path = PLACEHOLDER.sub("7", template)
    for status in contract.documented_statuses(method, path):
        body = sample(contract.answer_schema(method, path, status) or {})
        if status < 300 and isinstance(body, dict) and body:
            violation = violation_of(contract.check_response, method, path, status, {**body, "no_such_thing": 1})
            assert "no_such_thing" in violation.reason


def test_a_violation_says_where_and_why(contract: Contract) -> None:
    violation = violation_of(contract.check_request, "POST", REFS, {}, {"ref": "refs/heads/daily", "sha": 5})
    assert str(violation) == (
        "POST /repos/octo/model/git/refs (git/create-ref): request/body/sha: 5 is not of type 'string'"
    )
    assert (violation.part, violation.pointer) == ("request", "/body/sha")


def test_a_violation_names_every_fault(contract: Contract) -> None:
    violation = violation_of(contract.check_request, "POST", REFS, {}, {"sha": 5})
    assert "'ref' is a required property" in violation.reason
    assert "5 is not of type 'string'" in violation.reason


def test_a_violation_quotes_no_whole_file(contract: Contract) -> None:
    body = {"content": ["A" * 100_000], "encoding": "base64"}
    violation = violation_of(contract.check_request, "POST", f"{REPOSITORY}/git/blobs", {}, body)
    assert len(violation.reason) < 400
    assert violation.reason.endswith("is not of type 'string'")


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "pointer"),
    [
        ("POST", REFS, {}, {"ref": "refs/heads/daily", "shaa": SHA, "sha": SHA}, "/body"),
        ("POST", REFS, {}, {"ref": "refs/heads/daily"}, "/body"),
        ("POST", REFS, {}, None, "/body"),
        ("POST", REFS, {}, b"ref=x", "/body"),
        ("POST", REFS, {}, [], "/body"),
        ("POST", REFS, {"force": "true"}, {"ref": "refs/heads/daily", "sha": SHA}, "/query/force"),
        ("POST", f"{REPOSITORY}/git/trees", {}, {"tree": [{"path": "a", "contents": "x"}]}, "/body/tree/0"),
        ("POST", f"{REPOSITORY}/git/trees", {}, {"tree": [{"path": "a", "mode": "0644"}]}, "/body/tree/0/mode"),
        ("POST", f"{REPOSITORY}/check-runs", {}, {"name": "x", "head_sha": SHA, "headsha": SHA}, "/body"),
        ("PATCH", f"{REPOSITORY}/check-runs/7", {}, {"status": "completed"}, "/body/status"),
        ("PUT", f"{REPOSITORY}/pulls/1/merge", {}, {"merge_method": "fast-forward"}, "/body/merge_method"),
        ("GET", f"{REPOSITORY}/pulls", {"perpage": "100"}, None, "/query/perpage"),
        ("GET", f"{REPOSITORY}/pulls", {"per_page": "all"}, None, "/query/per_page"),
        ("GET", f"{REPOSITORY}/pulls", {"state": "opened"}, None, "/query/state"),
        ("GET", f"{REPOSITORY}/pulls", {}, {"state": "open"}, "/body"),
        ("GET", f"{REPOSITORY}/pulls/daily", {}, None, "/path/pull_number"),
        ("POST", f"{RUN}/cancel", {}, {}, "/body"),
    ],
)
def test_a_request_that_github_would_not_understand_is_a_violation(
    contract: Contract, method: str, path: str, query: dict[str, str], body: object, pointer: str
) -> None:
    violation = violation_of(contract.check_request, method, path, query, body)
    assert (violation.part, violation.pointer) == ("request", pointer)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", REFS, {}, {"ref": "refs/heads/daily", "sha": SHA}),
        ("GET", f"{REPOSITORY}/pulls", {"state": "open", "per_page": "100", "page": "2"}, None),
        ("GET", f"{REPOSITORY}/actions/runs", {"exclude_pull_requests": "true"}, None),
        ("POST", f"{RUN}/rerun-failed-jobs", {}, None),
        ("POST", f"{RUN}/rerun-failed-jobs", {}, {"enable_debug_logging": True}),
        (
            "POST",
            f"{REPOSITORY}/git/trees",
            {},
            {"tree": [{"path": "a", "mode": "100644", "type": "blob", "sha": None}]},
        ),
        ("POST", f"{REPOSITORY}/issues/1/labels", {}, {"labels": ["model", "daily"]}),
        ("POST", f"{REPOSITORY}/check-runs", {}, {"name": "x", "head_sha": SHA, "conclusion": "success"}),
    ],
)
def test_a_request_that_github_understands_passes(
    contract: Contract, method: str, path: str, query: dict[str, str], body: object
) -> None:
    contract.check_request(method, path, query, body)


@pytest.mark.parametrize(
    ("status", "body", "pointer"),
    [
        (201, ref(objekt={}), "/body"),
        (201, ref(object={"type": "commit", "sha": SHA, "url": "u", "size": 3}), "/body/object"),
        (201, ref(url=None), "/body/url"),
        (201, None, "/body"),
        (201, b"<html>", "/body"),
        (200, ref(), "/status"),
        (404, None, "/body"),
        (404, {"error": "Not Found"}, "/body"),
        (422, {"message": "Validation Failed", "errors": "sha"}, "/body/errors"),
    ],
)
def test_an_answer_that_github_does_not_give_is_a_violation(
    contract: Contract, status: int, body: object, pointer: str
) -> None:
    violation = violation_of(contract.check_response, "POST", REFS, status, body)
    assert (violation.part, violation.pointer) == ("answer", pointer)


def test_an_answer_that_has_no_body_passes_without_one_only(contract: Contract) -> None:
    path = f"{REPOSITORY}/issues/comments/7"
    contract.check_response("DELETE", path, 204)
    assert violation_of(contract.check_response, "DELETE", path, 204, {}).pointer == "/body"


@pytest.mark.parametrize("body", [None, {}])
def test_an_empty_object_may_be_no_body_at_all(contract: Contract, body: object) -> None:
    contract.check_response("POST", f"{RUN}/cancel", 202, body)
    assert violation_of(contract.check_response, "POST", f"{RUN}/cancel", 202, {"id": 1}).pointer == "/body"


@pytest.mark.parametrize("status", sorted(COMMON_ERROR_STATUSES))
def test_an_error_that_any_operation_may_answer_needs_no_documentation(contract: Contract, status: int) -> None:
    body = {"message": "Not so", "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    contract.check_response("GET", f"{REPOSITORY}/pulls/1/commits", status, body)


@pytest.mark.parametrize("status", sorted(TRANSIENT_STATUSES))
@pytest.mark.parametrize("body", [None, b"<html>Unicorn!</html>", {"message": "Server Error"}])
def test_an_outage_may_answer_anything(contract: Contract, status: int, body: object) -> None:
    contract.check_response("POST", REFS, status, body)


def test_a_documented_outage_is_checked_when_it_is_json(contract: Contract) -> None:
    path = f"{REPOSITORY}/compare/main...daily"
    contract.check_response("GET", path, 503, b"<html>Unicorn!</html>")
    assert violation_of(contract.check_response, "GET", path, 503, {"message": 503}).pointer == "/body/message"


def test_a_file_in_githubs_raw_format_is_not_looked_at(contract: Contract) -> None:
    path = f"{REPOSITORY}/contents/model/metrics.txt"
    contract.check_response("GET", path, 200, b"Accuracy: 0.97", "application/vnd.github.raw+plain; charset=utf-8")
    for status, media_type, pointer in (
        (200, "text/plain", "/body"),
        (404, "application/vnd.github.raw", "/body"),
        (418, "application/vnd.github.raw", "/status"),
    ):
        violation = violation_of(contract.check_response, "GET", path, status, b"Accuracy: 0.97", media_type)
        assert violation.pointer == pointer


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("GET", f"{REPOSITORY}/stargazers", "no known path"),
        ("GET", f"{REPOSITORY}/pulls/", "no known path"),
        ("GET", f"{REPOSITORY}/git/ref/", "no known path"),
        ("DELETE", f"{REPOSITORY}/pulls/1", "known with GET, PATCH only"),
    ],
)
def test_an_operation_that_is_not_listed_is_a_violation(
    contract: Contract, method: str, path: str, reason: str
) -> None:
    assert reason in violation_of(contract.check_request, method, path, {}).reason
    assert reason in violation_of(contract.check_response, method, path, 200, {}).reason


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", f"{REPOSITORY}/git/ref/heads/cmlkit/main/7", "git/get-ref"),
        ("GET", f"{REPOSITORY}/git/ref/heads%2Fdaily", "git/get-ref"),
        ("DELETE", f"{REFS}/heads/cmlkit/main/7", "git/delete-ref"),
        ("GET", f"{REPOSITORY}/contents/model/metrics.txt", "repos/get-content"),
        ("GET", f"{REPOSITORY}/compare/main...cmlkit/main/7", "repos/compare-commits-with-basehead"),
        ("GET", f"{REPOSITORY}/branches/cmlkit/main/7", "repos/get-branch"),
        ("GET", f"{REPOSITORY}/commits/cmlkit/main/7", "repos/get-commit"),
        ("GET", f"{REPOSITORY}/commits/{SHA}/pulls", "repos/list-pull-requests-associated-with-commit"),
        ("GET", f"{REPOSITORY}/commits/cmlkit/main/7/check-runs", "checks/list-for-ref"),
        ("GET", f"{REPOSITORY}/issues/comments/7", "issues/get-comment"),
        ("GET", f"{REPOSITORY}/issues/7/comments", "issues/list-comments"),
        ("GET", f"{REPOSITORY}/actions/runners/downloads", "actions/list-runner-applications-for-repo"),
        ("GET", f"{REPOSITORY}/actions/runners/7", "actions/get-self-hosted-runner-for-repo"),
    ],
)
def test_a_path_stands_for_its_most_exact_operation(contract: Contract, method: str, path: str, operation: str) -> None:
    contract.check_request(method, path, {})
    assert f"({operation})" in str(violation_of(contract.check_request, method, path, {"no-such-parameter": "1"}))
