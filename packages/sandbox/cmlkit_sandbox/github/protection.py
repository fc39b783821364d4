"""Rules that protect branches."""

from __future__ import annotations

from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.git_repository import NO_SHA
from cmlkit_sandbox.github.refusals import Refusal
from cmlkit_sandbox.github.repository import Protection, Repository
from cmlkit_sandbox.github.workflow_files import check_workflow_files


def check_change(repository: Repository, token: Token | None, ref: str, old: str, new: str) -> None:
    """Refuse a change to a ref that a rule forbids, or that the token may not make.

    Args:
        old, new: Targets of the ref before and after; NO_SHA if it does not exist.

    Raises:
        Refusal: With GitHub's words for a ruleset, for a protected branch, or for workflow files.
    """
    check_workflow_files(repository, token, new)
    broken = broken_rule(repository, ref, old, new)
    if broken is None:
        return
    if broken.ruleset:
        raise Refusal(422, f"Repository rule violations found\n\n{broken.message}\n\n")
    raise Refusal(422, f"Cannot update this protected branch: protected branch hook declined. {broken.message}")


def broken_rule(repository: Repository, ref: str, old: str, new: str) -> Protection | None:
    """Return the rule that this change to a ref would break, or None."""
    protection = repository.protections.get(ref.removeprefix("refs/heads/"))
    if protection is None or not ref.startswith("refs/heads/"):
        return None
    if protection.rule == "required_signatures" and new != NO_SHA:
        unsigned = [sha for sha in _added(repository, old, new) if not repository.git.commit(sha).signature]
        return protection if unsigned else None
    if protection.rule == "non_fast_forward":
        forced = NO_SHA not in (old, new) and not repository.git.is_ancestor(old, new)
        return protection if forced else None
    return protection


def push_rules(repository: Repository) -> str:
    """Return the rules for the push hook, one `RULE REF` per line."""
    return "\n".join(f"{each.rule} refs/heads/{branch}" for branch, each in repository.protections.items())


def _added(repository: Repository, old: str, new: str) -> list[str]:
    return repository.git.log(new, *([] if old == NO_SHA else [f"^{old}"]))
