"""`cmlkit pr`: a pull request with files, without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit_text
from cmlkit.errors import GitError, GitFailed, SettingsError

if TYPE_CHECKING:
    from cmlkit.forges.base import PublishForge, PullRequest
    from cmlkit.publishing.selection import Selection
    from cmlkit.records.workflow_run import WorkflowRun


class CreateByDefault(Group):
    """A group that reads `cmlkit pr FILE` as `cmlkit pr create FILE`, and `cmlkit pr` as `cmlkit pr create`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        names = {*self.commands, *context.help_option_names}
        # Completion of a shell parses what is there so far, and offers the commands.
        if (args[:1] and args[0] not in names) or (not args and not context.resilient_parsing):
            args = ["create", *args]
        return super().parse_args(context, args)


@click.group(cls=CreateByDefault)
def pr() -> None:
    """Open a pull request with files that you name."""


@pr.command()
@with_settings()
@click.argument("paths", nargs=-1)
@click.option("--title", default="", help="Title; made from the files' names if omitted.")
@click.option("--body", default="", help="Text of the pull request; a link to the run if omitted.")
@click.option("--branch", default="", help="Its branch; may contain {base}, {run}, {attempt} and {sha}.")
@click.option(
    "--target-branch", default="", help="Branch that it targets; the one that the run's event is on if omitted."
)
@click.option(
    "--remote",
    default="origin",
    show_default=True,
    help="Remote of git that gets the branch: this repository's, or that of publish.fork.",
)
@click.option("--message", default="", help="Commit message; the title if omitted.")
@click.option(
    "--skip-ci/--no-skip-ci",
    default=None,
    help="Whether the message has [skip ci]; by default unless --message or a merge is asked for.",
)
@click.option("--merge", is_flag=True, help="Merge it once its requirements are met.")
@click.option("--squash", is_flag=True, help="Like --merge, but squash.")
@click.option("--rebase", is_flag=True, help="Like --merge, but rebase.")
@click.option("--force", is_flag=True, help="Take files that git ignores, too.")
@click.option("--md", is_flag=True, help="Print a markdown link.")
def create(
    invocation: Invocation,
    paths: tuple[str, ...],
    title: str,
    body: str,
    branch: str,
    target_branch: str,
    remote: str,
    message: str,
    skip_ci: bool | None,
    merge: bool,
    squash: bool,
    rebase: bool,
    force: bool,
    md: bool,
) -> None:
    """Commit what changed in PATHS to a new branch and open a pull request; the checkout does not change.

    PATHS are files, folders and patterns such as "**/*.json"; git says which of them are new, changed or deleted
    since the checkout. Commits that the job made itself are part of the pull request; without PATHS, only they are.
    A second call in the same run adds to the same pull request. If nothing changed, none is opened.

    \b
    cmlkit pr create model/random_forest.joblib
    cmlkit pr create --title "New model" --squash model metrics.json
    """
    from cmlkit.publishing import named_files
    from cmlkit.publishing.own_branch import refuse_chain

    directory = Path.cwd()
    edges.trust_checkout(invocation, directory)
    selection = _selected(invocation, paths, directory=directory, force=force)
    spec = named_files.PullRequestSpec(
        base=target_branch,
        branch=branch or named_files.BRANCH,
        title=title,
        body=body,
        message=message,
        skip_ci=skip_ci,
        auto_merge=_auto_merge(merge=merge, squash=squash, rebase=rebase),
    )
    workflow_run = invocation.workplace.workflow_run(directory=directory)
    refuse_chain(workflow_run, invocation.settings.publish)
    forge: PublishForge = edges.forge(invocation, workflow_run)
    if _is_fork(remote, directory, invocation, workflow_run):
        forge = edges.publishing_forge(invocation, workflow_run, base=target_branch)
    pull_request = named_files.publish_files(
        selection, spec, directory=directory, forge=forge, workflow_run=workflow_run, progress=invocation.progress
    )
    _show(invocation, pull_request, md=md)


def _auto_merge(**ways: bool) -> str:
    """Return the way of merging that is asked for; empty for none."""
    asked = [way for way, is_asked in ways.items() if is_asked]
    if len(asked) > 1:
        flags = " and ".join(f"--{way}" for way in asked)
        raise SettingsError(f"{flags} exclude each other.", next_step="Name one way of merging.")
    return "".join(asked)


def _selected(invocation: Invocation, paths: Sequence[str], *, directory: Path, force: bool) -> Selection:
    """Return what changed in the paths; all files there if git cannot say, as in a container without git."""
    from cmlkit.publishing.selection import files_on_disk, select_files

    limits, warn = edges.facts(invocation).limits.files, invocation.progress.warn
    try:
        return select_files(paths, directory=directory, limits=limits, warn=warn, force=force)
    except GitFailed:
        raise
    except GitError:
        prefix = edges.prefix(invocation, directory)
        warn("git cannot say which files have changed here: all files in the paths are taken.")
        return files_on_disk(paths, directory=directory, prefix=prefix, limits=limits)


def _is_fork(remote: str, directory: Path, invocation: Invocation, workflow_run: WorkflowRun) -> bool:
    """Return whether a remote is the fork in the settings, not the repository of the run.

    Raises:
        SettingsError: It is neither, or missing.
    """
    from cmlkit.git import checkout

    if remote == "origin":
        return False  # that of the checkout is the repository of the run
    address = checkout.remote_address(directory, remote)
    if address is None:
        raise SettingsError(f"git knows no remote {remote!r}.", next_step="See git remote, or leave --remote out.")
    name, fork = (checkout.repository_in(address) or "").lower(), invocation.settings.publish.fork.lower()
    is_here = (urlsplit(workflow_run.server_url).hostname or "") in address
    if not (is_here and name in {workflow_run.repository.lower(), fork} - {""}):
        raise SettingsError(
            f"The remote {remote!r} is another repository than {workflow_run.repository}, which the run is for.",
            next_step="Name the fork in the setting publish.fork if the branch is to go there, or leave --remote out.",
        )
    return name == fork


def _show(invocation: Invocation, pull_request: PullRequest | None, *, md: bool) -> None:
    url, number = (pull_request.url, pull_request.number) if pull_request else ("", None)
    result = {
        "changed": pull_request is not None,
        "pull_request_url": url,
        "pull_request_number": number,
        "branch": pull_request.head if pull_request else "",
    }
    emit_text(invocation, result, f"[Pull request #{number}]({url})" if md and url else url)
