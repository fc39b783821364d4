"""The wording of the pull request, the commit's message, the check's annotations, and the report in its places."""

from __future__ import annotations

import dataclasses
import functools
import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

from cmlkit.forges.base import Annotation
from cmlkit.forges.facts import Limits
from cmlkit.formats import number
from cmlkit.gate import metrics
from cmlkit.gate.verdict import RuleResult, Verdict
from cmlkit.model.manifest import trend_path
from cmlkit.publishing.base_model import is_rescored
from cmlkit.publishing.files import CommitFile, repository_path
from cmlkit.publishing.plan import PublishPlan
from cmlkit.publishing.template import filled
from cmlkit.records.redaction import NOTHING_KNOWN
from cmlkit.records.timeline import Part
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import SUMMARY_LENGTH, Report
from cmlkit.report.markdown import code, link, text
from cmlkit.report.shortened import shortened
from cmlkit.sinks.plain_text import plain
from cmlkit.sinks.secrets import Secrets

METRICS_IN_MESSAGE = 20
NAMES_SHOWN = 20
VALUE_LENGTH = 400  # of a value in the user's own text


def title(plan: PublishPlan, template: str = "", *, longest: int) -> str:
    """Return the title of the pull request, one line of at most `longest` code points."""
    if template:
        words = filled(template, _fields(plan, plain), named="the setting publish.title")
    else:
        words = plain(f"{PurePosixPath(plan.model).stem}: {brief(plan.verdict)}")
    line = " ".join(words.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def brief(verdict: Verdict) -> str:
    """Return the verdict in a few words, as titles have it."""
    headline = verdict.headline.removesuffix(".")
    return verdict.brief or f"{headline[:1].lower()}{headline[1:]}"


def body(plan: PublishPlan, workflow_run: WorkflowRun, *, template: str = "", limits: Limits) -> str:
    """Return the body of the pull request: hidden marker, user's text, links, and what merging and closing do.

    The verdict is in the title and the report.

    A long text of the user is cut, and says so: half of the body is left for the report.
    """
    made = f"{link('This run', workflow_run.url)} trained {code(plan.model)} and wrote it to {code(plan.branch)}."
    if plan.destination.pull_request is not None:
        made += f" It is for #{plan.destination.pull_request}, whose branch it changes."
    aside = plan.place.sentence(quoted=code)
    fields = _fields(plan, functools.partial(text, length=VALUE_LENGTH))
    own = filled(template, fields, named="the setting publish.body")
    marker, others = str(plan.marker), "\n\n".join(filter(None, [made, _choice(plan), aside]))
    room = (limits.text - len(marker) - len(others)) // 2
    own = shortened(own, room, lambda left: f"*{left}: too long for a pull request.*")
    return "\n\n".join(filter(None, [marker, own, others]))


def _choice(plan: PublishPlan) -> str:
    if plan.champion is None:
        return f"**Merging makes this the first champion of {code(plan.base)}; closing leaves it without one.**"
    return "**Merging makes this the champion; closing keeps today's.**"


def left_out(versions: Mapping[str, str]) -> str:
    """Return the body's words about files that others have changed, too; empty if there are none.

    Args:
        versions: Path -> link to the run's own version; empty if the run deleted the file.
    """
    names = [
        f"{code(path)} ({link('its version here', url) if url else 'deleted here'})" for path, url in versions.items()
    ]
    if not names:
        return ""
    return (
        f"Since the checkout, others have changed the same lines as this run: {', '.join(names[:NAMES_SHOWN])}. The"
        " commit leaves their text as it is, and is not merged by itself."
    )


def _fields(plan: PublishPlan, shown: Callable[[str], str]) -> dict[str, str]:
    """Return the fields of a template, each value as `shown` makes it harmless in its place."""
    fields = {
        "model": plan.model,
        "base": plan.base,
        "branch": plan.branch,
        "run": plan.marker.run,
        "outcome": plan.verdict.outcome,
        "headline": plan.verdict.headline,
    }
    return {name: shown(value) for name, value in fields.items()}


def commit_message(run: TrainingRun, plan: PublishPlan, workflow_run: WorkflowRun, *, skip_ci: bool = False) -> str:
    """Return the commit message: subject, verdict, metrics and the run's URL."""
    values = [f"{plain(name)}: {number(value)}" for name, value in run.metrics.items()]
    words = [plain(f"Retrain {plan.model}"), plain(plan.verdict.headline)]
    parts = [*words, "\n".join(values[:METRICS_IN_MESSAGE]), workflow_run.url]
    # https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
    return "\n\n".join(filter(None, [*parts, "[skip ci]" if skip_ci else ""])) + "\n"


def report(
    run: TrainingRun,
    plan: PublishPlan,
    workflow_run: WorkflowRun,
    *,
    files: Sequence[CommitFile] = (),
    store: str = "git",
) -> Report:
    """Return the report of a run; `files` are all files of the commit except the report, if there is a commit."""
    return Report(
        run=run,
        verdict=plan.verdict,
        workflow_run=workflow_run,
        base=plan.base,
        branch=plan.branch,
        folder=str(plan.prefix),
        store=store,
        plot_notes=plan.plot_notes,
        addresses=plan.addresses,
        champion_published=plan.champion.metrics if plan.champion else {},
        champion_parameters=plan.champion.parameters if plan.champion else None,
        is_rescored=plan.champion is not None and is_rescored(run, plan.champion),
        champion_data=plan.champion.data if plan.champion else None,
        files=(*(file.path for file in files), report_path(plan)) if files else (),
    )


def unpublished(run: TrainingRun, plan: PublishPlan, workflow_run: WorkflowRun, *, parts: tuple[Part, ...] = ()) -> str:
    """Return the report of a run that is judged but not published; `parts` are its timeline."""
    whole = dataclasses.replace(report(run, plan, workflow_run), branch="", parts=parts)
    return whole.markdown(limit=SUMMARY_LENGTH)


def summary(report: Report, *, longest: int) -> str:
    """Return the report as a check's summary of at most `longest` bytes."""
    limit = longest
    while (excess := len((page := report.markdown(limit=limit)).encode("utf-8", "replace")) - longest) > 0 < limit:
        limit -= excess
    return page


def report_path(plan: PublishPlan) -> str:
    """Return the report's repository path: beside the model, like its manifest."""
    return f"{plan.model}.md"


def trend_file(report: Report, plan: PublishPlan, secrets: Secrets = NOTHING_KNOWN) -> list[CommitFile]:
    """Return the picture of the trend as a file of the commit; none if there are too few models for one."""
    picture = secrets.hidden(report.trend_picture())
    return [CommitFile(path=trend_path(plan.model), role="report", content=picture.encode())] if picture else []


def report_file(report: Report, plan: PublishPlan, secrets: Secrets = NOTHING_KNOWN) -> CommitFile:
    """Return the report as a file of the commit; it links plots by relative paths, as the commit's id is unknown."""
    folder = PurePosixPath(report_path(plan)).parent
    images = {
        plot: quote(os.path.relpath(path, folder), safe="/") for plot, path in _committed_plots(report, plan).items()
    }
    trend = quote(PurePosixPath(trend_path(plan.model)).name) if _has_trend(report, plan) else ""
    content = secrets.hidden(dataclasses.replace(report, images=images, trend=trend).markdown(limit=SUMMARY_LENGTH))
    return CommitFile(path=report_path(plan), role="report", content=content.encode("utf-8", "replace"))


def of_commit(report: Report, plan: PublishPlan, commit: str) -> Report:
    """Return the report with its commit, and with URLs of plots that work in private repositories too."""

    def image(path: str) -> str:
        place = quote(path, safe="/")
        return plan.addresses.image.format(repository=plan.repository.url, commit=commit, path=place)

    images = {plot: image(path) for plot, path in _committed_plots(report, plan).items()}
    trend = image(trend_path(plan.model)) if _has_trend(report, plan) else ""
    return dataclasses.replace(report, commit=commit, images=images, trend=trend)


def _has_trend(report: Report, plan: PublishPlan) -> bool:
    return trend_path(plan.model) in report.files


def _committed_plots(report: Report, plan: PublishPlan) -> dict[str, str]:
    """Return plot -> repository path, without those that DVC keeps."""
    committed = {file.path for file in plan.files}
    plots = {plot: repository_path(plot, plan.prefix) for plot in report.run.plots}
    return {plot: path for plot, path in plots.items() if path in committed}


def rejections(plan: PublishPlan, *, level: Literal["warning", "failure"]) -> list[Annotation]:
    """Return an annotation in the metrics files for each failed rule."""
    files = {file.path: file.content.decode("utf-8", "replace") for file in plan.files if file.role == "metrics"}
    found = []
    for result in plan.verdict.rules:
        if result.passed is False and files:
            path, line = metric_line(result.metric, files)
            title, message = plain(f"{result.metric} failed the gate"), plain(_sentence(result))
            found.append(Annotation(path=path, line=line, level=level, title=title, message=message))
    return found


def metric_line(metric: str, files: dict[str, str]) -> tuple[str, int]:
    """Return file and line of a metric, found by the last part of its name; else the first line of the first file."""
    wanted = metrics.key(re.split(r"[./]", metric)[-1])
    for path, content in files.items():
        for line, words in enumerate(content.splitlines(), start=1):
            if wanted in metrics.key(words):
                return path, line
    return next(iter(files)), 1


def _sentence(result: RuleResult) -> str:
    return f"{result.text} is not met: {result.sentence}."
