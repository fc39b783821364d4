"""`cmlkit model pull`: a version of a model, wherever its bytes are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.model_versions import model_of
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.formats import short_hash, size


@click.command(cls=Command)
@with_settings()
@click.argument("model", required=False, default="")
@click.option("--at", default="", help="A version: production, champion, a promotion's number, branch, tag or commit.")
@click.option("--base", default="", help="Branch of the champion; publish.base if omitted.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write; MODEL if omitted.")
@click.option("--force", is_flag=True, help="Replace a file whose content is in no commit.")
def pull(invocation: Invocation, model: str, at: str, base: str, output: Path | None, force: bool) -> None:
    """Pull the model file MODEL into the working tree from git, Git LFS, S3 or DVC, and check its hash.

    The checkout tells where the bytes are. An interrupted pull resumes. If MODEL is omitted, the settings
    name it. Git LFS gets the token of the environment, or git's credentials for the remote.

    \b
    cmlkit model pull
    cmlkit model pull --at production --output model.joblib
    cmlkit model pull model/random_forest.joblib --at cmlkit/main/1234 --force
    """
    from cmlkit.registry.pulling import pull_model

    settings = invocation.settings
    with invocation.progress.stage("Pull the model") as say:
        pulled = pull_model(
            Path(),
            model=model or model_of(settings.train),
            at=at,
            base=base or settings.publish.base,
            output=output,
            force=force,
            access=edges.git_access(invocation),
            say=say,
        )
        say(f"from {pulled.store}" if pulled.store else "already there")
    emit(
        invocation,
        dataclasses.asdict(pulled),
        [
            ("model", pulled.path),
            ("version", pulled.version),
            ("sha256", short_hash(pulled.sha256)),
            ("size", size(pulled.size)),
            ("from", pulled.store or "already there"),
        ],
    )
