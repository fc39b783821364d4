"""Seeding: actions on GitHub that no endpoint here offers: forks, milestones, reviews, attestations."""

from __future__ import annotations

from collections.abc import Iterable

from cmlkit_sandbox.github.discussion import (
    Comment,
    Milestone,
    PullRequest,
    Review,
)
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.repository import Repository


def add_fork(hub: Hub, full_name: str, owner: str) -> Repository:
    """Fork a repository with its current branches."""
    parent = hub.repository(full_name)
    fork = hub.add_repository(f"{owner}/{parent.name}", source=None, private=parent.private)
    fork.parent = parent
    # As GitHub does, which keeps the objects of a repository and its forks in one place.
    (fork.git.path / "objects" / "info" / "alternates").write_text(f"{parent.git.path / 'objects'}\n")
    fork.git.git("fetch", "--quiet", str(parent.git.path), "+refs/heads/*:refs/heads/*")
    return fork


def rename(hub: Hub, full_name: str, new_name: str) -> None:
    """Rename a repository; its old name redirects."""
    repository = hub.repository(full_name)
    hub.former_names[repository.full_name.lower()] = repository
    del hub.repositories[repository.full_name.lower()]
    repository.name = new_name
    hub.repositories[repository.full_name.lower()] = repository


def delete_account(hub: Hub, login: str) -> None:
    """Delete an account; GitHub then shows `null` or `ghost` as the author of what it wrote."""
    hub.deleted.add(hub.accounts[login.lower()].id)


def add_milestone(hub: Hub, full_name: str, title: str) -> Milestone:
    repository = hub.repository(full_name)
    number = len(repository.milestones) + 1
    milestone = Milestone(
        id=hub.next_id(), number=number, title=title, creator=repository.owner, created=hub.timestamp()
    )
    repository.milestones[number] = milestone
    return milestone


def add_attestation(hub: Hub, full_name: str, *, name: str, sha256: str, run: str, workflow: str) -> None:
    """Add provenance of a file, in the form of actions/attest-build-provenance."""
    repository = hub.repository(full_name)
    source = {
        "repository": f"{hub.url}/{full_name}",
        "path": workflow,
        "ref": f"refs/heads/{repository.default_branch}",
    }
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"externalParameters": {"workflow": source}},
            "runDetails": {"metadata": {"invocationId": f"{hub.url}/{full_name}/actions/runs/{run}/attempts/1"}},
        },
    }
    repository.attestations.setdefault(f"sha256:{sha256}", []).append(statement)


def add_review(hub: Hub, full_name: str, number: int, login: str, *, state: str = "APPROVED", body: str = "") -> Review:
    """Add a person's review of a pull request: `state` is APPROVED, CHANGES_REQUESTED or COMMENTED."""
    pull = hub.repository(full_name).issues[number]
    assert isinstance(pull, PullRequest)
    review = Review(
        id=hub.next_id(),
        author=hub.account(login),
        state=state,
        body=body,
        sha=pull.head_sha,
        submitted=hub.timestamp(),
    )
    pull.reviews.append(review)
    return review


def add_comments(hub: Hub, full_name: str, number: int, login: str, bodies: Iterable[str]) -> None:
    """Add comments to an issue or pull request, without a request for each."""
    repository, author, now = hub.repository(full_name), hub.account(login), hub.timestamp()
    with repository.lock:
        for body in bodies:
            comment = Comment(id=hub.next_id(), number=number, author=author, body=body, created=now, updated=now)
            repository.comments[comment.id] = comment
            repository.issues[number].comments.append(comment.id)
