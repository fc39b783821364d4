"""Refusals: GitHub's error answers as exceptions, and those that several endpoints share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DOCUMENTATION = "https://docs.github.com/rest"


class Refusal(Exception):
    """An error answer, raised when GitHub would refuse the request.

    Args:
        errors: GitHub's list of details: objects with `resource`, `field` and `code`, or plain sentences.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, object] | str] = (),
        headers: Mapping[str, str] | None = None,
        with_status: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.with_status = with_status

    def body(self) -> dict[str, object]:
        """Return the answer's JSON."""
        errors = {"errors": self.errors} if self.errors else {}
        status = {"status": str(self.status)} if self.with_status else {}
        return {"message": self.message, **errors, "documentation_url": DOCUMENTATION, **status}


def not_found(message: str = "Not Found") -> Refusal:
    return Refusal(404, message)


def unprocessable(message: str) -> Refusal:
    """Return a 422 with a single sentence."""
    return Refusal(422, message)


def invalid(resource: str, code: str, *, field: str = "", message: str = "", value: object = None) -> Refusal:
    """Return GitHub's "Validation Failed"; `code` is `missing_field`, `invalid`, `already_exists` or `custom`."""
    detail: dict[str, object] = {"resource": resource, "code": code}
    if field:
        detail["field"] = field
    if value is not None:
        detail["value"] = value
    if message:
        detail["message"] = message
    return Refusal(422, "Validation Failed", errors=[detail])
