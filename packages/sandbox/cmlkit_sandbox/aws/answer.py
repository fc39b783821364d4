"""Answers: documents and refusals in each of AWS's protocols."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from cmlkit_sandbox.aws.call import Call

REQUEST_ID = "5a0dbe57-5a0d-4e57-8a0d-5a0dbe575a0d"
EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int = 200
    media_type: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """The request is refused.

    Args:
        code: AWS's error code, such as `InvalidParameterValue`.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def answer(self, call: Call) -> Answer:
        """Return the error document in the call's protocol."""
        if call.protocol in ("json", "rest-json"):
            document = {"__type": self.code, "message": self.message, "Message": self.message}
            return json_answer(document, status=self.status, headers=(("x-amzn-ErrorType", self.code),))
        error = f"<Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
        documents = {
            "ec2": f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>",
            "query": f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
            f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
            "rest-xml": f"<Error>{error}<RequestId>{REQUEST_ID}</RequestId></Error>",
        }
        return xml_answer(documents[call.protocol], status=self.status)


def xml_answer(document: str, *, status: int = 200) -> Answer:
    content = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()
    return Answer(status=status, media_type="text/xml;charset=UTF-8", content=content)


def ec2_answer(action: str, inner: str) -> Answer:
    """Return the answer to one of EC2's actions; `inner` is XML."""
    name = f"{action}Response"
    return xml_answer(f'<{name} xmlns="{EC2_NAMESPACE}"><requestId>{REQUEST_ID}</requestId>{inner}</{name}>')


def json_answer(document: Mapping[str, Any], *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    content = json.dumps(document).encode()
    return Answer(status=status, media_type="application/x-amz-json-1.1", content=content, headers=headers)
