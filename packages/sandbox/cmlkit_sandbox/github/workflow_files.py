"""Workflow files on refs: a token without the permission for workflows may point refs only at files that a branch has.

Not documented as such; observed by users of github.com, for pushes, the API's refs, releases and merges:
https://github.com/cli/cli/issues/9514, https://github.com/cli/cli/issues/9773,
https://github.com/mathieudutour/github-tag-action/issues/138
"""

from __future__ import annotations

from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.git_repository import NO_SHA, GitRepository
from cmlkit_sandbox.github.refusals import Refusal, not_found
from cmlkit_sandbox.github.repository import Repository

FOLDER = ".github/workflows"


def check_workflow_files(repository: Repository, token: Token | None, new: str) -> None:
    """Refuse to point a ref at a commit or tag whose workflow files are those of no branch.

    Raises:
        Refusal: With GitHub's words, which do not tell why: 404 for a classic token, else 403.
    """
    if token is None or token.may_change_workflows or new == NO_SHA or is_known(repository.git, new):
        return
    raise not_found() if token.is_classic else Refusal(403, token.refusal())


def check_merge(repository: Repository, token: Token | None, old: str, new: str) -> None:
    """Refuse to merge a pull request that changes workflow files."""
    if token is None or token.may_change_workflows or _tree(repository.git, new) == _tree(repository.git, old):
        return
    raise Refusal(403, refused_words(token).format(changed_file(repository.git, old, new)))


def is_known(git: GitRepository, new: str) -> bool:
    """Return whether a branch has the same workflow files, or there are none."""
    tree = _tree(git, new)
    return tree is None or any(_tree(git, ref.sha) == tree for ref in git.refs("refs/heads/"))


def changed_file(git: GitRepository, old: str, new: str) -> str:
    """Return the first workflow file that differs between two commits."""
    return git.line("diff", "--name-only", old, new, "--", FOLDER).partition("\n")[0]


def refused_words(token: Token) -> str:
    """Return GitHub's words for a push, with a place for the file's path."""
    if token.is_classic:
        return "refusing to allow a Personal Access Token to create or update workflow `{}` without `workflow` scope"
    return "refusing to allow a GitHub App to create or update workflow `{}` without `workflows` permission"


def _tree(git: GitRepository, commit: str) -> str | None:
    return git.tree_id(commit, FOLDER)
