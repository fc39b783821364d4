"""Messages of commits and tags, and titles: plain texts in which a forge and git read instructions.

A title of a pull request becomes the message of a commit when it is merged, so the same instructions act in it.

Sources: https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs,
https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue,
https://git-scm.com/docs/git-interpret-trailers.
"""

from __future__ import annotations

import re

from cmlkit.sinks.unseen import one_line

# [skip ci], [ci skip], [no ci], [skip actions], [actions skip], and those of other services, as [skip netlify]
_BRACKETS = re.compile(r"\[(?P<words>[^\[\]]{0,80})\]")
_SKIP = re.compile(r"\b(?:skip|no)\b", re.IGNORECASE)
# Signed-off-by:, Co-authored-by:, skip-checks:true, and cmlkit's own Cmlkit-Branch:; at the end, ": 0.9" may follow.
_TRAILER = re.compile(
    r"(?<![\w-])(?P<token>(?:[a-z]+-)+by|skip-checks|on-behalf-of|change-id|cmlkit-[a-z0-9-]+)(?=\s*(?::|$))",
    re.IGNORECASE,
)
# @name, #1, owner/name#1, GH-1, https://…/issues/1; but not precision@5
_REFERENCE = re.compile(r"(?<!\w)@(?=\w)|#(?=\d)|(?<=\bGH)-(?=\d)|(?<=\w):(?=//)", re.IGNORECASE)


def plain(value: str) -> str:
    """Return a value on one line for a message or a title, in which it names nobody and nothing, and asks for nothing.

    What would act is changed so that people see it: `@ team`, `# 1`, `(skip ci)`, `Signed off by`.
    """
    line = _BRACKETS.sub(lambda found: f"({found['words']})" if _SKIP.search(found[0]) else found[0], one_line(value))
    line = _TRAILER.sub(lambda found: found["token"].replace("-", " "), line)
    return _REFERENCE.sub(lambda found: f" {found[0]}" if found[0] == ":" else f"{found[0]} ", line)
