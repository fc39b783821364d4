"""cmlkit's own branches: a run must not be started by one, which would go on without end, nor write to any other."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

from cmlkit.clock import Clock
from cmlkit.errors import SettingsError
from cmlkit.forges.base import PublishForge
from cmlkit.publishing.asset import BRANCH as ASSET_BRANCH
from cmlkit.publishing.marker import marker_in
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import PublishSpec

PREFIX = "cmlkit/"
# A trailer of commits on branches whose names do not tell that they are cmlkit's. It has the branch's name, so that the
# same commit, merged into another branch, does not make that one cmlkit's. workflows/*.yml look for it, too.
_TRAILER = "Cmlkit-Branch: [{branch}]"
# A person's token makes a branch about a second before its first commit, as do other runs at the same time.
_LOOKS_AT_EMPTY, _SECONDS_BETWEEN_LOOKS = 6, 1.0
# A person who starts a run by hand wants that run.
_BY_HAND = ("", "workflow_dispatch")
_FIELDS: Mapping[str | None, str] = {
    "base": r".+",
    "run": r"(?:\d+|local[0-9a-f]+)",
    "attempt": r"\d+",
    "date": r"\d{4}-\d\d-\d\d",
    "sha": r"[0-9a-f]{7}",
}


def signed(message: str, branch: str) -> str:
    """Return the message of a commit on one of cmlkit's own branches, with a trailer if the name does not tell."""
    if branch.startswith(PREFIX):
        return message
    return f"{message.rstrip()}\n\n{_TRAILER.format(branch=branch)}\n"


def own_branch(workflow_run: WorkflowRun, *, template: str) -> str:
    """Return the branch of cmlkit's own whose push or pull request started the run; empty if none did.

    Args:
        template: The setting `publish.branch`.
    """
    trigger = workflow_run.trigger
    if workflow_run.event in _BY_HAND:
        return ""
    found = marker_in(trigger.body)
    if found is not None and found.kind == "pull-request" and trigger.kind in ("pull-request", "fork"):
        return trigger.branch or f"of pull request #{workflow_run.pull_request}"
    by_name = trigger.branch.startswith(PREFIX) or trigger.branch == ASSET_BRANCH
    is_own = (
        by_name or _is_filled(template, trigger.branch) or _TRAILER.format(branch=trigger.branch) in trigger.message
    )
    return trigger.branch if trigger.branch and is_own else ""


def refuse_chain(workflow_run: WorkflowRun, spec: PublishSpec) -> None:
    """Refuse to train or publish on a branch that cmlkit made.

    Raises:
        SettingsError: One of cmlkit's own branches started the run, and the settings do not allow that.
    """
    branch = own_branch(workflow_run, template=spec.branch)
    if branch and not spec.allow_chains:
        raise SettingsError(
            f"cmlkit made the branch {branch}: a result of this run would start the next run, without end.",
            next_step="Let the workflow skip cmlkit's branches, as those in workflows/ do,"
            " or set publish.allow-chains to true.",
        )


def check_own(name: str, head: str, *, base: str, run: str, forge: PublishForge, clock: Clock) -> None:
    """Refuse to commit to a branch that exists, unless cmlkit made it.

    That is recorded in its name, in a trailer of its last commit, or in the marker of a pull request, open or not.

    Args:
        head: The branch's head.
        base: Head of the base branch.
        run: The run that publishes; a branch that has its id in its name is that of an earlier try.

    Raises:
        SettingsError: None of these says that it is cmlkit's own; nothing was written.
    """
    if name.startswith(PREFIX) or run in name:
        return
    found: str | None = head
    for look in range(_LOOKS_AT_EMPTY):
        if look:
            clock.sleep(_SECONDS_BETWEEN_LOOKS)
            found = forge.branch_head(name)
        if found is None or _is_recorded(name, found, forge):
            return
        if found != base:
            break
    raise SettingsError(
        f"The branch {name!r} exists, and cmlkit did not make it: nothing was written.",
        next_step="Set publish.branch to another name, such as cmlkit/{base}/{run}, or delete that branch.",
    )


def _is_recorded(name: str, head: str, forge: PublishForge) -> bool:
    if _TRAILER.format(branch=name) in forge.find_commit(head).message:
        return True
    markers = (marker_in(item.body) for item in forge.pull_requests(head=name, state="all"))
    return any(found is not None and found.kind == "pull-request" for found in markers)


def _is_filled(template: str, name: str) -> bool:
    """Return whether a branch's name may be the template with its fields filled in."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return False  # the publish says why
    pattern = "".join(re.escape(text) + _FIELDS.get(field, "") for text, field, _, _ in parts)
    return re.fullmatch(pattern, name) is not None
