"""`cmlkit asset`: images for comments, kept in the repository itself."""

from __future__ import annotations

from pathlib import Path

import click

from cmlkit.cli import edges
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit_text
from cmlkit.errors import SettingsError
from cmlkit.stores.git import GitStore


@click.group()
def asset() -> None:
    """Store images that comments show."""


@asset.command()
@with_settings()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--md", is_flag=True, help="Print markdown that shows the image.")
@click.option("--title", default="", help="Text for those who do not see the image; the file's name when left out.")
def publish(invocation: Invocation, file: Path, md: bool, title: str) -> None:
    """Store FILE on the branch cmlkit-assets, and print its URL, which works for whoever may read the repository.

    \b
    cmlkit asset publish model/confusion_matrix.png --md >> report.md
    """
    publish_asset(invocation, file, md=md, title=title)


def publish_asset(invocation: Invocation, file: Path, *, md: bool, title: str) -> None:
    """What the command does, also for `cmlkit publish IMAGE`."""
    from cmlkit.publishing.asset import store_asset

    content = _content(file, invocation)
    workflow_run = edges.workflow_run(invocation.environ)
    stored = store_asset(
        file.name, content, forge=edges.github(invocation, workflow_run), server_url=workflow_run.server_url
    )
    result = {"asset_url": stored.url, "asset_path": stored.path, "commit_sha": stored.commit}
    emit_text(invocation, result, stored.markdown(title) if md else stored.url)


def _content(file: Path, invocation: Invocation) -> bytes:
    try:
        if warning := GitStore().check(str(file), size=file.stat().st_size):
            invocation.progress.warn(warning)
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.", next_step="Check the path.") from error
