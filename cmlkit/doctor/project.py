"""Checks of the project: whether the files that the settings name exist, and the gate's rules parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath

from cmlkit.doctor.finding import Finding, failed, looked, ok, warning
from cmlkit.errors import SettingsError
from cmlkit.formats import plural
from cmlkit.gate import rule
from cmlkit.settings.schema import Settings, TrainSpec
from cmlkit.training.written import check_places


def examined(settings: Settings, directory: Path) -> tuple[Finding, ...]:
    """Return whether the settings say how to train, and whether the gate's rules can be read."""
    return looked("settings", lambda: _examined(settings, directory))


def _examined(settings: Settings, directory: Path) -> Iterator[Finding]:
    train = settings.train
    if not (train.run or train.estimator):
        yield warning("settings", "Nothing says how to train.", "Set `train.run` in cmlkit.yaml, or: cmlkit init.")
    for script in (*_scripts(train.setup), *_scripts(train.run), *_scripts(train.score)):
        if not (directory / script).is_file():
            error = SettingsError(
                f"{script}, which training runs, is missing.", next_step="Add it, or correct `train`."
            )
            yield failed("settings", error)
    yield from looked("settings", partial(_places, train, directory))
    unread = [finding for text in settings.gate.rules for finding in looked("settings", partial(_rule, text))]
    yield from unread
    if not settings.gate.rules:
        yield ok("settings", "The gate has no rules: every model passes.")
    elif read := len(settings.gate.rules) - len(unread):
        yield ok("settings", f"{plural(read, 'gate rule')} can be read.")


def _rule(text: str) -> tuple[Finding, ...]:
    rule.parse(text)
    return ()


def _places(spec: TrainSpec, directory: Path) -> tuple[Finding, ...]:
    check_places(spec, directory)
    return ()


def _scripts(command: str) -> list[str]:
    """Return the Python files that a command runs, relative to the project's root; `cd` is followed."""
    folder, scripts = PurePosixPath(), list[str]()
    for part in re.split(r"&&|;|\n", command):
        words = part.split()
        if words[:1] == ["cd"]:
            folder = folder.joinpath(*words[1:2])
        ran = [word for before, word in pairwise(words) if before in ("python", "python3") and word.endswith(".py")]
        scripts += [str(folder / word) for word in ran]
    # A variable's value is known only when the command runs.
    return [script for script in scripts if "$" not in script]
