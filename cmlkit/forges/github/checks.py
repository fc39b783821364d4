"""Check runs, and commit statuses for tokens that may not create check runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmlkit.errors import PermissionDenied
from cmlkit.forges.base import Annotation, Check, CheckStatus, Conclusion
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.memory import taken
from cmlkit.records.fields import Fields

# https://docs.github.com/en/rest/commits/statuses: a description is cut off by GitHub's own pages at 140 characters.
STATUS_DESCRIPTION_LENGTH = 140
MOST_ANNOTATIONS = 50  # in one request: https://docs.github.com/en/rest/checks/runs


class Checks:
    """Checks and statuses of commits.

    Args:
        others: Checks of a second token; asked if GitHub refuses a check of the first, as it refuses personal ones.
    """

    def __init__(self, client: Client, *, others: Checks | None = None) -> None:
        self._client = client
        self._others = others

    def required_checks(self, branch: str) -> list[str]:
        """Return the checks that the branch's protection and its rulesets require."""
        protection = _protection(self._client.http.get(self._client.path("branches", branch)))
        rules = self._client.http.pages(self._client.path("rules", "branches", branch))
        return list(dict.fromkeys([*protection, *(name for rule in rules for name in _required(rule))]))

    def create_check(
        self,
        *,
        name: str,
        commit: str,
        conclusion: Conclusion,
        title: str,
        summary: str,
        details_url: str = "",
        status: CheckStatus = "completed",
        annotations: Sequence[Annotation] = (),
    ) -> Check:
        request: dict[str, object] = {
            "name": name,
            "status": status,
            "external_id": f"cmlkit:{name}",
            "output": {"title": title, "summary": _linked(summary, details_url)},
        }
        if status == "completed":
            request["conclusion"] = conclusion
        if details_url:
            request["details_url"] = details_url
        try:
            return self._written(name, commit, request, _annotated(annotations))
        except PermissionDenied:
            if self._others is None:
                raise
        return self._others._written(name, commit, request, _annotated(annotations))

    def _written(
        self, name: str, commit: str, request: Mapping[str, object], annotations: Mapping[str, object]
    ) -> Check:
        def send() -> Check:
            # GitHub adds those of an update to those that are there, so that only a new check has any.
            output: Any = request["output"]
            body = {**request, "head_sha": commit, "output": {**output, **annotations}}
            return _check(self._client.http.request("POST", self._client.path("check-runs"), body=body).fields)

        is_new = taken(self._client.memory.without_checks, commit)
        earlier = None if is_new else self._own_check(name, commit)
        if earlier is None:
            return self._client.once(send, lambda: self._own_check(name, commit))
        path = self._client.path("check-runs", earlier.id)
        return _check(self._client.http.request("PATCH", path, body=request).fields)

    def _own_check(self, name: str, commit: str) -> Check | None:
        path = self._client.path("commits", commit, "check-runs")
        for answer in self._client.http.pages(path, key="check_runs", check_name=name, filter="all"):
            if answer.text("external_id", "") == f"cmlkit:{name}":
                return _check(answer)
        return None

    def create_status(
        self, *, name: str, commit: str, conclusion: Conclusion, title: str, details_url: str = ""
    ) -> str:
        # A status has no `neutral`; statuses of one context replace each other, so a second sending does no harm.
        body: dict[str, object] = {
            "state": "success" if conclusion in ("success", "neutral", "skipped") else "failure",
            "context": name,
            "description": title[:STATUS_DESCRIPTION_LENGTH],
        }
        if details_url:
            body["target_url"] = details_url
        path = self._client.path("statuses", commit)
        return self._client.http.request("POST", path, body=body, repeatable=True).fields.filled("url")


def _linked(summary: str, url: str) -> str:
    """Return the summary with a link to the details, unless it has it.

    GitHub ignores `details_url` of checks that GITHUB_TOKEN creates: https://github.com/actions/github-script/issues/143
    """
    return summary if not url or url in summary else f"{summary.rstrip()}\n\n[The workflow run]({url})"


def _annotated(annotations: Sequence[Annotation]) -> dict[str, object]:
    shown = [
        {
            "path": item.path,
            "start_line": item.line,
            "end_line": item.line,
            "annotation_level": item.level,
            "title": item.title,
            "message": item.message,
        }
        for item in annotations[:MOST_ANNOTATIONS]
    ]
    return {"annotations": shown} if shown else {}


def _check(answer: Fields) -> Check:
    return Check(id=answer.whole("id"), url=answer.text("html_url", "") or answer.filled("url"))


def _protection(answer: Fields) -> list[str]:
    return answer.within("protection", "required_status_checks").texts("contexts")


def _required(rule: Fields) -> list[str]:
    if rule.text("type") != "required_status_checks":
        return []
    return [check.text("context") for check in rule.inside("parameters").listed("required_status_checks")]
