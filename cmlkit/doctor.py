"""The doctor: what a launch and a publish need of AWS and GitHub, looked at without making or changing anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit import runner
from cmlkit.config import RunnerSpec
from cmlkit.errors import CmlkitError
from cmlkit.forges.base import PublishForge, RunnerForge
from cmlkit.run import WorkflowRun
from cmlkit.runner import CloudFor, Preview

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look found.

    Attributes:
        detail: One sentence: what there is, or what is wrong.
        remedy: What to do about it; empty where nothing needs doing.
        error: What failed; None unless `state` is `failed`.
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""
    error: CmlkitError | None = None


def examine(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    publish_forge: Callable[[], PublishForge],
    runner_forge: Callable[[], RunnerForge],
    cloud_for: CloudFor,
) -> tuple[Finding, ...]:
    """Every finding, GitHub's first. Errors that cmlkit explains become findings; nothing is raised for them.

    Args:
        publish_forge: Opens GitHub with the token that publishes; it may raise, which is a finding too.
        runner_forge: Opens GitHub with the token that registers runners.
    """
    return (
        *_looked("GitHub repository", lambda: _repository(publish_forge())),
        *_looked("GitHub runners", lambda: _runners(runner_forge())),
        *_looked(
            "AWS launch",
            lambda: _launch(runner.preview(spec, workflow_run=workflow_run, cloud_for=cloud_for)),
        ),
    )


def first_failure(findings: Sequence[Finding]) -> CmlkitError | None:
    """What the first failed finding failed with; None where none failed."""
    return next((finding.error for finding in findings if finding.error is not None), None)


def _looked(subject: str, look: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    try:
        return look()
    except CmlkitError as error:
        return (_failed(subject, error),)


def _failed(subject: str, error: CmlkitError) -> Finding:
    return Finding(subject=subject, state="failed", detail=error.message, remedy=error.next_step, error=error)


def _repository(forge: PublishForge) -> tuple[Finding, ...]:
    repository = forge.repository()
    detail = f"{repository.full_name} is visible; its default branch is {repository.default_branch}."
    return (Finding(subject="GitHub repository", state="ok", detail=detail),)


def _runners(forge: RunnerForge) -> tuple[Finding, ...]:
    """Listing takes read access where registering takes write access, so this shows less than a launch would."""
    count = len(forge.runners())
    detail = f"The token may list self-hosted runners; there are {count} now."
    return (Finding(subject="GitHub runners", state="ok", detail=detail),)


def _launch(preview: Preview) -> tuple[Finding, ...]:
    if refusal := preview.refusal:
        return (_failed("AWS launch", refusal),)
    allowed = sum(option.refusal is None for option in preview.options)
    detail = f"AWS would begin {allowed} of {len(preview.options)} options; capacity shows only at launch."
    notes = tuple(Finding(subject="AWS launch", state="warning", detail=note) for note in preview.notes)
    return (_options(detail, preview), *notes, _price(preview))


def _options(detail: str, preview: Preview) -> Finding:
    refusal = next((option.refusal for option in preview.options if option.refusal is not None), None)
    if refusal is None:
        return Finding(subject="AWS launch", state="ok", detail=detail)
    return Finding(
        subject="AWS launch", state="warning", detail=f"{detail} {refusal.message}", remedy=refusal.next_step
    )


def _price(preview: Preview) -> Finding:
    if preview.most is None:
        return Finding(subject="AWS price", state="warning", detail="The price of at least one option is unknown.")
    return Finding(subject="AWS price", state="ok", detail=f"One runner costs at most ${preview.most:.4f}.")
