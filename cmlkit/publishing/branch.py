"""The name of the experiment branch: made from a template, and checked before anything is written."""

from __future__ import annotations

import re

from cmlkit.errors import SettingsError
from cmlkit.publishing.asset import BRANCH as ASSET_BRANCH
from cmlkit.publishing.destination import likely_base
from cmlkit.publishing.template import filled
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import PublishSpec

# The rules of `git check-ref-format`, https://git-scm.com/docs/git-check-ref-format
_REFUSED = (
    (re.compile(r"[\x00-\x20\x7f~^:?*\[\\]"), "has a blank, a control character or one of ~ ^ : ? * [ \\"),
    (re.compile(r"\.\."), "has two dots in a row"),
    (re.compile(r"@\{"), "has @{"),
    (re.compile(r"^@$"), "is a single @"),
    (re.compile(r"^/|//|/$"), "has an empty part between slashes"),
    (re.compile(r"(^|/)\."), "has a part that starts with a dot"),
    (re.compile(r"\.$"), "ends with a dot"),
    (re.compile(r"\.lock(/|$)"), "has a part that ends with .lock"),
    # Not in check-ref-format: `git branch` refuses the first two, and GitHub names that look like commit ids.
    (re.compile(r"^-"), "starts with a dash"),
    (re.compile(r"^HEAD$"), "is HEAD"),
    (re.compile(r"^[0-9a-fA-F]{40}$"), "looks like a commit id"),
)
# GitHub accepts refs of up to 255 bytes, `refs/heads/` included.
LONGEST_BYTES = 255 - len("refs/heads/")


def refused(name: str) -> str:
    """Return why git or GitHub would refuse the branch name; empty if they accept it."""
    if not name:
        return "is empty"
    for pattern, reason in _REFUSED:
        if pattern.search(name):
            return reason
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        return f"is longer than {LONGEST_BYTES} bytes"
    return ""


def experiment_branch(
    template: str,
    *,
    base: str,
    run: str,
    attempt: int,
    date: str,
    sha: str,
    named: str = "the setting publish.branch",
) -> str:
    """Return the branch's name: the template with its fields filled in.

    Args:
        template: For example `cmlkit/{base}/{run}`; the fields are {base}, {run}, {attempt}, {date} and {sha}.
        date: Day of the training, such as `2024-05-31`.
        sha: Commit id of the code; seven digits are used.
        named: Where the template comes from, for messages.

    Raises:
        SettingsError: The template has another field, git refuses the name, or it is that of the base branch or of the
            branch of images.
    """
    fields = {"base": base, "run": run, "attempt": str(attempt), "date": date, "sha": sha[:7]}
    name = filled(template, fields, named=named)
    if reason := refused(name):
        raise SettingsError(
            f"The branch name {name!r}, made from {template!r}, {reason}; git refuses it.",
            next_step=f"Change {named}.",
        )
    if name == base:
        raise SettingsError(
            f"The experiment branch {name!r} is the base branch itself.",
            next_step=f"Change {named}, such as to cmlkit/{{base}}/{{run}}.",
        )
    if name == ASSET_BRANCH:
        raise SettingsError(
            f"The experiment branch {name!r} is that of cmlkit's images.",
            next_step=f"Change {named}, such as to cmlkit/{{base}}/{{run}}.",
        )
    return name


def check_branch(workflow_run: WorkflowRun, spec: PublishSpec) -> None:
    """Refuse a name of the experiment branch that `publish` would refuse, as far as that can be told without the forge.

    Raises:
        SettingsError: As from `experiment_branch`.
    """
    experiment_branch(
        spec.branch,
        base=likely_base(workflow_run, named=spec.base),
        run=workflow_run.run_id,
        attempt=workflow_run.attempt,
        date="2000-01-01",
        sha=workflow_run.sha or "0" * 40,
    )
