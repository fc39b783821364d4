"""The repository's workflows that use cmlkit, and the secrets and variables that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cmlkit.bounds.files import SETTINGS_BYTES, read_small
from cmlkit.doctor.finding import Finding, ok, warning

FOLDER = Path(".github/workflows")
# Those that a run needs; others may be optional, and GITHUB_TOKEN is always there.
SECRETS = ("CMLKIT_RUNNER_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
VARIABLES = ("AWS_ROLE_ARN",)
# A job whose steps stand in another repository's workflow, which a checkout does not have.
_CALLS_ELSEWHERE = re.compile(r"^[ \t]*uses:[ \t]*['\"]?[^\s./][^\s]*/\.github/workflows/", re.MULTILINE)
_TELLS = re.compile(r"\b(?:runner[ \t]+stop|workflow[ \t]+notify)\b")


@dataclass(frozen=True, kw_only=True)
class Named:
    """Names that the workflows use.

    Attributes:
        files: Workflows that use cmlkit, relative to the repository.
        has_environments: Whether one of their jobs has an environment, which may have secrets and variables of its own.
        calls_elsewhere: Whether a workflow here calls one of another repository, whose names are not known.
        tells: Whether one of their jobs tells of failures, if `publish.notify` is set.
    """

    files: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    has_environments: bool = False
    calls_elsewhere: bool = False
    tells: bool = False

    def needs(self, name: str) -> bool:
        """Return whether a run may need the secret or variable: it does if no file here can tell."""
        return not self.files or self.calls_elsewhere or name in (*self.secrets, *self.variables)


def named(directory: Path) -> Named:
    """Return what the workflows of the repository around a folder name."""
    # GitHub reads workflows at the repository's root only; the project may be a folder of it.
    root = next((folder for folder in (directory, *directory.parents) if (folder / ".git").exists()), directory)
    texts: dict[str, str] = {}
    calls_elsewhere = False
    for path in sorted([*(root / FOLDER).glob("*.yml"), *(root / FOLDER).glob("*.yaml")]):
        text = (read_small(path, SETTINGS_BYTES) or b"").decode("utf-8", "replace")
        # A line that is commented out is no use.
        used = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        calls_elsewhere = calls_elsewhere or _CALLS_ELSEWHERE.search(used) is not None
        if "cmlkit" in used:
            texts[path.relative_to(root).as_posix()] = used
    together = "\n".join(texts.values())
    return Named(
        files=tuple(texts),
        secrets=tuple(name for name in SECRETS if re.search(_of("secrets", name), together)),
        variables=tuple(name for name in VARIABLES if re.search(_of("vars", name), together)),
        has_environments=re.search(r"^[ \t]*environment:", together, re.MULTILINE) is not None,
        calls_elsewhere=calls_elsewhere,
        tells=_TELLS.search(together) is not None,
    )


def _of(context: str, name: str) -> str:
    """Return the pattern of a name in a context, as `secrets.NAME` or `secrets['NAME']`, in any case.

    https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#about-contexts
    """
    return rf"(?i)\b{context}(?:\.{name}\b|\['{name}'\])"


def examined(found: Named, *, notify: str) -> Iterator[Finding]:
    """Yield whether a workflow uses cmlkit, and whether one tells of failures if `publish.notify` asks for it."""
    if found.files:
        yield ok("workflow", f"{', '.join(found.files)} {'uses' if len(found.files) == 1 else 'use'} cmlkit.")
    else:
        yield warning("workflow", f"No workflow in {FOLDER} uses cmlkit.", "Write one: cmlkit init.")
    if notify and found.files and not (found.tells or found.calls_elsewhere):
        yield warning(
            "workflow",
            "publish.notify is set, but no job here tells of failures: none runs runner stop or workflow notify.",
            "Add the job notify of workflows/train-here.yml.",
        )
