"""The experiment branch's name: made from a template, and checked before anything is written."""

from __future__ import annotations

import re

from cmlkit.errors import SettingsError
from cmlkit.publishing.template import filled

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
    # Beyond check-ref-format: `git branch` takes neither of these, and GitHub no name that looks like a commit id.
    (re.compile(r"^-"), "starts with a dash"),
    (re.compile(r"^HEAD$"), "is HEAD"),
    (re.compile(r"^[0-9a-fA-F]{40}$"), "looks like a commit id"),
)
# GitHub takes refs of up to 255 bytes, `refs/heads/` included.
LONGEST_BYTES = 255 - len("refs/heads/")


def refused(name: str) -> str:
    """Why git or GitHub would not take the branch name; empty where they would."""
    if not name:
        return "is empty"
    for pattern, reason in _REFUSED:
        if pattern.search(name):
            return reason
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        return f"is longer than {LONGEST_BYTES} bytes"
    return ""


def experiment_branch(template: str, *, base: str, run: str, attempt: int, date: str, sha: str) -> str:
    """The template with its fields filled in.

    Args:
        template: Such as `cmlkit/{base}/{run}`; knows {base}, {run}, {attempt}, {date} and {sha}.
        date: Of the training, such as `2024-05-31`.
        sha: Commit id of the code, of which seven digits are used.

    Raises:
        SettingsError: The template has another field, or the name is one that git refuses, or the base branch itself.
    """
    fields = {"base": base, "run": run, "attempt": str(attempt), "date": date, "sha": sha[:7]}
    name = filled(template, fields, setting="publish.branch")
    if reason := refused(name):
        raise SettingsError(
            f"The branch name {name!r}, made from {template!r}, {reason}; git refuses it.",
            next_step="Change the setting publish.branch.",
        )
    if name == base:
        raise SettingsError(
            f"The experiment branch {name!r} is the base branch itself.",
            next_step="Change the setting publish.branch, such as to cmlkit/{base}/{run}.",
        )
    return name
