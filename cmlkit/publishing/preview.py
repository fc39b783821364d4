"""The report of a training that is not published: compared as publishing would, and nothing is written.

The champion comes from the forge, or from the clone's last fetch of the base branch.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.ci import for_commands
from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.forges.base import PublishForge
from cmlkit.formats import short_hash
from cmlkit.gate.verdict import Verdict
from cmlkit.git import history
from cmlkit.model.manifest import manifest_path
from cmlkit.model.profiles import profiles_path
from cmlkit.publishing.base_model import BaseModel, PastFiles, find_base_model, is_rescored, judge, past_models
from cmlkit.publishing.destination import destination, named_base
from cmlkit.publishing.files import repository_path
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import SUMMARY_LENGTH, PastModel, Report
from cmlkit.report.markdown import code, text
from cmlkit.settings.schema import GateSpec


@dataclass(frozen=True, kw_only=True)
class Clone:
    """The commits of a clone, read as those of a forge are."""

    directory: Path

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        found = history.files_at(self.directory, path, [ref])
        return found[ref].content if found else None

    def blob_ids(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        found = {path: history.files_at(self.directory, path, [commit]) for path in paths}
        return {path: files[commit].blob for path, files in found.items() if files}

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        return [commit.sha for commit in history.commits_of(self.directory, path, ref=ref, mainline=True)][:limit]


@dataclass(frozen=True, kw_only=True)
class Base:
    """The commit to compare with: the head of the base branch, and the place to read its files from."""

    branch: str
    head: str
    files: PastFiles
    is_fetched: bool = False


@dataclass(frozen=True, kw_only=True)
class Uncompared:
    """The reason why there is nothing to compare with, though there may be a champion."""

    reason: str


def find_base(
    forge: PublishForge | None,
    *,
    workflow_run: WorkflowRun,
    named: str,
    directory: Path,
    warn: Callable[[str], None],
) -> Base | Uncompared:
    """Return the head of the base branch on the forge; without a token, or if the forge refuses, that in the clone.

    Args:
        named: The base branch, if the user names it.
        warn: Called with a message if the forge does not tell.
    """
    if forge is not None:
        try:
            return _on_forge(forge, workflow_run, named)
        except CmlkitError as error:
            warn(f"The report is compared with the clone, not with the forge: {error.message}")
    try:
        return _in_clone(directory, named or named_base(workflow_run))
    except CmlkitError as error:
        return Uncompared(reason=error.message.rstrip("."))


def _on_forge(forge: PublishForge, workflow_run: WorkflowRun, named: str) -> Base:
    branch = destination(workflow_run, forge=forge, named=named).base
    head = forge.branch_head(branch)
    if head is None:
        raise SettingsError(f"The repository has no branch {branch!r}.")
    return Base(branch=branch, head=head, files=forge)


def _in_clone(directory: Path, named: str) -> Base:
    branch = named or history.default_branch(directory)
    head = history.resolve(directory, history.branch_ref(directory, branch) or branch)
    if head is None:
        raise SettingsError(
            f"no token is set, and the clone has no branch {branch}: set CMLKIT_TOKEN, or git fetch origin {branch}"
        )
    return Base(branch=branch, head=head, files=Clone(directory=directory), is_fetched=True)


def preview(
    run: TrainingRun,
    *,
    gate: GateSpec,
    base: Base | Uncompared,
    directory: Path,
    prefix: PurePosixPath,
    workflow_run: WorkflowRun,
    warn: Callable[[str], None],
) -> str:
    """Return the report as markdown; it names plots and does not show them.

    Args:
        directory: The working directory; `prefix` is its path in the repository.
        warn: Called with a message for a champion, or a history of the metrics, that cannot be read.

    Raises:
        SettingsError: A rule of the gate is malformed, or divides by zero.
    """
    shown = functools.partial(Report, run=run, workflow_run=workflow_run, folder=str(prefix))
    if isinstance(base, Uncompared):
        note = f"Not compared: {base.reason}."
        verdict = _uncompared(judge(gate, run, None), note)
        return _with_note(shown(verdict=verdict), text(note, length=400))
    champion, past = _champion(run, base=base, directory=directory, prefix=prefix, warn=warn)
    report = shown(
        verdict=judge(gate, run, champion),
        past=past,
        champion_published=champion.metrics if champion else {},
        champion_parameters=champion.parameters if champion else None,
        champion_data=champion.data if champion else None,
        is_rescored=champion is not None and is_rescored(run, champion),
    )
    fetched = ", as last fetched" if base.is_fetched else ""
    return _with_note(report, f"Compared with {code(base.branch)} at {code(short_hash(base.head))}{fetched}.")


def _champion(
    run: TrainingRun, *, base: Base, directory: Path, prefix: PurePosixPath, warn: Callable[[str], None]
) -> tuple[BaseModel | None, tuple[PastModel, ...]]:
    manifest = repository_path(manifest_path(run.model), prefix)
    profiles = repository_path(profiles_path(run.model), prefix)
    metrics = [repository_path(path, prefix) for path in run.metrics_files]
    champion = find_base_model(
        base.files,
        commit=base.head,
        there=base.files.blob_ids(base.head, [manifest, profiles, *metrics]),
        manifest=manifest,
        profiles=profiles,
        metrics_files=metrics,
        warn=warn,
        read_kept=functools.partial(_read_kept, base=base, directory=directory, warn=warn),
    )
    if champion is None:
        return None, ()
    return champion, past_models(base.files, manifest=manifest, commit=base.head, warn=warn)


def _read_kept(path: str, *, base: Base, directory: Path, warn: Callable[[str], None]) -> bytes | None:
    """Return a metrics file that DVC keeps for the base branch, from its remote; None if it keeps none."""
    from cmlkit.stores.dvc_outputs import kept_content

    read = functools.partial(base.files.read_file, ref=base.head)
    try:
        return kept_content(path, read, directory=directory, environ=for_commands(os.environ))
    except CmlkitError as error:
        warn(f"{path} of the base branch is not read: {error.message}")
        return None


def _uncompared(verdict: Verdict, note: str) -> Verdict:
    """Return the verdict without a champion, which must not say that there is none; a broken rule is still told."""
    return dataclasses.replace(verdict, outcome="unjudged", headline=note) if verdict.accepted else verdict


def _with_note(report: Report, note: str) -> str:
    return f"{report.markdown(limit=SUMMARY_LENGTH - len(note) - 4)}\n> {note}\n"
