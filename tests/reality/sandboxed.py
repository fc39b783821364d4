"""The sandbox's GitHub with one repository, whose every answer to these clients keeps GitHub's contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import WSGIApplication

from cmlkit_sandbox.github import GitHubServer
from tests.contract import Contract, ContractMiddleware, ContractViolation, assert_contract_kept

REPOSITORY = "octo/forest"
TOKEN = "ghp_octo"
BOT_TOKEN = "ghs_bot"


@contextmanager
def served(folder: Path) -> Iterator[GitHubServer]:
    """Run it until the block ends."""
    violations: list[ContractViolation] = []
    source = folder.parent / "source"
    source.mkdir(parents=True)
    (source / "train.py").write_text("print('training')\n", encoding="utf-8")
    (source / "README.md").write_text("# Forest\n", encoding="utf-8")

    def checked(app: WSGIApplication) -> WSGIApplication:
        # PyGithub asks for the root folder with a slash at the end, and for a commit's statuses by their older path,
        # which GitHub answers and its description lacks.
        is_described = lambda path: not path.endswith("/contents/") and "/statuses/" not in path  # noqa: E731
        return ContractMiddleware(app, Contract.load(), violations, prefix="/api/v3", covers=is_described)

    with GitHubServer(folder, wrap=checked) as github:
        github.add_repository(REPOSITORY, source)
        github.add_token(TOKEN, "octo")
        github.add_token(BOT_TOKEN, "github-actions[bot]", kind="app")
        yield github
    assert_contract_kept([violation for violation in violations if violation.part == "answer"])
