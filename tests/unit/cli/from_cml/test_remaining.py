"""What remains to be done after a workflow was rewritten: tokens, permissions, and the old file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.cli.from_cml import remaining
from cmlkit.cli.from_cml.rewriting import rewrite

CASES = Path(__file__).parent / "cases"


def steps(text: str, *others: str) -> str:
    found = remaining.steps(rewrite(text, action="cmlkit/cmlkit@v1"), old="old.yml", new="new.yml", others=others)
    return "\n".join(found)


def workflow(script: str, *, token: str = "secrets.GITHUB_TOKEN", permissions: str = "") -> str:
    return f"""\
on: push
{permissions}
jobs:
  train:
    runs-on: ubuntu-latest
    steps:
      - uses: iterative/setup-cml@v2
      - run: {script}
        env:
          REPO_TOKEN: ${{{{ {token} }}}}
"""


@pytest.mark.parametrize(
    ("script", "needed"),
    [
        ("cml comment create report.md", "contents: write, pull-requests: write"),
        ("cml pr .", "contents: write, pull-requests: write"),
        ("cml publish plot.png", "contents: write under"),
        ("cml check create report.md", "contents: read, checks: write under"),
        ("cml workflow rerun --id 1", "contents: read, actions: write under"),
    ],
)
def test_the_permissions_of_the_own_token_are_said(script: str, needed: str) -> None:
    assert needed in steps(workflow(script))
    assert needed not in steps(workflow(script, token="secrets.PAT"))
    assert needed not in steps(workflow(script, permissions="permissions: write-all"))


def test_only_what_a_block_of_permissions_lacks_is_said() -> None:
    block = "permissions:\n  contents: read\n  pull-requests: write"
    assert "Add to the permissions of train, for its GITHUB_TOKEN: contents: write." in steps(
        workflow("cml comment create report.md", permissions=block)
    )
    block = block.replace("read", "write")
    assert "permissions" not in steps(workflow("cml comment create report.md", permissions=block))


def test_pull_requests_must_be_allowed() -> None:
    assert "Allow GitHub Actions to create pull requests" in steps(workflow("cml pr ."))
    assert "Allow GitHub Actions" not in steps(workflow("cml comment create report.md"))


def test_a_runner_takes_another_token_than_the_own_one() -> None:
    launch = "cml runner --cloud=aws --cloud-type=t3.small"
    assert "CMLKIT_RUNNER_TOKEN" in steps(workflow(launch))
    said = steps(workflow(launch, token="secrets.PAT"))
    assert "CMLKIT_RUNNER_TOKEN" not in said
    assert "Administration: write" in said


def test_what_the_table_leaves_open_is_named_first() -> None:
    said = steps((CASES / "sizes-and-refusals.yml").read_text()).splitlines()
    assert said[0] == "Change what would stop the run, as the table says: line 13, 15, 22, 23."
    assert said[1] == "Look at what only you can decide, as the table says: line 16."


def test_other_files_are_named_and_the_old_one_goes() -> None:
    said = steps(workflow("cml ci"), *(f"Makefile:{line}: cml ci" for line in range(7)))
    assert "Makefile:4: cml ci; and 2 more." in said
    assert "Read new.yml, and delete old.yml in the same commit: both would run." in said
