"""What is known of a forge without asking it: its name, its limits, and where people see things."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.git.limits import FileLimits


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long texts may be, in code points.

    Attributes:
        text: A comment, the body of a pull request, or the summary of a check must stay below this.
        title: The longest title of a pull request.
        files: How large files may be.
    """

    text: int
    title: int
    files: FileLimits


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Templates of what people open, with {repository} (its address), {commit} and {path} (percent-encoded).

    Attributes:
        file: The page of a file.
        image: The bytes of a file, for whoever may read the repository.
    """

    commit: str
    file: str
    image: str


@dataclass(frozen=True, kw_only=True)
class ForgeFacts:
    """A forge, as far as it is the same for all repositories."""

    name: str
    limits: Limits
    addresses: Addresses
