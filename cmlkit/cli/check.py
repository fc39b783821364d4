"""`cmlkit check`: markdown as a check on the commit."""

from __future__ import annotations

from typing import get_args

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.markdown_file import Room, files_argument, post_of, publish_option, read_markdown
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit_text
from cmlkit.cli.read_only import kept_in_summary
from cmlkit.errors import PermissionDenied
from cmlkit.forges.base import CheckStatus, Conclusion


@click.group(cls=Group)
def check() -> None:
    """Write markdown as a check on the commit."""


@check.command()
@with_settings()
@files_argument
@click.option(
    "--title", default="CML Report", show_default=True, help="Name and title; a commit has one check of each name."
)
@click.option("--status", type=click.Choice(get_args(CheckStatus)), default="completed", show_default=True)
@click.option("--conclusion", type=click.Choice(get_args(Conclusion)), default="success", show_default=True)
@click.option(
    "--commit-sha", "--head-sha", default="", help="Commit or revision; the pull request's or the run's if omitted."
)
@publish_option
def create(
    invocation: Invocation,
    files: tuple[str, ...],
    title: str,
    status: CheckStatus,
    conclusion: Conclusion,
    commit_sha: str,
    publish: bool,
) -> None:
    """Create a check with the markdown in each FILE or on standard input, or update the commit's check of that title.

    If the token may not create checks, as a personal one may not, write a commit status without the text.

    \b
    cmlkit check create report.md
    cmlkit check create --title Training --status in_progress report.md
    cmlkit check create --title Training --conclusion failure report.md
    """
    from cmlkit.publishing.destination import commit_of
    from cmlkit.publishing.target import commit_named

    texts = read_markdown(files, invocation)
    workflow_run = invocation.workplace.workflow_run(with_commit=not commit_sha)
    forge = edges.forge(invocation, workflow_run)
    commit = (
        commit_named(commit_sha, in_checkout=edges.commit_in_checkout, forge=forge) if commit_sha else workflow_run.sha
    )
    if commit == workflow_run.sha:
        commit = commit_of(workflow_run, forge=forge)
    room = Room(longest=edges.facts(invocation).limits.summary, in_bytes=True)
    details = workflow_run.url
    with kept_in_summary(texts, invocation.workplace):
        text = post_of(texts, invocation, workflow_run, forge=forge, publish=publish, room=room).text
        try:
            url = forge.create_check(
                name=title,
                commit=commit,
                status=status,
                conclusion=conclusion,
                title=title,
                summary=text,
                details_url=details,
            ).url
        except PermissionDenied as refused:
            if status != "completed" or invocation.workplace.reads_only == "fork":
                raise
            invocation.progress.warn(f"Writing a commit status instead of a check: {refused.message}")
            url = forge.create_status(
                name=title, commit=commit, conclusion=conclusion, title=title, details_url=details
            )
    emit_text(invocation, {"check_url": url}, url)
