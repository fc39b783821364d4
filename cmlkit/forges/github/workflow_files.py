"""Workflow files: without the permission for them, a token may point refs only at those that a branch has.

GitHub refuses other refs in words that do not tell why. Not documented as such; observed by users:
https://github.com/cli/cli/issues/9514, https://github.com/cli/cli/issues/9773
"""

from __future__ import annotations

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied
from cmlkit.forges.github.access import WORKFLOW_LOGIN, Account
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.permissions import OF_INSTALLATIONS, SCOPED, scopes_in, workflows_advice
from cmlkit.records.fields import Fields

FOLDER = ".github/workflows"
# More are not looked at: then GitHub decides.
BRANCHES = 20


class WorkflowFiles:
    """The workflow files of a repository's branches, or of a fork's."""

    def __init__(self, client: Client, account: Account) -> None:
        self._client = client
        self._account = account
        self._trees: dict[str, dict[str, tuple[str, str]]] = {}

    def check(self, commit: str) -> None:
        """Look, before anything is written, whether GitHub will refuse a ref to the commit.

        Raises:
            PermissionDenied: It will: no branch has these workflow files, and the token may not change them. Tokens
                that do not tell are given the benefit of the doubt.
        """
        repository = self._client.http.request("GET", self._client.path())
        if not self._surely_lacks_permission(repository.headers.get("x-oauth-scopes")):
            return
        branches = self._client.http.get(self._client.path("branches"), per_page=BRANCHES + 1)
        tips = [branch.inside("commit").filled("sha") for branch in branches.items()]
        if commit in tips or len(tips) > BRANCHES:
            return
        files = self._files(commit)
        if any(files <= self._files(tip) for tip in tips):
            return
        raise self._refusal(
            f"{self._client.full_name} takes no ref to {commit[:12]}. Its files in {FOLDER} are those of no branch,"
            " so that GitHub takes it for a change of workflows.",
            commit,
            repository.fields,
        )

    def explained(self, error: CmlkitError, commit: str) -> CmlkitError:
        """Return the error for the refusal of a ref to the commit: with the reason, if workflow files may be it."""
        is_bare = "not accessible by" in error.message or (isinstance(error, NotFound) and error.status == 404)
        if not is_bare:
            return error
        try:
            repository = self._client.http.get(self._client.path())
            files = self._files(commit)
            branch = repository.filled("default_branch")
            tip = self._files(branch)
        except CmlkitError:
            return error  # the token may not even read
        if files in (frozenset(), tip):
            return error
        return self._refusal(
            f"{error.message} The files in {FOLDER} of {commit[:12]} are not those of {branch}; unless another branch"
            " has them, GitHub takes it for a change of workflows.",
            commit,
            repository,
        )

    def _surely_lacks_permission(self, scopes: str | None) -> bool:
        kind = self._client.http.kind
        if kind in SCOPED:
            return scopes is not None and "workflow" not in scopes_in(scopes)
        return kind in OF_INSTALLATIONS and self._account.login() == WORKFLOW_LOGIN

    def _refusal(self, message: str, commit: str, repository: Fields) -> PermissionDenied:
        name = self._client.full_name
        otherwise = f"Or let somebody push a branch at {commit[:12]} first."
        if repository.flag("fork", False):
            otherwise = f"Or bring the fork up to date: gh repo sync {name}, or 'Sync fork' on its page."
        return PermissionDenied(
            message,
            next_step=f"{workflows_advice(self._client.http.kind)} {otherwise}".strip(),
        )

    def _files(self, commit: str) -> frozenset[tuple[str, str]]:
        """Return name and blob id of a commit's workflow files, given its id or a branch."""
        tree = commit
        for name in FOLDER.split("/"):
            kind, tree = self._entries(tree).get(name, ("", ""))
            if kind != "tree":
                return frozenset()
        return frozenset((name, blob) for name, (kind, blob) in self._entries(tree).items() if kind == "blob")

    def _entries(self, tree: str) -> dict[str, tuple[str, str]]:
        """Return name -> kind and id of what is in a folder, given a tree, a commit or a branch."""
        if tree not in self._trees:
            answer = self._client.http.get(self._client.path("git", "trees", tree))
            self._trees[tree] = {
                each.filled("path"): (each.text("type"), each.filled("sha")) for each in answer.listed("tree")
            }
        return self._trees[tree]
