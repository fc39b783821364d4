"""Issuers and subjects of workflows' tokens, in the forms of GitHub's documentation."""

from __future__ import annotations

import pytest

from cmlkit.forges.github.identity import issuer, subjects


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://github.com", "token.actions.githubusercontent.com"),
        ("https://octocorp.ghe.com", "token.actions.octocorp.ghe.com"),
        ("https://git.corp.example", "git.corp.example/_services/token"),
    ],
)
def test_each_server_vouches_for_its_own_workflows(server: str, expected: str) -> None:
    assert issuer(server) == expected


def test_a_subject_names_the_branch_in_the_form_with_ids_and_in_the_one_without() -> None:
    assert subjects("octocat/my-repo", "main", ids=(123456, 456789)) == (
        "repo:octocat/my-repo:ref:refs/heads/main",
        "repo:octocat@123456/my-repo@456789:ref:refs/heads/main",
    )
    assert subjects("octocat/my-repo", "main")[1] == "repo:octocat@*/my-repo@*:ref:refs/heads/main"


def test_jobs_of_an_environment_have_subjects_of_their_own() -> None:
    found = subjects("octo/forest", "main", environments=("prod:eu",), ids=(1, 2))
    assert found[2:] == ("repo:octo/forest:environment:prod%3Aeu", "repo:octo@1/forest@2:environment:prod%3Aeu")
