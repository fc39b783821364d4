"""Workflow files: the parts of their syntax that the cases use. A key that is not known here is an error.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_WORKFLOW_KEYS = {"name", "on", "env", "defaults", "jobs", "permissions", "concurrency"}
_JOB_KEYS = {
    "name", "needs", "if", "runs-on", "strategy", "env", "outputs", "steps", "continue-on-error", "permissions",
    "container", "timeout-minutes", "defaults",
}  # fmt: skip
_STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "env", "working-directory", "continue-on-error", "shell"}


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as GitHub reads it, where `on` is a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


@dataclass(frozen=True, kw_only=True)
class Step:
    name: str
    id: str
    condition: str
    uses: str
    inputs: Mapping[str, str]
    run: str
    env: Mapping[str, str]
    working_directory: str
    may_fail: bool
    shell: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job; `variants` are its matrix's combinations, one without values if it has no matrix."""

    id: str
    needs: Sequence[str]
    condition: str
    labels: Sequence[str]
    variants: Sequence[Mapping[str, Any]]
    env: Mapping[str, str]
    outputs: Mapping[str, str]
    steps: Sequence[Step]
    may_fail: bool
    permissions: Mapping[str, str] | None
    in_container: bool


@dataclass(frozen=True, kw_only=True)
class Workflow:
    name: str
    triggers: Mapping[str, Mapping[str, Any]]
    jobs: Sequence[Job]

    def starts_on(self, event: str, *, branch: str) -> bool:
        """Return whether an event on a branch, a pull request's base branch for those, starts it."""
        if event not in self.triggers:
            return False
        filters = self.triggers[event]
        if unknown := filters.keys() - {"branches", "branches-ignore", "types", "cron", "paths"}:
            raise ValueError(f"filters of {event} that are not known here: {unknown}")
        matching = _matches(branch, filters.get("branches", "**"))
        return matching and not _matches(branch, filters.get("branches-ignore", []))


def read_workflow(text: str, *, path: str) -> Workflow:
    """Return the workflow in a file's text."""
    document = yaml.load(text, _Loader)
    _check(document, _WORKFLOW_KEYS, path)
    return Workflow(
        name=document.get("name", path),
        triggers=_triggers(document["on"]),
        jobs=tuple(_in_order(_jobs(document, path))),
    )


def _jobs(document: Mapping[str, Any], path: str) -> Iterator[Job]:
    for name, job in document["jobs"].items():
        _check(job, _JOB_KEYS, f"{path}: {name}")
        defaults = {**_defaults(document), **_defaults(job)}
        labels = job["runs-on"]
        yield Job(
            id=name,
            needs=_list(job.get("needs", [])),
            condition=str(job.get("if", "")),
            labels=_list(labels),
            variants=tuple(_variants(job.get("strategy", {}).get("matrix", {}))),
            env={**_texts(document.get("env", {})), **_texts(job.get("env", {}))},
            outputs=_texts(job.get("outputs", {})),
            steps=tuple(_step(step, defaults, f"{path}: {name}") for step in job["steps"]),
            may_fail=bool(job.get("continue-on-error", False)),
            permissions=job.get("permissions", document.get("permissions")),
            in_container="container" in job,
        )


def _step(step: Mapping[str, Any], defaults: Mapping[str, str], path: str) -> Step:
    _check(step, _STEP_KEYS, path)
    return Step(
        name=str(step.get("name", step.get("uses", ""))),
        id=step.get("id", ""),
        condition=str(step.get("if", "")),
        uses=step.get("uses", ""),
        inputs=_texts(step.get("with", {})),
        run=step.get("run", ""),
        env=_texts(step.get("env", {})),
        working_directory=step.get("working-directory", defaults.get("working-directory", "")),
        may_fail=bool(step.get("continue-on-error", False)),
        shell=step.get("shell", defaults.get("shell", "")),
    )


def _in_order(jobs: Iterator[Job]) -> Iterator[Job]:
    """Yield jobs after those that they need."""
    waiting, done = list(jobs), set[str]()
    while waiting:
        job = next(each for each in waiting if done.issuperset(each.needs))
        waiting.remove(job)
        done.add(job.id)
        yield job


def _variants(matrix: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "include" in matrix or "exclude" in matrix:
        raise ValueError("include and exclude of a matrix are not known here")
    for values in itertools.product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def _triggers(on: Any) -> dict[str, Mapping[str, Any]]:
    if isinstance(on, Mapping):
        return {name: filters if isinstance(filters, Mapping) else {} for name, filters in on.items()}
    return {name: {} for name in _list(on)}


def _matches(branch: str, patterns: Any) -> bool:
    return any(fnmatch.fnmatchcase(branch, pattern.replace("**", "*")) for pattern in _list(patterns))


def _defaults(document: Mapping[str, Any]) -> dict[str, str]:
    return dict(document.get("defaults", {}).get("run", {}))


def _list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def _check(mapping: Mapping[str, Any], known: set[str], path: str) -> None:
    if unknown := mapping.keys() - known:
        raise ValueError(f"{path} has keys that are not known here: {', '.join(sorted(unknown))}")
