"""`cmlkit model diff`: what differs between two versions of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.cli.model_versions import model_of
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, print_table

if TYPE_CHECKING:
    from cmlkit.registry.comparison import Comparison


@click.command()
@with_settings()
@click.argument("before", required=False, default="")
@click.argument("after", required=False, default="")
@click.option("--model", default="", help="The model file; the one that the settings name when left out.")
@click.option("--base", default="", help="Branch of the champion; publish.base when left out.")
@click.option("--md", is_flag=True, help="Print markdown tables, such as for a comment or the job's summary.")
def diff(invocation: Invocation, before: str, after: str, model: str, base: str, md: bool) -> None:
    """Compare two versions of a model: the base branch's and the working tree's, when left out.

    BEFORE and AFTER are branches, tags or commits, model files, `champion`, `production`, or the number of a promotion.
    Manifests are compared, so that neither model is loaded, and no network is used.

    \b
    cmlkit model diff
    cmlkit model diff production champion
    cmlkit model diff main cmlkit/main/1234 --md
    cmlkit model diff old/random_forest.joblib model/random_forest.joblib
    """
    from cmlkit.registry.comparison import diff_models

    settings = invocation.settings
    comparison = diff_models(
        Path(),
        model=model or model_of(settings.train),
        before=before,
        after=after,
        base=base or settings.publish.base,
        rules=settings.gate.rules,
    )
    record = comparison.to_record()
    if invocation.as_json:
        emit(invocation, record, [])
        return
    invocation.workplace.write_outputs(record)
    click.echo(comparison.markdown()) if md else _print(comparison)


def _print(comparison: Comparison) -> None:
    for item in comparison.tables():
        print_table([dict(zip(item.header, row, strict=True)) for row in item.rows], verbatim=item.header)
        click.echo()
    if not comparison.changed:
        click.echo("The model files are the same.")
