"""The command line's edge: every failure is a message, an exit code and, in a workflow, an annotation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from cmlkit import cli, errors
from cmlkit.__main__ import run
from cmlkit.errors import CmlkitError


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"], environ={}) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_and_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"], environ={}) == 0
    command = cli.cli.get_command(click.Context(cli.cli), name)
    assert command is not None
    leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        assert f"cmlkit {name}" in (leaf.help or ""), leaf.name


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_flags_in_the_examples_are_those_of_the_command(name: str) -> None:
    command = cli.cli.get_command(click.Context(cli.cli), name)
    assert command is not None
    leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        known = {flag for option in leaf.params for flag in (*option.opts, *option.secondary_opts)}
        for example in re.findall(r"^\s*(?:\w+=\S+ )?cmlkit (.*)", leaf.help or "", re.MULTILINE):
            own = example.partition(" -- ")[0].partition(" | ")[0]
            assert set(re.findall(r"(?<!\S)--[\w-]+", own)) <= known, example


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publsh"], environ={}) == 2
    assert "Did you mean 'publish'?" in capsys.readouterr().err


def test_settings_errors_have_exit_code_2_and_a_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cmlkit.yaml").write_text("runner:\n  regoin: x\n", encoding="utf-8")
    assert run(["config", "show"], environ={}) == 2
    shown = capsys.readouterr().err
    assert "error: cmlkit.yaml:2: runner has no setting 'regoin'." in shown
    assert "next: Did you mean 'region'?" in shown
    assert "Traceback" not in shown


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cmlkit.yaml").write_text("x: 1\n", encoding="utf-8")
    assert run(["--debug", "config", "show"], environ={}) == 2
    assert "Traceback" in capsys.readouterr().err


def test_in_a_workflow_the_error_is_an_annotation_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cmlkit.yaml").write_text("x: 1\n", encoding="utf-8")
    assert run(["config", "show"], environ={"GITHUB_ACTIONS": "true"}) == 2
    assert "::error title=cmlkit::cmlkit.yaml:1:" in capsys.readouterr().err


def test_publishing_without_a_training_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publish"], environ={"GITHUB_REPOSITORY": "octo/model"}) == 2
    assert "Run cmlkit train first" in capsys.readouterr().err


def test_config_show_prints_where_each_value_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cmlkit.yaml").write_text("train:\n  run: python train.py\n", encoding="utf-8")
    assert run(["config", "show", "--json"], environ={"CMLKIT_RUNNER_REGION": "eu-west-1"}) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["train.run"] == {"value": "python train.py", "source": "cmlkit.yaml:2"}
    assert shown["runner.region"] == {"value": ["eu-west-1"], "source": "CMLKIT_RUNNER_REGION"}


def test_every_error_class_has_a_documented_exit_code() -> None:
    documented = errors.__doc__ or ""
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, CmlkitError):
            line = next(line for line in documented.splitlines() if f"{error.__name__} " in line)
            assert f" {error.exit_code} " in line, error.__name__
