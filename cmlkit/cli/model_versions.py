"""`cmlkit model list`: the versions of a model that git has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, print_table
from cmlkit.formats import number, short_hash, size

if TYPE_CHECKING:
    from cmlkit.registry.versions import ModelVersion, Versions
    from cmlkit.settings.schema import TrainSpec

METRIC_COLUMNS = 4


@click.command("list", cls=Command)
@with_settings()
@click.argument("model", required=False, default="")
@click.option("--base", default="", help="Branch whose latest model is the champion; publish.base if omitted.")
@click.option("--name", default="", help="Name of the model in its tags; the file's if omitted.")
@click.option(
    "--limit",
    default=30,
    show_default=True,
    help="Show at most this many candidates, and versions of the base branch; 0 shows all.",
)
@click.option("--fetch", is_flag=True, help="Fetch the base branch, the experiment branches and the tags first.")
def list_versions(invocation: Invocation, model: str, base: str, name: str, limit: int, fetch: bool) -> None:
    """List the versions of the model file MODEL: date, metrics, hash, run and stage. Only the clone is read.

    Versions are the commits of the base branch that changed the model's manifest, and the candidates on experiment
    branches. If MODEL is omitted, the settings name it.

    \b
    cmlkit model list
    cmlkit model list model/random_forest.joblib --fetch --json
    """
    versions = read(invocation, model, base=base, name=name, fetch=fetch)
    shown = _shown(versions.versions, limit)
    result = {
        "model": versions.model,
        "name": versions.name,
        "base": versions.base,
        "production": versions.production.number if versions.production else None,
        "versions": [_record(version) for version in shown],
    }
    if invocation.as_json:
        emit(invocation, result, [])
        return
    invocation.workplace.write_outputs(result)
    metrics = _columns(shown, invocation.settings.gate.rules)
    print_table([_row(version, metrics) for version in shown], verbatim=metrics)
    if len(shown) < len(versions.versions):
        invocation.progress.note(f"There are {len(versions.versions) - len(shown):,} more; --limit 0 shows all.")


def read(invocation: Invocation, model: str, *, base: str, name: str, fetch: bool = False) -> Versions:
    """Return the versions of a model; empty arguments are taken from the settings."""
    from cmlkit.git import checkout, history
    from cmlkit.registry.versions import fetch_versions, model_name
    from cmlkit.registry.versions import list_versions as versions_of

    directory, settings = Path.cwd(), invocation.settings
    path = str(checkout.prefix(directory) / (model or model_of(settings.train)))
    base = base or settings.publish.base or history.default_branch(directory)
    name = name or model_name(path)
    if fetch:
        fetch_versions(directory, base=base, template=settings.publish.branch, name=name)
    if history.is_shallow(directory):
        invocation.progress.warn("The clone is shallow and lacks older versions: run cmlkit repo prepare --unshallow")
    return versions_of(directory, model=path, base=base, template=settings.publish.branch, name=name)


def model_of(spec: TrainSpec) -> str:
    """Return the model file that the settings name, relative to the working directory."""
    if not spec.estimator:
        return spec.model
    from cmlkit.training.estimator import default_model

    return default_model(spec)


def _shown(versions: Sequence[ModelVersion], limit: int) -> Sequence[ModelVersion]:
    """Return the first `limit` candidates and others, and any champion or production version; all if `limit` is 0."""
    from cmlkit.registry.versions import CANDIDATE, CHAMPION

    candidates = [version for version in versions if CANDIDATE in version.stages]
    others = [version for version in versions if CANDIDATE not in version.stages]
    first = {version.commit for kind in (candidates, others) for version in kind[: limit or None]}
    return [
        version
        for version in versions
        if version.commit in first or CHAMPION in version.stages or version.stage.startswith("production")
    ]


def _record(version: ModelVersion) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "commit": version.commit,
        "date": version.date,
        "branch": version.branch,
        "run": version.run,
        "stages": list(version.stages),
        "sha256": manifest.sha256,
        "size": manifest.size,
        "class_path": manifest.class_path,
        "metrics": dict(manifest.metrics),
        "parameters": dict(manifest.parameters),
        "libraries": dict(manifest.libraries),
    }


def _columns(versions: Sequence[ModelVersion], rules: Sequence[str]) -> list[str]:
    """Return the metrics that get a column: those of the gate's rules, then others, up to `METRIC_COLUMNS`."""
    from cmlkit.gate import metrics, rule

    ruled = [metrics.key(each.metric) for each in rule.parse_all(rules)]
    names = {metrics.key(name): name for version in reversed(versions) for name in version.manifest.metrics}
    order = dict.fromkeys([*(key for key in ruled if key in names), *names])
    return [names[key] for key in list(order)[:METRIC_COLUMNS]]


def _row(version: ModelVersion, columns: Sequence[str]) -> dict[str, Any]:
    from cmlkit.gate import metrics

    values = {metrics.key(name): value for name, value in version.manifest.metrics.items()}
    return {
        "date": version.date[:10],
        "commit": version.commit[:7],
        "stage": version.stage,
        **{name: number(values[key]) if (key := metrics.key(name)) in values else None for name in columns},
        "sha256": short_hash(version.manifest.sha256),
        "size": size(version.manifest.size),
        "run": version.run.rpartition("/")[2],
    }
