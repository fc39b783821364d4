"""`cmlkit due`: whether a training is due, found out before anything is paid for."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.errors import CmlkitError, SettingsError

if TYPE_CHECKING:
    from cmlkit.training.due import Checkout, Due, Trained


@click.command(cls=Command)
@with_settings("train")
@click.option("--base", default="", help="Branch that has the champion; publish.base, or the run's own, if omitted.")
def due(invocation: Invocation, base: str) -> None:
    """Say whether anything has changed since the champion was trained: data, code, parameters or environment.

    Only the checkout is read, which needs the whole history. What cannot be told is due; so are runs that somebody
    started by hand, and repeated ones. The exit code is 0 either way.

    \b
    cmlkit due
    cmlkit due --max-age 7d --json
    """
    found = _found(invocation, Path.cwd(), base)
    word = "due" if found.due else "not due"
    if invocation.workplace.is_job:
        invocation.workplace.write_summary(f"Training is {word}. {found.reason}")
    emit(invocation, dataclasses.asdict(found), [(word, found.reason)])


def _found(invocation: Invocation, directory: Path, base: str) -> Due:
    from cmlkit.cli.model_versions import model_of
    from cmlkit.training.due import Due, asked_for, judge_due

    spec = invocation.settings.train
    edges.trust_checkout(invocation, directory)
    try:
        if early := asked_for(spec, invocation.workplace.workflow_run(directory=directory, with_commit=False)):
            return early
    except CmlkitError as error:
        invocation.progress.note(error.message)
    spec = dataclasses.replace(spec, model=model_of(spec))
    try:
        models = _models(invocation, directory, spec.model, base)
        return judge_due(spec, models, _checkout(invocation, directory), now=time.time())
    except CmlkitError as error:
        return Due(due=True, reason=f"It cannot be told what changed: {error.message}")


def _models(invocation: Invocation, directory: Path, model: str, base: str) -> list[Trained]:
    """Return the champion, and the candidates of open experiments; empty without a champion."""
    from cmlkit.git import checkout, history
    from cmlkit.model.manifest import ModelManifest, manifest_path
    from cmlkit.model.profiles import profiles_path, with_profiles
    from cmlkit.registry.versions import list_versions
    from cmlkit.training.due import Trained

    path = str(checkout.prefix(directory) / model)
    base = base or invocation.settings.publish.base or _own_branch(invocation, directory)
    ref = history.branch_ref(directory, base) or ("HEAD" if base == "HEAD" else None)
    if ref is None:
        raise SettingsError(f"The clone lacks the branch {base}. Check out with fetch-depth: 0.")
    found = history.files_at(directory, manifest_path(path), [ref])
    if not found:
        return []
    manifest = ModelManifest.from_json(found[ref].content, source=f"{manifest_path(path)} on {base}")
    profiles = history.files_at(directory, profiles_path(path), [ref]) if manifest.profiles else {}
    manifest = with_profiles(manifest, profiles[ref].content if ref in profiles else None)
    versions = list_versions(directory, model=path, base=base, template=invocation.settings.publish.branch).versions
    return [
        Trained(name="the champion", manifest=manifest),
        *(
            Trained(name=f"the model of {item.branch}", manifest=item.manifest)
            for item in versions
            if item.branch not in ("", base)
        ),
    ]


def _own_branch(invocation: Invocation, directory: Path) -> str:
    from cmlkit.git import history

    try:
        run = invocation.workplace.workflow_run(directory=directory, with_commit=False)
    except CmlkitError:
        return history.default_branch(directory)
    return run.trigger.base or run.branch or history.default_branch(directory)


def _checkout(invocation: Invocation, directory: Path) -> Checkout:
    from cmlkit import pipeline
    from cmlkit.bounds.files import read_project_file
    from cmlkit.ci import for_commands
    from cmlkit.git import checkout
    from cmlkit.training import remote
    from cmlkit.training.due import Checkout

    def read(path: str) -> bytes | None:
        return read_project_file(directory / path)

    def changed_elsewhere() -> list[str]:
        if not pipeline.reads_elsewhere(read):
            return []
        from cmlkit.stores.dvc import changed_elsewhere

        return changed_elsewhere(directory, environ=for_commands(invocation.environ))

    return Checkout(
        directory=directory,
        prefix=checkout.prefix(directory),
        outputs=invocation.settings.publish.files,
        list_remote=remote.fingerprint,
        changed_elsewhere=changed_elsewhere,
    )
