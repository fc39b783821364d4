"""`cmlkit asset`: images for comments, kept in the repository itself."""

from __future__ import annotations

import sys
from mimetypes import guess_extension
from pathlib import Path, PurePosixPath

import click

from cmlkit.bounds.files import read_regular
from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.markdown_file import STANDARD_INPUT, is_piped
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, emit_text
from cmlkit.errors import SettingsError
from cmlkit.formats import plural
from cmlkit.publishing.files import picture_suffix
from cmlkit.stores.git import GitStore


@click.group(cls=Group)
def asset() -> None:
    """Store images for comments, and remove those that are no longer shown."""


@asset.command()
@with_settings()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--md", is_flag=True, help="Print markdown that shows the image.")
@click.option("--title", "-t", default="", help="Alternative text of the image; the file's name if omitted.")
@click.option("--file", "-f", "to", type=click.Path(path_type=Path), help="Append the result to this file.")
@click.option(
    "--mime-type", default="", metavar="TYPE", help="Format, such as image/png; that of the content if omitted."
)
def publish(invocation: Invocation, file: Path | None, md: bool, title: str, to: Path | None, mime_type: str) -> None:
    """Store FILE on the branch cmlkit-assets, and print its URL, which works for everyone who may read the repository.

    Without FILE, it stores what is piped in.

    \b
    cmlkit asset publish model/confusion_matrix.png --md >> report.md
    """
    publish_asset(invocation, file, md=md, title=title, to=to, mime_type=mime_type)


@asset.command()
@with_settings()
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
def prune(invocation: Invocation, dry_run: bool) -> None:
    """Remove images that no open issue or pull request shows from the branch cmlkit-assets.

    The branch starts anew with the remaining images; texts that show them get their new links first. Comments on
    closed pull requests and on commits lose their images.

    \b
    cmlkit asset prune --dry-run
    cmlkit asset prune
    """
    from cmlkit.publishing.asset_pruning import prune_assets

    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    root = workflow_run.repository_url
    with invocation.progress.stage("Find the images that are shown") as say:
        pruned = prune_assets(forge=edges.forge(invocation, workflow_run), root=root, dry_run=dry_run)
        say(f"{plural(pruned.kept, 'image')} to keep, {len(pruned.removed)} to remove")
    if pruned.waiting:
        invocation.progress.warn(
            f"Not shown anywhere yet: {plural(len(pruned.waiting), 'image')} from the last hour. A report may be in"
            " progress, so nothing was removed: run this again later."
        )
    result = {"removed": list(pruned.removed), "kept": pruned.kept, "rewritten": pruned.rewritten}
    lines = [
        ("would remove" if dry_run else "removed", str(len(pruned.removed))),
        ("kept", str(pruned.kept)),
        ("texts with new links", str(pruned.rewritten)),
    ]
    emit(invocation, result, lines)


def publish_asset(
    invocation: Invocation, file: Path | None, *, md: bool, title: str, to: Path | None = None, mime_type: str = ""
) -> None:
    """Store `file` and print its URL or markdown, also for `cmlkit publish IMAGE`.

    Args:
        file: None is standard input.
        to: File to which to append the URL or markdown instead.
        mime_type: Format of the file, if neither its name nor its content tells.
    """
    from cmlkit.publishing.asset import store_asset

    name, content = _content(file or _standard_input(), invocation)
    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    stored = store_asset(
        _named(name, content, mime_type),
        content,
        forge=edges.forge(invocation, workflow_run),
        root=workflow_run.repository_url,
    )
    result = {"asset_url": stored.url, "asset_path": stored.path, "commit_sha": stored.commit}
    text = stored.markdown(title) if md else stored.url
    if to is None:
        emit_text(invocation, result, text)
    else:
        _append(to, text)
        emit(invocation, result, [])


def _standard_input() -> Path:
    if not is_piped():
        raise SettingsError(
            "No FILE is named, and nothing is piped in.", next_step="Name the image, or pipe it into the command."
        )
    return Path(STANDARD_INPUT[0])


def _content(file: Path, invocation: Invocation) -> tuple[str, bytes]:
    """Return name and bytes of a file, or of standard input."""
    limit = edges.facts(invocation).limits.files.git
    if str(file) in STANDARD_INPUT:
        return "image", _piped(limit)
    try:
        if warning := GitStore(edges.facts(invocation).limits.files).check(str(file), size=file.stat().st_size):
            invocation.progress.warn(warning)
        return file.name, read_regular(file, limit)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.", next_step="Check the path.") from error


def _piped(limit: int) -> bytes:
    content = sys.stdin.buffer.read(limit + 1)
    if len(content) > limit:
        raise SettingsError(f"Standard input has more than {limit // 1024**2} MiB, the most that git takes there.")
    return content


def _named(name: str, content: bytes, mime_type: str) -> str:
    """Return the name with the suffix of its format: the one asked for, else that of a picture without a suffix."""
    if mime_type:
        if not (suffix := guess_extension(mime_type)):
            raise SettingsError(f"--mime-type is {mime_type!r}; it takes a type such as image/png.")
        return f"{PurePosixPath(name).stem}{suffix}"
    return name if PurePosixPath(name).suffix else f"{name}{picture_suffix(content)}"


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as report:
            report.write(f"{text}\n")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}.", next_step="Check the path.") from error
