"""GitHub's REST contract: tells whether a request, or an answer, is one that GitHub's OpenAPI description allows.

    contract = Contract.load()
    contract.check_request("POST", "/repos/o/r/git/refs", {}, {"ref": "refs/heads/x", "sha": sha})
    contract.check_response("POST", "/repos/o/r/git/refs", 201, answer)

Both raise ContractViolation. Stricter than the description in one way: where it lists an object's properties or an
operation's query parameters, any other name is a violation, because a misspelt name is the fault that GitHub ignores.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.routes import compile_routes, matching
from tests.contract.schemas import SchemaExpander, faults

DESCRIPTION = Path(__file__).with_name("github-openapi.json")
JSON = "application/json"

# Answers that say nothing about the operation: a rate limit, a gateway, an outage. Accepted anywhere; a body is checked
# only where it is JSON and documented.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
# Answers that GitHub gives on any operation without listing them there: unreadable JSON, no valid token, a permission
# that is missing or a rate limit, something that the token may not see, a value that fails validation.
# https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
COMMON_ERROR_STATUSES = frozenset({400, 401, 403, 404, 422})
COMMON_ERROR = {
    "anyOf": [
        {"$ref": "#/components/schemas/basic-error"},
        {"$ref": "#/components/schemas/validation-error"},
        {"$ref": "#/components/schemas/validation-error-simple"},
    ],
    "required": ["message"],
}


class ContractViolation(AssertionError):
    """A request or an answer that GitHub's description does not allow.

    `operation` is METHOD PATH with GitHub's operation id where there is one, `part` is "request" or "answer", `pointer`
    leads into {"path", "query", "body"} or {"status", "body"} and belongs to the first of the reasons.
    """

    def __init__(self, *, operation: str, part: str, pointer: str, reason: str) -> None:
        super().__init__(f"{operation}: {part}{pointer}: {reason}")
        self.operation = operation
        self.part = part
        self.pointer = pointer
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the description, as met on one request path."""

    name: str
    template: str
    method: str
    path_parameters: Mapping[str, str]
    description: Mapping[str, Any]

    def violation(self, part: str, pointer: str, reason: str) -> ContractViolation:
        """The ContractViolation of this operation at a pointer."""
        return ContractViolation(operation=self.name, part=part, pointer=pointer, reason=reason)


class Contract:
    """The operations of a description. Schemas are made ready on first use and kept."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._paths = description["paths"]
        self._routes = compile_routes(self._paths)
        self._expander = SchemaExpander(description["components"]["schemas"])
        self._request_schema = functools.cache(self._expand_request_schema)
        self._answer_schema = functools.cache(self._expand_answer_schema)
        self._common_error = functools.cache(functools.partial(self._expander.expand, COMMON_ERROR, closed=False))

    @staticmethod
    @functools.cache
    def load(path: Path = DESCRIPTION) -> "Contract":
        """The contract of a file that `trim_openapi.py` wrote; the same object each time."""
        return Contract(json.loads(path.read_text("utf-8")))

    def check_request(self, method: str, path: str, query: Mapping[str, str], body: object = None) -> None:
        """Raise ContractViolation unless GitHub's description allows this request.

        `path` starts at the API root and may be percent-encoded; `body` is the parsed JSON, None when there is none,
        bytes when it is not JSON.
        """
        operation = self._operation("request", method, path)
        _check_path(operation)
        _check_query(operation, query)
        self._check_request_body(operation, body)

    def check_response(self, method: str, path: str, status: int, body: object = None, media_type: str = JSON) -> None:
        """Raise ContractViolation unless GitHub may answer this request so.

        `body` as in check_request. A body in one of GitHub's own formats, such as `application/vnd.github.raw`, is
        whatever the file is, and not looked at.
        """
        operation = self._operation("answer", method, path)
        documented = operation.description["responses"]
        if str(status) not in documented and status not in COMMON_ERROR_STATUSES | TRANSIENT_STATUSES:
            raise operation.violation("answer", "/status", f"{status} is not documented; {', '.join(documented)} are")
        if not _may_have_any_body(status, body, media_type):
            self._check_answer_body(operation, status, body)

    def request_schema(self, method: str, path: str) -> Any:
        """The JSON Schema of the body that this operation takes, without references; None when it takes none."""
        operation = self._operation("request", method, path)
        return self._request_schema(operation.template, operation.method)

    def answer_schema(self, method: str, path: str, status: int) -> Any:
        """The JSON Schema of the body that comes with a status, without references; None when no body is documented."""
        operation = self._operation("answer", method, path)
        return self._answer_schema(operation.template, operation.method, status)

    def documented_statuses(self, method: str, path: str) -> list[int]:
        """The statuses that the description lists for an operation."""
        return [int(status) for status in self._operation("answer", method, path).description["responses"]]

    def _operation(self, part: str, method: str, path: str) -> Operation:
        others: set[str] = set()
        for template, parameters in matching(self._routes, path):
            item = self._paths[template]
            if method.lower() in item:
                description = item[method.lower()]
                return Operation(
                    name=f"{method} {path} ({description['operationId']})",
                    template=template,
                    method=method.lower(),
                    path_parameters=parameters,
                    description=description,
                )
            others.update(each.upper() for each in item)
        known = f"this path is known with {', '.join(sorted(others))} only" if others else "no known path is like this"
        reason = f"{known}; operations.txt lists what cmlkit uses"
        raise ContractViolation(operation=f"{method} {path}", part=part, pointer="", reason=reason)

    def _check_request_body(self, operation: Operation, body: object) -> None:
        schema = self._request_schema(operation.template, operation.method)
        if schema is None and body is not None:
            raise operation.violation("request", "/body", "the operation takes none")
        if schema is None or (body is None and not operation.description["requestBody"]["required"]):
            return
        _check_json(operation, "request", schema, body)

    def _check_answer_body(self, operation: Operation, status: int, body: object) -> None:
        schema = self._answer_schema(operation.template, operation.method, status)
        if body is None and _is_empty_object(schema):
            return
        if schema is not None:
            _check_json(operation, "answer", schema, body)
        elif status in COMMON_ERROR_STATUSES:
            _check_json(operation, "answer", self._common_error(), body)
        elif body is not None and status not in TRANSIENT_STATUSES:
            raise operation.violation("answer", "/body", f"a {status} has none")

    def _expand_request_schema(self, template: str, method: str) -> Any:
        return self._expand_content(self._paths[template][method].get("requestBody", {}), closed=True)

    def _expand_answer_schema(self, template: str, method: str, status: int) -> Any:
        answer = self._paths[template][method]["responses"].get(str(status), {})
        # GitHub's error bodies carry a `status` that the description lists for some errors only.
        return self._expand_content(answer, closed=status < 400)

    def _expand_content(self, node: Mapping[str, Any], *, closed: bool) -> Any:
        return self._expander.expand(node["content"][JSON]["schema"], closed=closed) if "content" in node else None


def _is_empty_object(schema: Any) -> bool:
    # GitHub's examples show no body at all where the schema is an object without properties: cancel, rerun.
    return isinstance(schema, dict) and schema.get("properties") == {}


def _check_json(operation: Operation, part: str, schema: Any, body: object) -> None:
    if body is None or isinstance(body, bytes):
        raise operation.violation(part, "/body", "is missing" if body is None else "is not JSON")
    _raise_faults(operation, part, "/body", faults(schema, body))


def _check_path(operation: Operation) -> None:
    for parameter in operation.description["parameters"]:
        if parameter["in"] == "path":
            value = _typed(operation.path_parameters[parameter["name"]], parameter["schema"])
            _raise_faults(operation, "request", f"/path/{parameter['name']}", faults(parameter["schema"], value))


def _check_query(operation: Operation, query: Mapping[str, str]) -> None:
    known = {each["name"]: each for each in operation.description["parameters"] if each["in"] == "query"}
    for name, text in query.items():
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise operation.violation("request", f"/query/{name}", f"is not a parameter; known: {listed}")
        schema = known[name]["schema"]
        _raise_faults(operation, "request", f"/query/{name}", faults(schema, _typed(text, schema)))
    for name, parameter in known.items():
        if parameter.get("required") and name not in query:
            raise operation.violation("request", f"/query/{name}", "is required")


def _typed(text: str, schema: Mapping[str, Any]) -> object:
    """A parameter's text as a value of the schema's type, or as it is where it does not read as one."""
    if schema.get("type") == "integer" and text.isascii() and text.isdecimal():
        return int(text)
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if schema.get("type") == "array":
        return text.split(",")
    return text


def _may_have_any_body(status: int, body: object, media_type: str) -> bool:
    if status in TRANSIENT_STATUSES:
        # A gateway answers with a page of its own, or with nothing.
        return body is None or isinstance(body, bytes)
    essence = media_type.partition(";")[0].strip().lower()
    return status == 200 and essence.startswith("application/vnd.github") and not essence.endswith("json")


def _raise_faults(operation: Operation, part: str, root: str, found: Iterable[tuple[str, str]]) -> None:
    located = [(f"{root}{pointer}", reason) for pointer, reason in found]
    if located:
        (first, reason), *others = located
        more = "".join(f"; {pointer}: {each}" for pointer, each in others)
        raise operation.violation(part, first, f"{reason}{more}")
