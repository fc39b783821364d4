"""GitHub's own words for no: an error answer as an exception, and those that several endpoints give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DOCUMENTATION = "https://docs.github.com/rest"


class Refusal(Exception):
    """An error answer, raised wherever the request turns out to be one that GitHub refuses.

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
        """The answer's JSON."""
        errors = {"errors": self.errors} if self.errors else {}
        status = {"status": str(self.status)} if self.with_status else {}
        return {"message": self.message, **errors, "documentation_url": DOCUMENTATION, **status}


def not_found(message: str = "Not Found") -> Refusal:
    return Refusal(404, message)


def unprocessable(message: str) -> Refusal:
    """A 422 that has one sentence only."""
    return Refusal(422, message)


def invalid(resource: str, code: str, *, field: str = "", message: str = "", value: object = None) -> Refusal:
    """GitHub's "Validation Failed", with one detail: code is `missing_field`, `invalid`, `already_exists`, `custom`."""
    detail: dict[str, object] = {"resource": resource, "code": code}
    if field:
        detail["field"] = field
    if value is not None:
        detail["value"] = value
    if message:
        detail["message"] = message
    return Refusal(422, "Validation Failed", errors=[detail])
