"""The wire between a command and both services: it records one run, and answers the next ones from that record.

A field of one answer can be replaced, so that a command meets each answer with each of its fields missing or of another
type. Nothing of cmlkit is patched: the two functions that send are those of requests and botocore.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
import requests
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

Change = Callable[[bytes], bytes]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of a service, as bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Step:
    """The nth request of a kind, such as `GET /repos/octo/forest` or `RunInstances`."""

    call: str
    nth: int


@dataclass(kw_only=True)
class Wire:
    """Records answers, or gives them.

    Attributes:
        before: Called with each request while recording.
        changed: Step -> what becomes of its answer.
        launched: Ids of the instances that were started while answering; `ended` are those that were terminated.
    """

    before: Callable[[str], None] = lambda call: None
    changed: dict[Step, Change] = field(default_factory=dict)
    recording: bool = True
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    launched: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    _seen: Counter[str] = field(default_factory=Counter)
    _names: list[str] = field(default_factory=list)
    _renamed: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def steps(self) -> list[Step]:
        return [Step(call, nth) for call, answers in self.answers.items() for nth in range(len(answers))]

    def again(self, changed: Mapping[Step, Change]) -> None:
        """Answer from the record, from its beginning."""
        self.recording, self.changed = False, dict(changed)
        self.launched, self.ended, self._renamed = set(), set(), {}
        self._seen.clear()

    def exchange(self, call: str, request: bytes, send: Callable[[], Answer]) -> Answer:
        if self.recording:
            self.before(call)
            answer = send()
            with self._lock:
                self.answers[call].append(answer)
                self._names += _runner_names(request)
            return answer
        with self._lock:
            return self._replayed(call, request)

    def _replayed(self, call: str, request: bytes) -> Answer:
        # Names of runners are random: the record's are written as those of this run.
        self._renamed |= dict(zip(self._names, _runner_names(request), strict=False))
        step = Step(call, self._seen[call])
        self._seen[call] += 1
        recorded = self.answers.get(call)
        if not recorded:
            return Answer(status=404, headers={"content-type": "application/json"}, body=b'{"message": "Not Found"}')
        answer = recorded[min(step.nth, len(recorded) - 1)]
        if call == "RunInstances":
            self.launched |= set(re.findall(r"<instanceId>(i-[0-9a-f]+)", answer.body.decode()))
        if call == "TerminateInstances":
            self.ended |= set(re.findall(r"i-[0-9a-f]+", request.decode()))
        body = answer.body
        for before, after in self._renamed.items():
            body = body.replace(before.encode(), after.encode())
        change = self.changed.get(step)
        return Answer(status=answer.status, headers=answer.headers, body=body if change is None else change(body))


def _runner_names(request: bytes) -> list[str]:
    return re.findall(r'"name": "(cmlkit-[^"]+)", "runner_group_id"', request.decode("utf-8", "replace"))


def install(wire: Wire, patch: pytest.MonkeyPatch) -> None:
    """Let all requests of this process go through the wire."""
    send_request, send_aws = requests.adapters.HTTPAdapter.send, URLLib3Session.send

    def to_github(adapter: Any, request: Any, **options: Any) -> requests.Response:
        def really() -> Answer:
            found = send_request(adapter, request, **options)
            return Answer(status=found.status_code, headers=dict(found.headers), body=found.content)

        body = request.body or b""
        call = f"{request.method} {urlsplit(request.url).path}"
        answer = wire.exchange(call, body if isinstance(body, bytes) else str(body).encode(), really)
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, request.url, request
        response.headers.update({key: text for key, text in answer.headers.items() if _is_kept(key)})
        response.raw = HTTPResponse(io.BytesIO(answer.body), status=answer.status, preload_content=False)
        return response

    def to_aws(session: Any, request: Any) -> AWSResponse:
        def really() -> Answer:
            found = send_aws(session, request)
            return Answer(status=found.status_code, headers=dict(found.headers), body=found.content)

        body = request.body or b""
        answer = wire.exchange(_operation(request), body if isinstance(body, bytes) else body.encode(), really)
        response = AWSResponse(request.url, answer.status, {**answer.headers}, None)
        response._content = answer.body
        return response

    patch.setattr(requests.adapters.HTTPAdapter, "send", to_github)
    patch.setattr(URLLib3Session, "send", to_aws)


def _is_kept(header: str) -> bool:
    return header.lower() not in ("content-length", "transfer-encoding", "content-encoding", "connection")


def _operation(request: Any) -> str:
    target = request.headers.get("X-Amz-Target", b"")
    if target:
        return str(target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
    action = parse_qs(body).get("Action")
    return action[0] if action else f"{request.method} {urlsplit(request.url).path}"


# What stands in place of a field's value.
VALUES: tuple[Any, ...] = (None, "", [], {}, 0, "x", -1.5, True, [None], {"x": None})
MISSING = object()
# What stands in place of a whole answer.
WHOLE = {"empty": b"", "page": b"<html><body>Proxy</body></html>", "list": b"[]", "null": b"null"}


def changes(body: bytes) -> Iterator[tuple[str, Change]]:
    """Yield each change of an answer, with its name: of each field, and of the whole."""
    for name, whole in WHOLE.items():
        yield name, lambda _, whole=whole: whole  # type: ignore[misc]
    yield "cut", lambda found: found[: len(found) // 2]
    if body.lstrip().startswith(b"<"):
        yield from _xml_changes(body)
    elif body.lstrip()[:1] in (b"{", b"["):
        yield from _json_changes(body)


def _json_changes(body: bytes) -> Iterator[tuple[str, Change]]:
    for place in _places(json.loads(body)):
        for value in (MISSING, *VALUES):
            name = "missing" if value is MISSING else json.dumps(value)
            yield (
                f"{'.'.join(map(str, place))} {name}",
                lambda found, place=place, value=value: _replaced(  # type: ignore[misc]
                    found, place, value
                ),
            )


def _places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    # The first item of a list stands for the others.
    listed = enumerate(document[:1]) if isinstance(document, list) else ()
    for key, value in document.items() if isinstance(document, dict) else listed:
        # Addresses of the API's other resources, which no command reads, would be most of the changes.
        if str(key).endswith("_url") and key not in ("html_url", "check_run_url", "download_url"):
            continue
        yield from _places(value, (*place, key))


def _replaced(body: bytes, place: tuple[Any, ...], value: Any) -> bytes:
    document = json.loads(body)
    inside = document
    for key in place[:-1]:
        inside = inside[key]
    if value is MISSING:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    return json.dumps(document).encode()


def _xml_changes(body: bytes) -> Iterator[tuple[str, Change]]:
    seen: set[str] = set()
    for number, element in enumerate(ET.fromstring(body).iter()):
        tag = element.tag.rpartition("}")[2]
        if number == 0 or tag in seen:
            continue
        seen.add(tag)
        for kind in ("missing", "", "x", "0", "element"):
            yield f"{tag} {kind}", lambda found, number=number, kind=kind: _altered(found, number, kind)  # type: ignore[misc]


def _altered(body: bytes, number: int, kind: str) -> bytes:
    root = ET.fromstring(body)
    namespace = root.tag.rpartition("}")[0].lstrip("{")
    if namespace:
        ET.register_namespace("", namespace)
    element = list(root.iter())[number]
    if kind == "missing":
        parent = next(parent for parent in root.iter() if element in list(parent))
        parent.remove(element)
    else:
        for child in list(element):
            element.remove(child)
        element.text = kind if kind != "element" else None
        if kind == "element":
            ET.SubElement(element, "unknown").text = "x"
    return ET.tostring(root)
