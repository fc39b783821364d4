"""`cmlkit comment`: markdown as a comment on a pull request, an issue or a commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.markdown_file import DIGEST_LENGTH, Room, files_argument, post_of, publish_option, read_markdown
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit_text
from cmlkit.cli.read_only import kept_in_summary
from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from cmlkit.forges.base import Comment
    from cmlkit.records.markdown_text import MarkdownText


@dataclass(frozen=True, kw_only=True)
class _Request:
    """The flags of `create` and `update`.

    Attributes:
        target: As `--target` takes it; empty if omitted.
        update: Whether to keep one comment up to date.
        series: Distinguishes the comment that this process keeps up to date from all others; empty for any.
    """

    files: tuple[str, ...]
    target: str
    watermark_title: str
    publish: bool
    update: bool
    trigger_file: Path | None
    series: str = ""


@click.group(cls=Group)
def comment() -> None:
    """Write markdown as a comment, or keep one comment up to date."""


def _with_place(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that `create` and `update` share."""
    options = [
        files_argument,
        click.option(
            "--target",
            default="",
            help="auto, pr, pr/NUMBER, issue/NUMBER, commit or commit/REVISION; auto if omitted.",
        ),
        click.option("--pr", is_flag=True, help="The same as --target pr."),
        click.option("--commit-sha", "--head-sha", default="", help="The same as --target commit/REVISION."),
        click.option("--watermark-title", default="", help="Tells comments apart; may contain {workflow} and {run}."),
        publish_option,
        click.option("--watch", is_flag=True, help="Update on every change; SIGTERM ends it after a last update."),
        click.option(
            "--trigger-file",
            type=click.Path(path_type=Path),
            help="With --watch: update whenever this file is written, and remove it.",
        ),
        click.option("--rm-watermark", is_flag=True, help="Accepted; no mark is visible. Excludes updating."),
    ]
    decorated: Callable[..., None] = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@comment.command()
@with_settings()
@_with_place
@click.option("--update", is_flag=True, help="Keep one comment up to date, as cmlkit comment update does.")
def create(invocation: Invocation, update: bool, rm_watermark: bool, **flags: Any) -> None:
    """Write the markdown in each FILE or on standard input as a comment on the run's pull request, else on its commit.

    Local images and files that it shows or links are stored on the branch cmlkit-assets. A text that exceeds GitHub's
    limit is shortened, and linked as a whole.

    \b
    cmlkit comment create report.md
    cmlkit comment create --target issue/7 report.md
    cat metrics.txt | cmlkit comment create
    """
    if rm_watermark and (update or flags["watermark_title"]):
        raise SettingsError(
            "--rm-watermark excludes --update and --watermark-title: comments are told apart by their hidden mark.",
            next_step="Leave one of them out.",
        )
    _run(invocation, update=update, **flags)


@comment.command("update")
@with_settings()
@_with_place
def update_(invocation: Invocation, rm_watermark: bool, **flags: Any) -> None:
    """Update this command's earlier comment in the same place with FILE, or create the comment.

    Comments of other workflows or with other titles stay, and an older run never overwrites the comment of a newer one.

    \b
    cmlkit comment update --pr report.md
    cmlkit comment update --watermark-title "Model on {workflow}" report.md
    cmlkit comment update --watch progress.md & python train.py; kill $!
    """
    if rm_watermark:
        raise SettingsError(
            "--rm-watermark excludes updating: the comment is found by its hidden mark.",
            next_step="Leave one of them out.",
        )
    _run(invocation, update=True, **flags)


def _run(
    invocation: Invocation,
    *,
    watch: bool,
    trigger_file: Path | None,
    target: str,
    pr: bool,
    commit_sha: str,
    files: tuple[str, ...],
    watermark_title: str,
    publish: bool,
    update: bool,
) -> None:
    request = _Request(
        files=files,
        target=_target(target, pr=pr, commit_sha=commit_sha),
        watermark_title=watermark_title,
        publish=publish,
        update=update or watch,
        trigger_file=trigger_file,
        series="" if update or not watch else os.urandom(DIGEST_LENGTH // 2).hex(),
    )
    if watch:
        _watch(invocation, request)
    else:
        _show(invocation, _written(invocation, request, read_markdown(files, invocation)))


def _target(target: str, *, pr: bool, commit_sha: str) -> str:
    named = [flag for flag, value in (("--target", target), ("--pr", pr), ("--commit-sha", commit_sha)) if value]
    if len(named) > 1:
        raise SettingsError(f"{' and '.join(named)} exclude each other.", next_step="Name one place.")
    return f"commit/{commit_sha}" if commit_sha else "pr" if pr else target


def _watch(invocation: Invocation, request: _Request) -> None:
    from cmlkit.cli.watched import Watched
    from cmlkit.clock import SystemClock
    from cmlkit.publishing.live_comment import follow
    from cmlkit.runner.signals import catching_signals

    watched = Watched(request.files, trigger=request.trigger_file, files=edges.local_files(invocation))
    written: list[Comment] = []

    def write(ending: str, *, is_last: bool) -> None:
        written.append(_written(invocation, request, watched.seen, ending=ending, is_last=is_last))
        watched.settle()

    parent = os.getppid()
    with catching_signals() as signals:
        signals.hold()
        invocation.progress.note(f"Watching {' and '.join(map(str, request.files))} until SIGTERM or SIGINT.")
        follow(
            watched.look,
            write,
            is_over=lambda: signals.received,
            clock=SystemClock(),
            warn=invocation.progress.warn,
            # The step's shell, without a `kill`.
            is_left=lambda: os.getppid() != parent,
        )
    if written:
        _show(invocation, written[-1])
    else:
        invocation.progress.warn(f"No comment was written: {' and '.join(request.files)} had no text until the end.")


def _written(
    invocation: Invocation,
    request: _Request,
    texts: Sequence[MarkdownText],
    *,
    ending: str = "",
    is_last: bool = True,
) -> Comment:
    from cmlkit.publishing.comment import add_comment, keep_comment, series
    from cmlkit.publishing.destination import head_of_run, place_of_run
    from cmlkit.publishing.marker import Marker
    from cmlkit.publishing.target import plain_target, resolved_target

    target = plain_target(request.target)
    # `pr/12`, `commit/1a2b3c4` and the like need no commit of this checkout.
    workflow_run = invocation.workplace.workflow_run(with_commit="/" not in target)
    forge = edges.forge(invocation, workflow_run)
    opened = head_of_run(workflow_run, forge=forge) if target == "commit/HEAD" else None
    target = f"commit/{opened}" if opened else target
    target = resolved_target(target, in_checkout=edges.commit_in_checkout, forge=forge, workflow_run=workflow_run)
    place = place_of_run(target, forge=forge, workflow_run=workflow_run)
    title = request.watermark_title.replace("{workflow}", workflow_run.workflow).replace("{run}", workflow_run.run_id)
    ending = "\n\n".join(filter(None, [ending, _small(title)]))

    def marker(name: str) -> Marker:
        subject = f"comment: {workflow_run.workflow}: {title}"
        subject = series(subject, name) if name else subject
        return Marker(kind="report", subject=subject, run=workflow_run.run_id, attempt=workflow_run.attempt)

    with kept_in_summary(texts if is_last else (), invocation.workplace):
        post = post_of(
            texts,
            invocation,
            workflow_run,
            forge=forge,
            publish=request.publish,
            room=_comment_room(invocation, len(str(marker("0" * DIGEST_LENGTH))), ending),
            is_last=is_last,
        )
        text = f"{post.text}\n\n{ending}" if ending else post.text
        if request.update:
            return keep_comment(place, text, marker(request.series), forge=forge, latest=not request.series)
        # Each text is a comment of its own; sent again after a lost answer, it is the same comment.
        return add_comment(place, text, marker(post.digest), forge=forge)


def _comment_room(invocation: Invocation, marker: int, ending: str) -> Room:
    """Return the room for the text between the hidden marker and the lines below."""
    # The limit is exclusive, and line breaks stand between the parts.
    return Room(longest=edges.facts(invocation).limits.text - marker - len(ending) - 4)


def _small(title: str) -> str:
    if not title:
        return ""
    from cmlkit.report import markdown

    return f"<sub>{markdown.text(title)}</sub>"


def _show(invocation: Invocation, written: Comment) -> None:
    emit_text(invocation, {"comment_url": written.url, "comment_id": written.id}, written.url)
