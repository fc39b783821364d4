"""The places of results: what could not be published is refused before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.written import check_places


def project(folder: Path, links: Mapping[str, str]) -> Path:
    """A project with these links, and a folder and a file outside of it."""
    here = folder / "project"
    (here / "inside").mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside.txt").touch()
    for name, target in links.items():
        (here / name).symlink_to(target)
    return here


@pytest.mark.parametrize("setting", ["model", "metrics", "plots"])
@pytest.mark.parametrize(
    ("links", "path", "says"),
    [
        ({"model": "../outside"}, "model/m", "links lead out of the project"),
        ({"model": "../outside"}, "model", "links lead out of the project"),
        ({"m": "../outside.txt"}, "m", "links lead out of the project"),
        ({"m": "../not-there-yet"}, "m", "links lead out of the project"),
        ({"m": "/dev/null"}, "m", "to /dev/null"),
        ({"a": "b", "b": ".."}, "a/m", "links lead out of the project"),
        ({"m": "m"}, "m", "no file can be: Too many levels of symbolic links"),
        ({"a": "b", "b": "a"}, "a/m", "no file can be: Too many levels of symbolic links"),
        ({}, "m" * 300, "no file can be: File name too long"),
    ],
)
def test_links_out_of_the_project_are_refused_by_setting_and_place(
    setting: str, links: Mapping[str, str], path: str, says: str, tmp_path: Path
) -> None:
    given = path if setting == "model" else (path,)
    named = {"model": "inside/m", "metrics": (), "plots": (), setting: given}
    spec = TrainSpec(run="true", **named)  # type: ignore[arg-type]
    with pytest.raises(SettingsError) as caught:
        check_places(spec, project(tmp_path, links))
    assert caught.value.message.startswith(f"train.{setting} is {path!r}, which ")
    assert says in caught.value.message
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("links", "path"),
    [
        ({"model": "inside"}, "model/m"),
        ({"model": "inside"}, "model/"),
        ({"m": "inside/not-there-yet"}, "m"),
        ({}, "inside/new/m"),
        ({}, "./inside//m"),
    ],
)
def test_links_within_the_project_and_files_to_come_are_taken(
    links: Mapping[str, str], path: str, tmp_path: Path
) -> None:
    check_places(TrainSpec(run="true", model=path), project(tmp_path, links))


def test_a_project_that_is_itself_behind_a_link_is_inside(tmp_path: Path) -> None:
    here = project(tmp_path, {})
    (tmp_path / "home").symlink_to(here)
    check_places(TrainSpec(run="true", model="inside/m"), tmp_path / "home")
