"""What people do on GitHub that no endpoint here does: forks, milestones, reviews, many comments, new names."""

from __future__ import annotations

from collections.abc import Iterable

from cmlkit.sandbox.github.discussion import Comment, Milestone, PullRequest, Review
from cmlkit.sandbox.github.hub import Hub
from cmlkit.sandbox.github.repository import Repository


def add_fork(hub: Hub, full_name: str, owner: str) -> Repository:
    """A fork of a repository, with its branches as they are now."""
    parent = hub.repository(full_name)
    fork = hub.add_repository(f"{owner}/{parent.name}", source=None, private=parent.private)
    fork.parent = parent
    fork.git.git("fetch", "--quiet", str(parent.git.path), "+refs/heads/*:refs/heads/*")
    return fork


def rename(hub: Hub, full_name: str, new_name: str) -> None:
    """Give a repository another name; its old one redirects from now on."""
    repository = hub.repository(full_name)
    hub.former_names[repository.full_name.lower()] = repository
    del hub.repositories[repository.full_name.lower()]
    repository.name = new_name
    hub.repositories[repository.full_name.lower()] = repository


def add_milestone(hub: Hub, full_name: str, title: str) -> Milestone:
    repository = hub.repository(full_name)
    number = len(repository.milestones) + 1
    milestone = Milestone(
        id=hub.next_id(), number=number, title=title, creator=repository.owner, created=hub.timestamp()
    )
    repository.milestones[number] = milestone
    return milestone


def add_review(hub: Hub, full_name: str, number: int, login: str, *, state: str = "APPROVED", body: str = "") -> Review:
    """A person's review of a pull request: `state` is APPROVED, CHANGES_REQUESTED or COMMENTED."""
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
    """Comments on an issue or pull request, without a request for each."""
    repository, author, now = hub.repository(full_name), hub.account(login), hub.timestamp()
    with repository.lock:
        for body in bodies:
            comment = Comment(id=hub.next_id(), number=number, author=author, body=body, created=now, updated=now)
            repository.comments[comment.id] = comment
            repository.issues[number].comments.append(comment.id)
