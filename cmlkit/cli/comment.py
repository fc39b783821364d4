"""`cmlkit comment`: markdown as a comment on a pull request, an issue or a commit."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from cmlkit.cli import edges
from cmlkit.cli.markdown_file import fitting, read_markdown
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit_text
from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from cmlkit.forges.base import Comment


@click.group()
def comment() -> None:
    """Write markdown as a comment, or keep one comment up to date."""


def _with_place(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that `create` and `update` share."""
    options = [
        click.argument("file", type=click.File("rb")),
        click.option("--target", default="auto", help="auto, pr, pr/NUMBER, issue/NUMBER, commit or commit/SHA."),
        click.option("--pr", is_flag=True, help="The same as --target pr."),
        click.option("--commit-sha", "--head-sha", default="", help="The same as --target commit/SHA."),
        click.option("--watermark-title", default="", help="Tells comments apart; may contain {workflow} and {run}."),
    ]
    decorated: Callable[..., None] = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@comment.command()
@with_settings()
@_with_place
@click.option("--update", is_flag=True, help="Keep one comment up to date, as cmlkit comment update does.")
def create(invocation: Invocation, update: bool, **place: Any) -> None:
    """Write the markdown in FILE (- for standard input) as a comment on this run's pull request, else on its commit.

    A text that exceeds GitHub's limit is shortened by whole tables, code blocks and paragraphs; the job summary has all
    of it.

    \b
    cmlkit comment create report.md
    cmlkit comment create --target issue/7 report.md
    """
    _show(invocation, _written(invocation, update=update, **place))


@comment.command("update")
@with_settings()
@_with_place
@click.option("--watch", is_flag=True, help="Update whenever FILE changes; SIGTERM ends it after a last update.")
def update_(invocation: Invocation, watch: bool, **place: Any) -> None:
    """Update this command's earlier comment in the same place with FILE, or create the comment.

    Comments of other workflows or with other titles stay, and an older run never overwrites the comment of a newer one.

    \b
    cmlkit comment update --pr report.md
    cmlkit comment update --watermark-title "Model on {workflow}" report.md
    cmlkit comment update --watch progress.md & python train.py; kill $!
    """
    if watch:
        _watch(invocation, **place)
    else:
        _show(invocation, _written(invocation, update=True, **place))


def _watch(invocation: Invocation, *, file: BinaryIO, **place: Any) -> None:
    from cmlkit.clock import SystemClock
    from cmlkit.publishing.live_comment import follow
    from cmlkit.runner.signals import catching_signals

    if file.name == "-":
        raise SettingsError("Standard input cannot be watched.", next_step="Name a file.")
    path, written = Path(file.name), []

    def write(text: str) -> None:
        written.append(_written(invocation, file=io.BytesIO(text.encode()), update=True, summarise=False, **place))

    with catching_signals() as signals:
        signals.hold()
        follow(
            lambda: path.read_text(encoding="utf-8", errors="replace") if path.exists() else "",
            write,
            is_over=lambda: signals.received,
            clock=SystemClock(),
            warn=invocation.progress.warn,
        )
    if written:
        _show(invocation, written[-1])


def _written(
    invocation: Invocation,
    *,
    file: BinaryIO,
    target: str,
    pr: bool,
    commit_sha: str,
    watermark_title: str,
    update: bool,
    summarise: bool = True,
) -> Comment:
    from cmlkit.publishing.comment import add_comment, keep_comment
    from cmlkit.publishing.destination import place_of_run
    from cmlkit.publishing.marker import Marker

    text = read_markdown(file)
    target = _target(target, pr=pr, commit_sha=commit_sha)
    # `pr/12`, `commit/1a2b3c4` and the like need no commit of this checkout.
    workflow_run = invocation.workplace.workflow_run(with_commit="/" not in target)
    forge = edges.forge(invocation, workflow_run)
    place = place_of_run(target, forge=forge, workflow_run=workflow_run)
    title = watermark_title.replace("{workflow}", workflow_run.workflow).replace("{run}", workflow_run.run_id)
    subject = f"comment: {workflow_run.workflow}: {title}"
    if not update:
        # Each text is a comment of its own; sent again after a lost answer, it is the same comment.
        subject += f": {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    marker = Marker(kind="report", subject=subject, run=workflow_run.run_id, attempt=workflow_run.attempt)
    text = fitting(text, invocation, workflow_run, summarise=summarise)
    return (keep_comment if update else add_comment)(place, _titled(title, text), marker, forge=forge)


def _target(target: str, *, pr: bool, commit_sha: str) -> str:
    if commit_sha:
        return f"commit/{commit_sha}"
    return "pr" if pr else target


def _titled(title: str, text: str) -> str:
    if not title:
        return text
    from cmlkit.report import markdown

    return f"{text}\n\n<sub>{markdown.text(title)}</sub>"


def _show(invocation: Invocation, written: Comment) -> None:
    emit_text(invocation, {"comment_url": written.url, "comment_id": written.id}, written.url)
