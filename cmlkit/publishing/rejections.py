"""Rejections as annotations: each failed rule, at the line of the metrics file with its value."""

from __future__ import annotations

import re
from typing import Literal

from cmlkit.forges.base import Annotation
from cmlkit.formats import number
from cmlkit.gate import metrics
from cmlkit.gate.verdict import RuleResult
from cmlkit.publishing.plan import PublishPlan


def rejections(plan: PublishPlan, *, level: Literal["warning", "failure"]) -> list[Annotation]:
    """Return an annotation in the metrics files for each failed rule."""
    files = {file.path: file.content.decode("utf-8", "replace") for file in plan.files if file.role == "metrics"}
    found = []
    for result in plan.verdict.rules:
        if result.passed is False and files:
            path, line = place_of(result.metric, files)
            title = f"{result.metric} failed the gate"
            found.append(Annotation(path=path, line=line, level=level, title=title, message=_sentence(result)))
    return found


def place_of(metric: str, files: dict[str, str]) -> tuple[str, int]:
    """Return file and line of a metric, found by the last part of its name; else the first line of the first file."""
    wanted = metrics.key(re.split(r"[./]", metric)[-1])
    for path, text in files.items():
        for line, words in enumerate(text.splitlines(), start=1):
            if wanted in metrics.key(words):
                return path, line
    return next(iter(files)), 1


def _sentence(result: RuleResult) -> str:
    missed = "" if not result.margin else f", missed by {number(abs(result.margin))}"
    held = "" if result.threshold is None else f" (that is {number(result.threshold)}{missed})"
    return f"{result.metric} is {number(result.value)}; the rule is {result.text}{held}."
