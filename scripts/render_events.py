"""The page of events: where results go, as the table in the code decides it."""

from __future__ import annotations

from cmlkit.publishing.destination import EVENTS, RULES, EventRow
from cmlkit.report.markdown import code, table

INTRODUCTION = """\
# Events

The event that starts a workflow decides where its results go: the branch that a pull request targets, the place of
a comment, and the commit of a check."""

TITLES = ["Event", "Situation", "Base of the pull request", "Merged by itself", "Comment", "Check"]

NOTES = """\
## Base of the pull request

This is the branch that the pull request of `cmlkit pr create` and `cmlkit publish` targets. A result belongs to
the code that it was made with: in the run of a pull request, that is the pull request's own branch, so that the
result is reviewed and merged together with the change. `--target-branch`, or `publish.base`, names another
branch. The branch of a merge queue (`gh-readonly-queue/…`) is never a base.

`cmlkit publish` compares the model with the one on this base. In the run of a pull request it writes its report
and its check to that pull request, and names there the new one that has the model.

The branch of a fork is not in the repository: `cmlkit pr create` refuses, and `cmlkit publish` writes its
report to the job's summary and ends with 0. See [Comment on pull requests of
forks](../how-to/comment-on-forks.md).

## Merged by itself

`--merge`, `--squash`, `--rebase` and `publish.auto-merge` are followed only if the base is the event's own
branch, or one that is named. In other cases the pull request stays open, and a warning says why. So a run of a
pull request never puts a change that nobody has reviewed into the default branch.

## Comment and check

This is the place for the target `auto` of `cmlkit comment`, and the commit of `cmlkit check create` without
`--commit-sha`. The target `pr` takes the same pull request, and fails if there is none. A run that follows
another one (`workflow_run`) finds a fork's pull request by the owner, the branch and the commit of its head.

## Called workflows

A workflow that another one calls (`workflow_call`) gets the event of the calling workflow. Any other event is
treated like a push of the branch or the tag that it runs on.

## No chains

A push of one of cmlkit's own branches, or a pull request of one, would train again and open the next pull
request, and each round would pay for an instance. GitHub starts no workflow for what a workflow's own token
does, but it does for a personal token or a GitHub App. So:

- `cmlkit pr create` adds `[skip ci]` to the commit's message, unless `--message` or a merge is asked for;
  `--skip-ci` and `--no-skip-ci` decide otherwise. `publish.skip-ci` does it for `cmlkit publish`. If the base
  requires checks, these stay pending then, which a warning says: the pull request can be merged only after a
  person has started them, such as by another push.
- `cmlkit runner launch`, `publish` and `pr create` refuse to run for cmlkit's own branches, with exit code 2.
  These are branches below `cmlkit/`, those that `publish.branch` may have made, `cmlkit-assets`, any branch
  whose head commit cmlkit made for it, and any pull request that cmlkit opened. The setting
  `publish.allow-chains` allows them. A run that a person starts by hand (`workflow_dispatch`) is never refused,
  nor are `comment` and `check`.
- The [workflows to copy](https://github.com/cmlkit/cmlkit/tree/main/workflows) skip their jobs there, so that
  the run is green.
"""


def page() -> str:
    """Return the page of events."""
    return "\n\n".join([INTRODUCTION, table(TITLES, [_row(row) for row in EVENTS]), NOTES])


def _row(row: EventRow) -> list[str]:
    rule = RULES[row.rule]
    merged = "if asked" if rule.merges else "never"
    return [code(row.event) if row.event else "none", row.situation, rule.base, merged, rule.comment, rule.check]
