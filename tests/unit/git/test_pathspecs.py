"""What people name for a pull request: paths, patterns as in CML (globby) and shells, and git's pathspecs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.git.pathspecs import named, without_braces


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("model/m.bin", ":(literal)model/m.bin"),
        ("*.json", ":(glob)*.json"),
        ("**/*.json", ":(glob)**/*.json"),
        ("data.?", ":(glob)data.?"),
        (":(top)*.txt", ":(top)*.txt"),
        ("-dash", ":(literal)-dash"),
    ],
)
def test_an_argument_is_a_path_a_pattern_or_a_pathspec(tmp_path: Path, text: str, spec: str) -> None:
    assert named([text], directory=tmp_path).specs == (spec,)


@pytest.mark.parametrize("name", ["[a].csv", "what?.txt", "{a,b}", "!important", ":x", "*"])
def test_a_name_that_exists_is_that_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert named([name], directory=tmp_path).specs == (f":(literal){name}",)


def test_an_exclamation_mark_excludes_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = named([".", "!out", "!*.{csv,tmp}", ":!key.env"], directory=tmp_path)
    assert found.excluded == (
        ":(exclude,glob)out/**",
        ":(exclude,glob)*.csv",
        ":(exclude,glob)*.tmp",
        ":!key.env",
    )


@pytest.mark.parametrize("given", [[], ["!a"], [":!a"]])
def test_exclusions_alone_name_nothing(tmp_path: Path, given: list[str]) -> None:
    assert named(given, directory=tmp_path).specs == ()


@pytest.mark.parametrize(
    ("pattern", "patterns"),
    [
        ("a", ["a"]),
        ("{a,b}/c", ["a/c", "b/c"]),
        ("{a,b}{1,2}", ["a1", "a2", "b1", "b2"]),
        ("x{a,{b,c}}", ["xa", "xb", "xa", "xc"]),
        ("{a}", ["{a}"]),
    ],
)
def test_braces_stand_for_each_choice(pattern: str, patterns: list[str]) -> None:
    assert without_braces(pattern) == patterns
