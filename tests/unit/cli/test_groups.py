"""Help that shows first what most people set, and answers to names that no command has."""

from __future__ import annotations

import re

import pytest

from cmlkit.__main__ import run
from cmlkit.cli import BUILDING_BLOCKS, COMMANDS
from scripts.render_commands import leaves

Captured = pytest.CaptureFixture[str]


def helped(line: str, capsys: Captured) -> dict[str, str]:
    """The parts of a command's help, by their titles."""
    assert run([*line.split(), "--help"], environ={}) == 0
    parts = re.split(r"^(\w[\w ]+):$", capsys.readouterr().out, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def named(text: str) -> list[str]:
    return re.findall(r"^  (--[a-z-]+|[a-z]+)\b", text, flags=re.MULTILINE)


def test_the_building_blocks_stand_apart(capsys: Captured) -> None:
    parts = helped("", capsys)
    assert set(named(parts["Building blocks"])) == set(BUILDING_BLOCKS)
    assert set(named(parts["Commands"])) == set(COMMANDS) - set(BUILDING_BLOCKS)


def test_the_common_settings_stand_before_the_further_ones(capsys: Captured) -> None:
    parts = helped("runner launch", capsys)
    assert list(parts) == ["Options", "Common settings", "Further settings"]
    assert named(parts["Options"])[:5] == ["--dry-run", "--preflight", "--config", "--json", "--debug"]
    assert {"--instance-type", "--region", "--max-lifetime"} <= set(named(parts["Common settings"]))
    assert {"--proxy", "--disk-type", "--runner-group"} <= set(named(parts["Further settings"]))
    assert len(named(parts["Common settings"])) < len(named(parts["Further settings"]))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("runner list", {"--cloud", "--region"}),
        ("runner stop", {"--cloud", "--region", "--scope", "--runner-group"}),
        ("runner reap", {"--cloud", "--region", "--scope", "--runner-group"}),
        ("report", {"--base", "--gate", "--directions", "--primary-metric"}),
    ],
)
def test_a_command_shows_no_flag_that_does_nothing_for_it(line: str, shown: set[str], capsys: Captured) -> None:
    assert set(named(helped(line, capsys)["Settings"])) == shown


def test_an_image_shows_the_flags_of_its_recipe_and_of_the_instance_that_checks_it(capsys: Captured) -> None:
    parts = helped("runner image", capsys)
    shown = {*named(parts["Common settings"]), *named(parts["Further settings"])}
    assert {"--startup-script", "--proxy", "--arch", "--scope", "--region", "--subnet", "--wait-timeout"} <= shown
    of_a_job = {"--image", "--count", "--labels", "--idle-timeout", "--max-lifetime", "--keep-on-failure", "--docker"}
    assert not shown & {*of_a_job, "--sudo", "--iam-instance-profile", "--capacity-timeout", "--minute-price"}


@pytest.mark.parametrize("line", ["runner list", "runner stop", "runner reap", "runner image"])
def test_such_a_flag_is_still_accepted_with_a_warning(line: str, capsys: Captured) -> None:
    environ = {"GITHUB_REPOSITORY": "octo/forest", "CMLKIT_RUNNER_CPUS": "2", "CMLKIT_RUNNER_CLOUD": "none"}
    assert run([*line.split(), "--docker", "--max-lifetime", "1h"], environ=environ) != 0
    said = capsys.readouterr().err
    assert f"--max-lifetime has no effect on cmlkit {line}." in said
    assert f"--docker has no effect on cmlkit {line}." in said
    assert "No such option" not in said
    assert "cpus" not in said


@pytest.mark.parametrize("line", [path.removeprefix("cmlkit ") for path, _ in leaves()])
def test_at_50_columns_each_explanation_keeps_most_of_the_width(
    line: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    for title, text in helped(line, capsys).items():
        for row in text.splitlines():
            # A word, such as a long file name, may be longer than its column.
            assert len(row) <= 50 or len(row.split()) <= 2 or row.lstrip().startswith("-"), (title, row)
            assert len(row) - len(row.lstrip()) <= 20, (title, row)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("publsh", "'publish'"),
        ("lanch", "'cmlkit runner launch'"),
        ("stop", "'cmlkit runner stop'"),
        ("lis", "'cmlkit runner list' or 'cmlkit model list'"),
        ("show", "'cmlkit model show' or 'cmlkit config show'"),
        ("runner lanch", "'launch'"),
        ("runner train", "'cmlkit train'"),
        ("model promte", "'promote'"),
    ],
)
def test_a_command_that_is_misspelt_or_in_another_group_is_suggested(line: str, meant: str, capsys: Captured) -> None:
    assert run(line.split(), environ={}) == 2
    assert f"Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--json config show", "Did you mean '--json', behind the command, as in `cmlkit COMMAND --json`?"),
        ("model --jsno show x", "Did you mean '--json', behind the command, as in `cmlkit model COMMAND --json`?"),
        ("--verison", "Did you mean '--version'?"),
        ("runner launch --instanc-type x", "Did you mean '--instance-type'?"),
        ("train --region x", "It sets runner.region, which is nothing to this command"),
    ],
)
def test_a_flag_in_the_wrong_place_is_told_its_own(line: str, said: str, capsys: Captured) -> None:
    assert run(line.split(), environ={}) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_name_that_is_near_nothing_lists_the_commands(capsys: Captured) -> None:
    assert run(["zzz"], environ={}) == 2
    assert "Known: init, demo" in " ".join(capsys.readouterr().err.split())
