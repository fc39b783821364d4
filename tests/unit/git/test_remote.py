"""A remote's address, in the forms of git's documentation and of GitHub's, GitLab's and Azure's."""

from __future__ import annotations

import pytest

from cmlkit.git.remote import Remote, parsed

# What `ssh -G` says of aliases in a person's ~/.ssh/config.
ALIASES = {"github.com-work": "github.com", "work": "git.corp.example"}


@pytest.mark.parametrize(
    ("address", "server", "repository"),
    [
        ("https://github.com/octo/forest.git", "https://github.com", "octo/forest"),
        ("https://github.com/octo/forest/", "https://github.com", "octo/forest"),
        ("https://www.github.com/octo/forest", "https://github.com", "octo/forest"),
        ("https://GitHub.com/octo/Forest", "https://github.com", "octo/Forest"),
        ("https://ann:secret@github.com/octo/forest.git", "https://github.com", "octo/forest"),
        ("git@github.com:octo/forest.git", "https://github.com", "octo/forest"),
        ("github.com:octo/forest", "https://github.com", "octo/forest"),
        ("org-1234@github.com:octo/forest.git", "https://github.com", "octo/forest"),
        ("ssh://git@github.com/octo/forest.git", "https://github.com", "octo/forest"),
        ("ssh://git@ssh.github.com:443/octo/forest.git", "https://github.com", "octo/forest"),
        ("git+ssh://git@github.com/octo/forest.git", "https://github.com", "octo/forest"),
        ("git://github.com/octo/forest.git", "https://github.com", "octo/forest"),
        ("git@github.com-work:octo/forest.git", "https://github.com", "octo/forest"),
        ("git@github.com:octo/forest.js.git", "https://github.com", "octo/forest.js"),
        ("git@git.corp.example:octo/forest.git", "https://git.corp.example", "octo/forest"),
        ("ssh://git@git.corp.example:2222/octo/forest.git", "https://git.corp.example", "octo/forest"),
        ("https://git.corp.example:8443/octo/forest.git", "https://git.corp.example:8443", "octo/forest"),
        ("http://git.corp.example/octo/forest.git", "http://git.corp.example", "octo/forest"),
        ("work:octo/forest", "https://git.corp.example", "octo/forest"),
        ("git@octocorp.ghe.com:octo/forest.git", "https://octocorp.ghe.com", "octo/forest"),
        ("https://gitlab.com/group/subgroup/forest.git", "https://gitlab.com", "group/subgroup/forest"),
        ("ssh://git@[2001:db8::1]:22/octo/forest.git", "https://[2001:db8::1]", "octo/forest"),
        ("git@ssh.dev.azure.com:v3/octo/project/forest", "https://ssh.dev.azure.com", "v3/octo/project/forest"),
    ],
)
def test_an_address_names_a_server_and_a_repository(address: str, server: str, repository: str) -> None:
    found = parsed(address, resolve=lambda host: ALIASES.get(host, host))
    assert found == Remote(server=server, repository=repository)


@pytest.mark.parametrize(
    "address",
    [
        *("", "/srv/git/octo/forest.git", "../forest.git", "./octo/forest", "file:///srv/git/octo/forest.git"),
        *(r"C:\git\octo\forest", "C:/git/octo/forest", "https://github.com/forest", "https://github.com:x/octo/forest"),
        # A program that brings the bytes: https://git-scm.com/docs/gitremote-helpers
        *("ext::ssh -p 22 host octo/forest", "codecommit::eu-west-1://octo/forest", "--upload-pack=octo/forest"),
    ],
)
def test_an_address_of_no_server_is_not_taken_for_one(address: str) -> None:
    assert parsed(address) is None
