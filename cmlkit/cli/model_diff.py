"""`cmlkit model diff`: the differences between two versions of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.cli.groups import Command
from cmlkit.cli.model_versions import model_of
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, print_table
from cmlkit.sinks.printing import show

if TYPE_CHECKING:
    from cmlkit.registry.comparison import Comparison


@click.command(cls=Command)
@with_settings()
@click.argument("before", required=False, default="")
@click.argument("after", required=False, default="")
@click.option("--model", default="", help="The model file; that of the settings if omitted.")
@click.option("--base", default="", help="Branch of the champion; publish.base if omitted.")
@click.option("--md", is_flag=True, help="Print markdown tables, as for a comment or the job summary.")
def diff(invocation: Invocation, before: str, after: str, model: str, base: str, md: bool) -> None:
    """Compare two versions of a model; if omitted, those of the base branch and the working tree.

    BEFORE and AFTER are branches, tags, commits, model files, `champion`, `production` or numbers of promotions. Only
    manifests are compared: no model is loaded, and no network is used.

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
        gate=settings.gate,
    )
    record = comparison.to_record()
    if invocation.as_json:
        emit(invocation, record, [])
        return
    invocation.workplace.write_outputs(record)
    show(comparison.markdown()) if md else _print(comparison)


def _print(comparison: Comparison) -> None:
    for item in comparison.tables():
        print_table([dict(zip(item.header, row, strict=True)) for row in item.rows], verbatim=item.header)
        show()
    if not comparison.changed:
        show("The model files are the same.")
