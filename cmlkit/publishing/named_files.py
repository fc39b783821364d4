"""A pull request with named files, without a training; later steps of the same run can find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import SettingsError
from cmlkit.forges.base import PublishForge, PullRequest
from cmlkit.git.limits import FileLimits
from cmlkit.publishing.branch import experiment_branch
from cmlkit.publishing.commit import commit_files, holds_result
from cmlkit.publishing.destination import destination, merge_by_itself
from cmlkit.publishing.files import CommitFile, repository_path
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.pull_request import open_pull_request
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.stores.git import GitStore

BRANCH = "cmlkit/pr/{base}/{run}"


@dataclass(frozen=True, kw_only=True)
class PullRequestSpec:
    """Settings of the pull request.

    Attributes:
        base: Branch that it targets; that of the run's event if empty.
        branch: Template of its branch; the fields are {base}, {run}, {attempt} and {sha}.
        title: Made from the names of the files if empty.
        message: Message of the commit; the title if empty.
        auto_merge: merge, squash or rebase; empty for none.
    """

    base: str = ""
    branch: str = BRANCH
    title: str = ""
    body: str = ""
    message: str = ""
    auto_merge: str = ""


def read_named(
    paths: Iterable[str], *, directory: Path, prefix: PurePosixPath, limits: FileLimits
) -> tuple[CommitFile, ...]:
    """Return the files in `paths`, and the files in its folders.

    Raises:
        SettingsError: A file does not exist, cannot be read, or lies outside the working directory.
        ModelError: A file is larger than `limits` allow.
    """
    return tuple(
        CommitFile(path=repository_path(path, prefix), role="extra", content=_content(path, directory, limits))
        for path in dict.fromkeys(file for named in paths for file in _files(named, directory))
    )


def publish_files(
    files: Sequence[CommitFile],
    spec: PullRequestSpec,
    *,
    forge: PublishForge,
    workflow_run: WorkflowRun,
    clock: Clock | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> PullRequest | None:
    """Commit the files to a branch of this run and open its pull request; None if the base has these files.

    Later calls in the same run add to the same pull request. The checkout is not touched.

    Raises:
        SettingsError: The branch's name is wrong, or the base branch does not exist.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    place = destination(workflow_run, forge=forge, named=spec.base)
    place.raise_if_refused()
    base, base_head = place.base, _base_head(place.base, forge, workflow_run)
    if holds_result(forge.blob_ids(base_head, [file.path for file in files]), files):
        return None
    branch = experiment_branch(
        spec.branch,
        base=base,
        run=workflow_run.run_id,
        attempt=workflow_run.attempt,
        date="",
        sha=workflow_run.sha or base_head,
    )
    names = ", ".join(PurePosixPath(file.path).name for file in files)
    title = spec.title or f"Update {names}"[:200]
    commit_files(
        files,
        forge=forge,
        branch=branch,
        base_head=base_head,
        message=spec.message or title,
        clock=clock or SystemClock(),
    )
    pull_request = open_pull_request(
        branch=branch,
        base=base,
        title=title,
        body=f"{_marker(workflow_run)}\n{spec.body or f'Of the run {workflow_run.url}'}",
        draft=False,
        forge=forge,
    )
    if spec.auto_merge:
        merge_by_itself(pull_request, spec.auto_merge, destination=place, enable=forge.enable_auto_merge, warn=warn)
    return pull_request


def _marker(workflow_run: WorkflowRun) -> Marker:
    return Marker(kind="pull-request", subject="files", run=workflow_run.run_id, attempt=workflow_run.attempt)


def _base_head(base: str, forge: PublishForge, workflow_run: WorkflowRun) -> str:
    head = forge.branch_head(base)
    if head is None:
        raise SettingsError(
            f"{workflow_run.repository} has no branch {base!r} to open a pull request against.",
            next_step="Name one that exists with --target-branch.",
        )
    return head


def _files(path: str, directory: Path) -> list[str]:
    """Return the path itself, or the files below it if it is a folder."""
    folder = directory / path
    if not folder.is_dir():
        return [path]
    return sorted(str(file.relative_to(directory)) for file in folder.rglob("*") if file.is_file())


def _content(path: str, directory: Path, limits: FileLimits) -> bytes:
    file = directory / path
    if not file.resolve().is_relative_to(directory.resolve()):
        raise SettingsError(f"{path} leads out of the working directory.", next_step="Name files inside it.")
    try:
        GitStore(limits).check(path, size=file.stat().st_size)
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", next_step="Check the path.") from error
