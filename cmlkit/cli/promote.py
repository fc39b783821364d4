"""`cmlkit model promote`: the version of a model that is in production."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.model_versions import model_of
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.formats import number, short_hash

if TYPE_CHECKING:
    from cmlkit.registry.promotion import Promotion


@click.command(cls=Command)
@with_settings()
@click.argument("model", required=False, default="")
@click.option("--to", default="", help="Promote this commit, branch, tag or number of an earlier promotion instead.")
@click.option("--pull-request", type=int, help="Number of a pull request to merge first; its model is promoted.")
@click.option("--merge", "method", flag_value="merge", default="merge", help="Merge it with a merge commit.")
@click.option("--squash", "method", flag_value="squash", help="Squash it.")
@click.option("--rebase", "method", flag_value="rebase", help="Rebase it.")
@click.option("--base", default="", help="Branch to promote from; publish.base if omitted.")
@click.option("--name", default="", help="Name of the model in its tags; the file's if omitted.")
@click.option("--dry-run", is_flag=True, help="Check everything, but write nothing.")
@click.option("--force", is_flag=True, help="Promote a model that the gate rejected, too.")
def promote(
    invocation: Invocation,
    model: str,
    to: str,
    pull_request: int | None,
    method: str,
    base: str,
    name: str,
    dry_run: bool,
    force: bool,
) -> None:
    """Put the base branch's model file MODEL into production, with the next tag model/NAME/production/NUMBER.

    The tag's message has metrics, hash and run. Tags are never moved or removed: rolling back creates another tag. A
    model that the gate rejected is refused, with exit code 6. If MODEL is omitted, the settings name it.

    \b
    cmlkit model promote
    cmlkit model promote --pull-request 12 --squash
    cmlkit model promote --to 3
    cmlkit model promote model/random_forest.joblib --to 1a2b3c4d --dry-run
    """
    from cmlkit.registry import promotion

    directory, settings = Path.cwd(), invocation.settings
    workflow_run = invocation.workplace.workflow_run(directory=directory, with_commit=False)
    promoted = promotion.promote(
        forge=edges.forge(invocation, workflow_run),
        model=str(edges.prefix(invocation, directory) / (model or model_of(settings.train))),
        name=name,
        base=base or settings.publish.base,
        to=to,
        pull_request=pull_request,
        method=method,
        by=workflow_run.url if invocation.workplace.has_run else "",
        dry_run=dry_run,
        force=force,
    )
    if not promoted.created:
        reason = "nothing was written" if dry_run else "it is in production already"
        invocation.progress.note(f"No tag was created: {reason}.")
    emit(invocation, _result(promoted), _lines(promoted))


def _result(promoted: Promotion) -> dict[str, object]:
    result = dataclasses.asdict(promoted)
    result["commit_sha"], result["promoted"] = result.pop("commit"), result.pop("created")
    result["pull_request_number"] = result.pop("merged")
    del result["message"]
    return result


def _lines(promoted: Promotion) -> list[tuple[str, str]]:
    lines = [
        ("tag", promoted.tag),
        ("commit", short_hash(promoted.commit)),
        ("model", promoted.model),
        ("sha256", short_hash(promoted.sha256)),
        ("metrics", ", ".join(f"{name} {number(value)}" for name, value in promoted.metrics.items())),
        ("run", promoted.run),
        ("before", "" if promoted.previous is None else f"production {promoted.previous}"),
    ]
    return [(label, value) for label, value in lines if value]
