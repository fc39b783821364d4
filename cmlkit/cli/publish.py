"""`cmlkit publish` and `cmlkit report`: the last training's result, published or printed."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.bounds.files import RECORD_BYTES, read_regular
from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, show_markdown, show_text
from cmlkit.errors import FileError, SettingsError, file_error
from cmlkit.records.training_run import RECORD, UNCHANGED, TrainingRun
from cmlkit.records.workflow_run import WorkflowRun

if TYPE_CHECKING:
    from cmlkit.publishing.publication import Publication


@click.command(cls=Command)
@with_settings("publish", "gate")
def publish(invocation: Invocation) -> None:
    """Gate the last training, commit it, open a pull request, and write report, comment, check and summary.

    Outside a job it takes the token of the GitHub CLI if no other is set. With a FILE, or a flag that only CML's
    publish has, it is cmlkit asset publish.

    \b
    cmlkit publish
    cmlkit publish --gate "accuracy >= champion - 0.01" --labels retrained --auto-merge squash
    """
    from cmlkit.publishing.branch import check_branch
    from cmlkit.publishing.own_branch import refuse_chain
    from cmlkit.publishing.publish import publish as publish_run

    directory = Path.cwd()
    if reason := _nothing_to_do(directory):
        if invocation.workplace.is_job:
            _summarise(invocation, f"{reason} Nothing was published.")
        emit(invocation, {"published": False, "changed": False, "reason": reason}, [("unchanged", reason)])
        return
    run = read_record(directory)
    workflow_run = _workflow_run(invocation, run, directory)
    check_branch(workflow_run, invocation.settings.publish)
    refuse_chain(workflow_run, invocation.settings.publish)
    signed_in = edges.signed_in(invocation, workflow_run)
    publication = publish_run(
        run,
        spec=invocation.settings.publish,
        gate=invocation.settings.gate,
        directory=directory,
        prefix=edges.prefix(invocation, directory),
        forge=edges.publishing_forge(signed_in, workflow_run),
        workflow_run=workflow_run,
        progress=invocation.progress,
    )
    if publication.report and invocation.workplace.is_job:
        _summarise(invocation, publication.report)
    try:
        emit(invocation, _result(publication, run), _lines(publication))
    except (FileError, OSError) as error:
        raise _untold(error, publication) from error
    publication.raise_if_rejected(invocation.settings.publish)


@click.command(cls=Command)
@with_settings("publish", "gate", only=["publish.base", "gate"])
def report(invocation: Invocation) -> None:
    """Print the report of the last training, as markdown unless at a terminal; nothing is written anywhere.

    The model is compared with the base branch's as cmlkit publish would: on the forge if a token is set, else in the
    clone, as last fetched. Without either, the report says that it is not compared.

    \b
    cmlkit report > report.md
    """
    from cmlkit.publishing.preview import find_base, preview

    directory = Path.cwd()
    if reason := _nothing_to_do(directory):
        show_text(invocation, {"markdown": reason}, reason)
        return
    run = read_record(directory)
    workflow_run = _workflow_run(invocation, run, directory, with_commit=False)
    settings, warn = invocation.settings, invocation.progress.warn
    forge = edges.forge_if_any(invocation, workflow_run)
    base = find_base(forge, workflow_run=workflow_run, named=settings.publish.base, directory=directory, warn=warn)
    prefix = edges.prefix(invocation, directory)
    markdown = preview(
        run,
        gate=settings.gate,
        base=base,
        directory=directory,
        prefix=prefix,
        workflow_run=workflow_run,
        warn=warn,
    )
    show_markdown(invocation, {"markdown": markdown}, markdown)


def read_record(directory: Path) -> TrainingRun:
    """Return the record of the last training below `directory`.

    Raises:
        SettingsError: It is missing or broken.
    """
    try:
        text = read_regular(directory / RECORD, RECORD_BYTES)
    except OSError:
        raise SettingsError(
            f"There is no record of a training at {RECORD}.", next_step="Run cmlkit train first, in this folder."
        ) from None
    return TrainingRun.from_json(text, source=str(RECORD))


def _nothing_to_do(directory: Path) -> str:
    """Return why the last training below `directory` did nothing; empty if it trained, or if there was none."""
    try:
        return f"Nothing to do. {(directory / UNCHANGED).read_text(encoding='utf-8', errors='replace').strip()}"
    except OSError:
        return ""


def _workflow_run(
    invocation: Invocation, run: TrainingRun, directory: Path, *, with_commit: bool = True
) -> WorkflowRun:
    """Return the run; outside a CI, the training names it, so that publishing again finds the earlier try's results."""
    digest = hashlib.sha256(run.to_json().encode()).hexdigest()
    return invocation.workplace.workflow_run(directory=directory, local_id=digest[:8], with_commit=with_commit)


def _summarise(invocation: Invocation, report: str) -> None:
    if not invocation.workplace.write_summary(report):
        invocation.progress.warn(
            "The job summary has no room left for the report, or takes none; it is in the pull request's comment."
        )


def _untold(error: FileError | OSError, publication: Publication) -> FileError:
    """Return the error for a result that could not be passed on, with what was published all the same."""
    told = file_error(error) if isinstance(error, OSError) else error
    place = publication.pull_request_url or publication.branch
    done = f"All is published: {place}" if place else "There was nothing to publish"
    return FileError(f"{told.message} {done}; only this step's outputs are missing.", next_step=told.next_step)


def _result(publication: Publication, run: TrainingRun) -> dict[str, Any]:
    result = {"published": bool(publication.commit_sha), **dataclasses.asdict(publication)}
    result["verdict"] = publication.verdict.outcome
    result["headline"] = publication.verdict.headline
    result["files"] = list(publication.files)
    result["metrics"] = dict(run.metrics)
    del result["report"]
    return result


def _lines(publication: Publication) -> list[tuple[str, str]]:
    if not publication.changed:
        lines = [("unchanged", "model, metrics and plots are those of the base branch; nothing was published")]
        return lines if publication.verdict.accepted else [("verdict", publication.verdict.headline), *lines]
    lines = [
        ("verdict", publication.verdict.headline),
        ("pull request", publication.pull_request_url),
        ("comment", publication.comment_url),
        ("check", publication.check_url),
        ("branch", publication.branch),
        ("commit", publication.commit_sha),
        ("files", ", ".join(publication.files)),
    ]
    return [(label, value) for label, value in lines if value]
