"""The project, examined: whether what the settings name is there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from cmlkit import rule
from cmlkit.config import Settings
from cmlkit.doctor.finding import Finding, failed, looked, ok, warning
from cmlkit.errors import SettingsError


def examined(settings: Settings, directory: Path) -> tuple[Finding, ...]:
    """Whether the settings say how to train, and the gate's rules can be read."""
    return looked("settings", lambda: _examined(settings, directory))


def _examined(settings: Settings, directory: Path) -> Iterator[Finding]:
    train = settings.train
    if not (train.run or train.estimator):
        yield warning("settings", "Nothing says how to train.", "Set `train.run` in cmlkit.yaml, or: cmlkit init.")
    for script in _scripts(f"{train.setup} {train.run}"):
        if not (directory / script).is_file():
            error = SettingsError(
                f"{script}, which training runs, is not there.", next_step="Add it, or correct `train`."
            )
            yield failed("settings", error)
    for text in settings.gate.rules:
        rule.parse(text)
    yield ok("settings", f"{len(settings.gate.rules)} gate rules can be read.")


def _scripts(command: str) -> list[str]:
    """The Python files that a command runs by their path."""
    words = command.replace("&&", " ").replace(";", " ").split()
    return [word for before, word in pairwise(words) if before in ("python", "python3") and word.endswith(".py")]
