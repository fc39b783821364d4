"""Facts of a forge that need no request: name, limits, and addresses of its pages."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.git.limits import FileLimits


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The longest texts and the largest files.

    Attributes:
        text: Exclusive limit of a comment or a pull request's body, in code points.
        summary: The longest summary of a check, in bytes of UTF-8.
        title: The longest title of a pull request, in code points.
        files: Limits on file sizes.
    """

    text: int
    summary: int
    title: int
    files: FileLimits


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Templates of web addresses, with {repository} (its address), {commit} and {path} (percent-encoded).

    Attributes:
        file: The page of a file.
        image: The content of a file, for everyone who may read the repository.
    """

    commit: str
    file: str
    image: str


@dataclass(frozen=True, kw_only=True)
class ForgeFacts:
    """Facts of a forge that hold for all of its repositories."""

    name: str
    limits: Limits
    addresses: Addresses
