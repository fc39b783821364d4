"""The reference of the action: its jobs ask for what the templates give, and each output stands at a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import click
import pytest
import yaml

from cmlkit.cli import cli
from scripts import render_action_page
from tests import documented

TEMPLATES = sorted((documented.ROOT / "workflows").glob("*.yml"))
DESCRIBED = {item["command"]: item for item in render_action_page.described()}
LEVELS = ("none", "read", "write")


def job(command: str) -> Mapping[str, Any]:
    [found] = yaml.safe_load(DESCRIBED[command]["job"]).values()
    return dict(found)


def typed(steps: list[Mapping[str, Any]]) -> list[str]:
    return [step["with"]["command"] for step in steps if "cmlkit/cmlkit@" in step.get("uses", "") and "with" in step]


def jobs_of_templates() -> Iterator[tuple[str, Mapping[str, str]]]:
    for template in TEMPLATES:
        for found in yaml.safe_load(template.read_text())["jobs"].values():
            for line in typed(found.get("steps", [])):
                yield line, found["permissions"]


@pytest.mark.parametrize("command", DESCRIBED)
def test_the_job_of_a_command_runs_it_with_flags_that_it_has(command: str) -> None:
    lines = typed(job(command)["steps"])
    assert lines[-1].startswith(command)
    for line in lines:
        arguments = re.sub(r"\$\{\{.*?\}\}", "1", line).split()
        found, context = cast("click.Command", cli), click.Context(cli)
        while isinstance(found, click.Group):
            _, resolved, arguments = found.resolve_command(context, arguments)
            assert resolved is not None
            found = resolved
        found.make_context(found.name, arguments, parent=context)


def test_a_job_of_the_page_asks_for_no_permission_that_no_template_gives_for_it() -> None:
    seen = []
    for command in DESCRIBED:
        given = [permissions for line, permissions in jobs_of_templates() if line.startswith(command)]
        for name, level in job(command)["permissions"].items() if given else ():
            highest = max(LEVELS.index(permissions.get(name, "none")) for permissions in given)
            assert LEVELS.index(level) <= highest, f"{command}: {name}"
            seen.append(command)
    assert {"due", "runner launch", "train", "publish", "runner stop", "runner reap"} <= set(seen)


def test_each_output_of_the_action_stands_at_a_command_of_the_page() -> None:
    declared = yaml.safe_load(render_action_page.ACTION.read_text())["outputs"]
    by_command = render_action_page.outputs()
    shown = {*DESCRIBED, *(command.split()[0] for command in DESCRIBED)}
    assert set(by_command) - shown == set()
    assert set().union(*by_command.values()) == set(declared)
    page = render_action_page.page()
    assert [name for name in declared if f"| `{name}` |" not in page] == []


def test_each_input_of_the_settings_stands_with_its_default() -> None:
    page = render_action_page.page()
    assert "| `instance-type` | list | `t3.medium, t3a.medium` |" in page
    assert "| `max-lifetime` | duration | `2h` |" in page
    names = yaml.safe_load(render_action_page.ACTION.read_text())["inputs"]
    assert [name for name in names if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize(
    ("output", "command", "text"),
    [
        ("metrics", "model diff", "both values and the change of each, as a JSON array"),
        ("reason", "due", "why a training is due, or why not"),
        ("most-usd", "runner launch", "With `--dry-run`: highest cost of one runner in USD; empty if unknown"),
    ],
)
def test_an_output_of_several_commands_is_told_at_each_in_its_own_words(output: str, command: str, text: str) -> None:
    assert render_action_page.outputs()[command][output] == text
