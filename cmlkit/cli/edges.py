"""The edges, built from the environment: the forge, the cloud, and the directory's place in its repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cmlkit.errors import GitError, NotARepository, NotTrusted, PermissionDenied, SettingsError
from cmlkit.forges import ForgeModule, check_server, forge_module

if TYPE_CHECKING:
    from cmlkit.cli.options import Invocation
    from cmlkit.clouds.base import CloudFor
    from cmlkit.forges.base import Forge, PublishForge
    from cmlkit.forges.facts import ForgeFacts
    from cmlkit.forges.runners import RunnerForge
    from cmlkit.git.access import GitAccess
    from cmlkit.publishing.local_files import LocalFiles
    from cmlkit.records.workflow_run import WorkflowRun


def forge(invocation: Invocation, workflow_run: WorkflowRun, *, hurried: bool = False) -> Forge:
    """Return the repository on its forge, with the token of the environment.

    Args:
        hurried: Whether the first request is tried once only, to show whether anybody is there.

    Raises:
        PermissionDenied: No token is set.
    """
    module, environ = _forge_there(invocation, workflow_run)
    return module.open_forge(
        repository=workflow_run.repository, environ=environ, notify=invocation.progress.note, hurried=hurried
    )


def publishing_forge(invocation: Invocation, workflow_run: WorkflowRun, *, base: str = "") -> PublishForge:
    """Return the repository on its forge, with the fork that the settings name for branches.

    Args:
        base: The branch that pull requests target, if a flag names it.

    Raises:
        PermissionDenied: No token is set.
        SettingsError: The fork's name is malformed, or is that of the repository.
    """
    from cmlkit.publishing.destination import destination

    spec = invocation.settings.publish
    base = base or spec.base
    if spec.fork and not base:
        base = destination(workflow_run, forge=forge(invocation, workflow_run)).base
    module, environ = _forge_there(invocation, workflow_run)
    return module.open_for_publishing(
        repository=workflow_run.repository,
        environ=environ,
        notify=invocation.progress.note,
        fork=spec.fork,
        base=base,
    )


def facts(invocation: Invocation) -> ForgeFacts:
    """Return the facts about the forge that need no token."""
    return _forge_module(invocation).FACTS


def keeper(invocation: Invocation) -> str:
    """Return the program that keeps people's tokens for the forge, for messages."""
    return _forge_module(invocation).TOKENS.keeper


def forge_if_any(invocation: Invocation, workflow_run: WorkflowRun) -> Forge | None:
    """Return the repository on its forge for optional requests; None without a token."""
    module, environ = _forge_there(invocation, workflow_run)
    return forge(invocation, workflow_run) if module.TOKENS.found(environ) else None


def git_access(invocation: Invocation) -> GitAccess | None:
    """Return git's access to the workflow run's repository; None outside a run, or without a token."""
    return _forge_module(invocation).git_access(invocation.environ)


def runner_forge(invocation: Invocation, workflow_run: WorkflowRun, *, hurried: bool = False) -> RunnerForge:
    """Return the forge with the token and the scope for registering runners; `hurried` as in `forge`.

    Raises:
        PermissionDenied: No token is set.
        SettingsError: The organisation has no runner group with the name in the settings.
    """
    spec = invocation.settings.runner
    module, environ = _forge_there(invocation, workflow_run)
    return module.open_for_runners(
        repository=workflow_run.repository,
        environ=environ,
        notify=invocation.progress.note,
        keep_secret=invocation.workplace.keep_secret,
        scope=spec.scope,
        group=spec.runner_group,
        hurried=hurried,
    )


def prefix(invocation: Invocation, directory: Path) -> PurePosixPath:
    """Return the directory's path in its repository: from git, else from the job's workspace.

    Outside a repository and a job, the directory counts as the root.

    Raises:
        GitError: git is not installed, refuses or fails, and the directory is below no workspace.
    """
    from cmlkit.git import checkout

    try:
        return checkout.prefix(directory)
    except GitError as error:
        workspace = invocation.workplace.workspace
        place = checkout.prefix_below(workspace, directory) if workspace else None
        if place is None and not isinstance(error, NotARepository):
            raise
        if place is not None:
            invocation.progress.note(f"{error.message} Paths in the repository are taken from the job's workspace.")
        return place or PurePosixPath()


def workflow_run_with_instances(invocation: Invocation, *, launching: bool = False) -> WorkflowRun:
    """Return the run that instances are launched for: outside a CI, one and the same for each command in a checkout.

    Args:
        launching: Whether a launch follows, for which a checkout gets its id.
    """
    from cmlkit.git.checkout_id import checkout_id

    place = invocation.workplace
    local_id = "" if place.has_run else checkout_id(Path.cwd(), make=launching)
    return place.workflow_run(local_id=local_id, with_commit=False)


def commit_in_checkout(revision: str) -> str | None:
    """Return the id of the commit that a revision names in the checkout; None if git knows none or refuses to look."""
    from cmlkit.git import checkout

    try:
        return checkout.commit_of(Path.cwd(), revision)
    except GitError:
        # The forge knows branches, tags and ids.
        return None


def local_files(invocation: Invocation) -> LocalFiles:
    """Return the files that a report may show: those below the job's workspace, else of the checkout."""
    from cmlkit.git import checkout
    from cmlkit.publishing.local_files import LocalFiles

    directory, workspace = Path.cwd(), invocation.workplace.workspace
    trust_checkout(invocation, directory)

    def is_ignored(path: Path) -> bool:
        try:
            return checkout.is_ignored(directory, path)
        except GitError:
            return False

    around = [folder for folder in (directory, *directory.parents) if (folder / ".git").exists()]
    root = workspace if workspace and directory.is_relative_to(workspace) else next(iter(around), directory)
    return LocalFiles(root=root, directory=directory, limits=facts(invocation).limits.files, is_ignored=is_ignored)


def trust_checkout(invocation: Invocation, directory: Path) -> None:
    """Let git work in a job's own checkout that belongs to another user, as in a container; CML does so, too.

    Outside of a job, and of its workspace, the repository may be anybody's, and git goes on refusing.
    """
    from cmlkit.git import checkout, prepare

    workplace = invocation.workplace
    workspace = workplace.workspace
    if not workplace.is_job or workspace is None or not directory.resolve().is_relative_to(workspace.resolve()):
        return
    try:
        checkout.prefix(directory)
    except NotTrusted:
        folder = prepare.trust(directory)
        invocation.progress.note(f"The checkout belongs to another user: git is told that {folder} is safe.")
    except GitError:
        return  # The command itself says what it lacks.


def clouds(invocation: Invocation, *, hurried: bool = False) -> CloudFor:
    """Return a function from a region to the cloud that the settings name; `hurried` as in `forge`.

    Raises:
        SettingsError: No cloud has that name, or its libraries are not installed.
    """
    from cmlkit.clouds import cloud_for

    return cloud_for(invocation.settings.runner.cloud, invocation.environ, hurried=hurried)


def _forge_module(invocation: Invocation) -> ForgeModule:
    return forge_module(invocation.workplace.forge)


def _forge_there(invocation: Invocation, workflow_run: WorkflowRun) -> tuple[ForgeModule, Mapping[str, str]]:
    """Return the forge of the run's repository, and the environment with its address and the tokens meant for it.

    Raises:
        SettingsError: The repository is on a server of another forge.
    """
    module, environ, server = _forge_module(invocation), invocation.environ, workflow_run.server_url
    if not invocation.workplace.is_job:
        check_server(server)
        if warning := module.withheld(server, environ):
            invocation.progress.warn(warning)
    return module, module.environ_at(server, environ)


def signed_in(invocation: Invocation, workflow_run: WorkflowRun) -> Invocation:
    """Return the invocation with a token: outside a job the one that a program of this machine keeps, if none is set.

    Raises:
        PermissionDenied: It is no job, and there is no token.
    """
    if invocation.workplace.is_job:
        return invocation
    found, server = with_stored_token(invocation, workflow_run), workflow_run.server_url
    if found is not invocation:
        invocation.progress.note(f"No token is set: that of {keeper(invocation)} for {server} is used.")
    check_token(found, workflow_run)
    return found


def check_token(invocation: Invocation, workflow_run: WorkflowRun) -> None:
    """Refuse an environment without a token, outside a job, with the way to one for a person at a keyboard.

    Raises:
        PermissionDenied: It is no job, and there is no token.
        SettingsError: The run's server is one that cmlkit does not support.
    """
    module, server = _forge_module(invocation), workflow_run.server_url
    if invocation.workplace.is_job or module.TOKENS.found(module.environ_at(server, invocation.environ)):
        return
    check_server(server)
    raise PermissionDenied(
        f"No {module.TOKENS.forge} token is set for {workflow_run.repository}.",
        next_step=module.signing_in(server, invocation.environ),
    )


def with_stored_token(invocation: Invocation, workflow_run: WorkflowRun) -> Invocation:
    """Return the invocation with the token that a program of this machine keeps for the run's server; not in a job.

    It is the same invocation if a token is set, or none is kept.
    """
    if invocation.workplace.is_job:
        return invocation
    server = workflow_run.server_url
    try:
        check_server(server)
    except SettingsError:
        return invocation  # It is said where the forge is opened.
    environ = _forge_module(invocation).with_stored_token(server, invocation.environ)
    if environ is invocation.environ:
        return invocation
    for name, value in environ.items():
        if value != invocation.environ.get(name):
            invocation.workplace.keep_secret(value)
    return dataclasses.replace(invocation, environ=environ)
