"""`cmlkit model`: model files, their manifests and their versions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.model_diff import diff
from cmlkit.cli.model_versions import list_versions
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.cli.promote import promote
from cmlkit.cli.pull import pull
from cmlkit.errors import ModelError

LONGEST = 160
"""Letters of a list that a person is shown; `--json` has all."""

if TYPE_CHECKING:
    from cmlkit.model.manifest import ModelManifest
    from cmlkit.model.verification import Verification


@click.group(cls=Group)
def model() -> None:
    """Show, verify, pull, list, compare and promote models."""


model.add_command(list_versions)
model.add_command(diff)
model.add_command(promote)
model.add_command(pull)


@model.command()
@with_settings()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--at", default="", help="A version: production, champion, a promotion's number, branch, tag or commit.")
def show(invocation: Invocation, path: Path, at: str) -> None:
    """Print the manifest of the model file PATH: the one beside it, or that of a version.

    \b
    cmlkit model show model/random_forest.joblib
    cmlkit model show model/random_forest.joblib --at production
    """
    manifest = dataclasses.asdict(_manifest(invocation, path, at))
    emit(invocation, manifest, [(key.replace("_", " "), _shown(value)) for key, value in manifest.items()])


@model.command()
@with_settings()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Fail if scikit-learn, numpy or Python has another version here.")
@click.option(
    "--attestation",
    is_flag=True,
    help="Ask the forge which workflow claims it; fail if none does. Signatures are not checked.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["untrusted"]),
    help="Fail if anything in it is to be looked at before it is loaded, after printing what.",
)
def verify(invocation: Invocation, path: Path, strict: bool, attestation: bool, fail_on: str | None) -> None:
    """Check the model file PATH against its manifest, and list what loading it would import, without loading it.

    A file without a manifest is only inspected. "untrusted" lists the imports to look at before loading: in a pickle,
    those that models do not have, and those used as no model does, which "reasons" explains; in a skops file, those
    that loading must be told to trust. An empty list is no proof that the file is harmless.

    \b
    cmlkit model verify model/random_forest.joblib
    cmlkit model verify --strict model/random_forest.skops
    cmlkit model verify --fail-on untrusted model/random_forest.joblib
    cmlkit model verify --attestation model/random_forest.joblib
    """
    from cmlkit.model.verification import verify as verify_model

    _refuse_pointer(path)
    verification = verify_model(path, strict=strict)
    if verification.differing:
        invocation.progress.warn(f"{path} was trained with {', '.join(verification.differing)}.")
    if verification.matches is None:
        invocation.progress.warn(f"{path} has no manifest: nobody vouches for it.")
    result = dataclasses.asdict(verification)
    if attestation:
        result["attestations"] = _attestations(invocation, verification)
    emit(invocation, result, [(key.replace("_", " "), _shown(value)) for key, value in result.items()])
    if fail_on and verification.untrusted:
        raise ModelError(
            f"{path} has what no model needs, or what cmlkit does not know: {', '.join(verification.untrusted[:5])}.",
            next_step="Look at each of them before anybody loads the file: loading it may run any code.",
        )


def _refuse_pointer(path: Path) -> None:
    from cmlkit.model.loading import pointer_at
    from cmlkit.model.manifest import manifest_path, read_manifest

    if Path(manifest_path(path)).is_file() and (pointer := pointer_at(path, read_manifest(path))):
        raise ModelError(
            f"{path} is not here: its bytes are in {pointer.url or pointer.store}.",
            next_step=f"Pull it first: cmlkit model pull {path}",
        )


def _manifest(invocation: Invocation, path: Path, at: str) -> ModelManifest:
    if not at:
        from cmlkit.model.manifest import read_manifest

        return read_manifest(path)
    from cmlkit.registry.comparison import find_side

    return find_side(Path(), at, model=str(path), base=invocation.settings.publish.base).manifest


def _attestations(invocation: Invocation, verification: Verification) -> list[dict[str, str]]:
    from cmlkit.registry.attestation import NOT_CHECKED, attestations_of, check_command

    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    forge, repository = edges.forge(invocation, workflow_run), workflow_run.repository
    found = attestations_of(verification, forge=forge, repository=repository)
    command = check_command(verification.path, repository)
    invocation.progress.warn(
        f"The attestations' signatures are not checked. Check them before you rely on them: {command}"
    )
    return [{**dataclasses.asdict(item), "signature": NOT_CHECKED} for item in found]


def _shown(value: object) -> str:
    """Return a value for a person: of long lists and mappings, the beginning and how much is left out."""
    if isinstance(value, dict):
        return _listed([f"{name}={_shown(item)}" for name, item in value.items()])
    if isinstance(value, list | tuple):
        return _listed([_shown(item) for item in value])
    return "" if value is None else str(value)


def _listed(items: list[str]) -> str:
    shown: list[str] = []
    for item in items:
        if shown and len(", ".join([*shown, item])) > LONGEST:
            return f"{', '.join(shown)} and {len(items) - len(shown)} more"
        shown.append(item)
    return ", ".join(shown)
