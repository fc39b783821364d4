"""Workflow files: when a refusal of a ref is put down to them, and when nothing is claimed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied
from cmlkit.forges.github.workflow_files import BRANCHES
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

__all__ = ["github"]

OLD, TIP = "a" * 40, "b" * 40
CLASSIC = "ghp_0123456789notatoken"
REFUSED = "Resource not accessible by integration"


def commit(github: ScriptedGitHub, name: str, workflows: Mapping[str, str]) -> None:
    """A commit or branch with these workflow files: name -> blob id."""
    letter = name[0]
    listing = {"path": "train.py", "type": "blob", "sha": "0" * 40}
    github.answer(
        "GET", f"{REPO}/git/trees/{name}",
        {"tree": [listing, {"path": ".github", "type": "tree", "sha": letter + "1" * 39}] if workflows else [listing]},
    )  # fmt: skip
    github.answer(
        "GET", f"{REPO}/git/trees/{letter}{'1' * 39}",
        {"tree": [{"path": "workflows", "type": "tree", "sha": letter + "2" * 39}]},
    )  # fmt: skip
    entries = [{"path": path, "type": "blob", "sha": blob} for path, blob in workflows.items()]
    github.answer("GET", f"{REPO}/git/trees/{letter}{'2' * 39}", {"tree": entries or [listing]})


def scripted(
    github: ScriptedGitHub, old: Mapping[str, str], tip: Mapping[str, str], *, scopes: str = "repo", branches: int = 1
) -> None:
    """A repository in which a commit has these workflow files, and the tip of every branch has those."""
    headers = {"x-oauth-scopes": scopes} if scopes else {}
    github.answer("GET", REPO, {"default_branch": "main", "fork": False}, headers=headers)
    tips = [{"name": f"b{number}", "commit": {"sha": TIP}} for number in range(branches)]
    github.answer("GET", f"{REPO}/branches", tips)
    commit(github, OLD, old)
    commit(github, TIP, tip)
    commit(github, "main", tip)


@pytest.mark.parametrize(
    ("old", "tip"),
    [
        ({"train.yml": "1" * 40}, {"train.yml": "2" * 40}),
        ({"train.yml": "1" * 40}, {}),
        ({"train.yml": "1" * 40, "old.yml": "3" * 40}, {"train.yml": "1" * 40}),
    ],
)
def test_a_token_that_tells_that_it_may_not_is_refused_at_once(
    github: ScriptedGitHub, old: Mapping[str, str], tip: Mapping[str, str]
) -> None:
    scripted(github, old, tip)
    with pytest.raises(PermissionDenied, match=f"takes no ref to {OLD[:12]}") as caught:
        github.client(token=CLASSIC).check_tag(OLD)
    assert "Give the token the scope workflow" in caught.value.next_step
    assert all(line.startswith("GET ") for line in github.sent)


@pytest.mark.parametrize(
    ("old", "tip", "more"),
    [
        ({"train.yml": "1" * 40}, {"train.yml": "2" * 40}, {"scopes": "repo, workflow"}),
        ({"train.yml": "1" * 40}, {"train.yml": "2" * 40}, {"scopes": ""}),
        ({"train.yml": "1" * 40}, {"train.yml": "2" * 40}, {"branches": BRANCHES + 1}),
        ({"train.yml": "1" * 40}, {"train.yml": "1" * 40, "new.yml": "2" * 40}, {}),
        ({}, {"train.yml": "2" * 40}, {}),
    ],
    ids=["it has the scope", "it does not tell", "too many branches", "a branch has them", "there are none"],
)
def test_where_it_is_not_sure_github_decides(
    github: ScriptedGitHub, old: Mapping[str, str], tip: Mapping[str, str], more: Mapping[str, int | str]
) -> None:
    scripted(github, old, tip, **more)  # type: ignore[arg-type]
    github.client(token=CLASSIC).check_tag(OLD)


@pytest.mark.parametrize(("status", "message"), [(403, REFUSED), (404, "Not Found")])
def test_a_bare_refusal_of_a_branch_is_explained(github: ScriptedGitHub, status: int, message: str) -> None:
    scripted(github, {"train.yml": "1" * 40}, {"train.yml": "2" * 40})
    github.refuse("POST", f"{REPO}/git/refs", status, message)
    with pytest.raises(PermissionDenied, match=f"{status} {message}") as caught:
        github.client().create_branch("new", OLD)
    assert f"The files in .github/workflows of {OLD[:12]} are not those of main" in caught.value.message
    assert "Or let somebody push a branch" in caught.value.next_step


@pytest.mark.parametrize(
    ("tip", "status", "message", "kind"),
    [
        ({"train.yml": "1" * 40}, 403, REFUSED, PermissionDenied),
        ({"train.yml": "1" * 40}, 404, "Not Found", NotFound),
        ({"train.yml": "2" * 40}, 403, "Repository was archived so is read-only.", PermissionDenied),
    ],
    ids=["the same files", "the same files, 404", "another reason"],
)
def test_a_refusal_for_another_reason_is_left_as_it_is(
    github: ScriptedGitHub, tip: Mapping[str, str], status: int, message: str, kind: type[CmlkitError]
) -> None:
    scripted(github, {"train.yml": "1" * 40}, tip)
    github.refuse("POST", f"{REPO}/git/refs", status, message)
    with pytest.raises(kind) as caught:
        github.client().create_branch("new", OLD)
    assert ".github/workflows" not in caught.value.message


def test_a_token_that_may_not_even_read_gets_the_refusal_itself(github: ScriptedGitHub) -> None:
    github.refuse("GET", REPO, 403, REFUSED)
    github.refuse("POST", f"{REPO}/git/refs", 403, REFUSED)
    with pytest.raises(PermissionDenied, match="refused POST") as caught:
        github.client().create_branch("new", OLD)
    assert ".github/workflows" not in caught.value.message
