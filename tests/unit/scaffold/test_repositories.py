"""Kinds of repositories: what `cmlkit init` makes of each, and what it says of its guesses."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import yaml

from cmlkit.scaffold.confession import WIDTH, of_guess
from cmlkit.scaffold.guess import Guess, guess
from cmlkit.scaffold.project import Project
from cmlkit.scaffold.settings_text import settings_file
from tests.unit.scaffold.repositories import REPOSITORIES, Repository


def guessed(repository: Repository) -> Guess:
    def ignores(paths: Collection[str]) -> frozenset[str]:
        return frozenset(path for path in paths if path.startswith(repository.ignored or ("\0",)))

    files = repository.files
    return guess(Project(files=files, read=files.__getitem__, ignored=repository.ignored, ignores=ignores))


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_what_a_repository_has_is_guessed(kind: str) -> None:
    repository = REPOSITORIES[kind]
    found = guessed(repository).train
    assert {key: found.get(key, "") for key in repository.train} == repository.train


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_what_is_passed_over_or_lacking_is_told(kind: str) -> None:
    repository, found = REPOSITORIES[kind], guessed(REPOSITORIES[kind])
    assert found.candidates == repository.candidates
    for told, wanted in (
        ({", ".join(item.paths): item.why for item in found.unused}, repository.unused),
        ({item.what: item.why for item in found.lacking}, repository.lacking),
    ):
        assert set(told) == set(wanted)
        assert [name for name, words in wanted.items() if words not in told[name]] == []
    assert all(item.ways for item in found.lacking), "each has a way out"


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_each_guess_says_what_it_is_made_from_within_80_columns(kind: str) -> None:
    found = guessed(REPOSITORIES[kind])
    values = {key for key, value in {**found.train, **found.runner}.items() if value}
    assert set(found.because) == values
    lines = list(of_guess(found, said={}, defaults=dict.fromkeys(found.missing, "x"), file="cmlkit.yaml").lines())
    assert [line for line in lines if len(line) > WIDTH and len(line.split()) > 2] == []
    assert len(lines) < 40, "a newcomer reads it within a minute"


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_what_is_guessed_comes_back_from_the_settings_file(kind: str) -> None:
    found = guessed(REPOSITORIES[kind])
    assert yaml.safe_load(settings_file({"train": found.train, "runner": found.runner})).get("train") == found.train
