"""The generated reference is what the code says, and the site's links stay whole."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import cmlkit
from cmlkit.cli.cml.commands import COMMANDS
from cmlkit.cli.cml.flags import Nothing, Refused
from scripts import (
    render_action_page,
    render_commands,
    render_guide,
    render_home,
    render_python,
    render_reference,
    site_links,
)

GUIDES = sorted((render_reference.ROOT / "docs" / "how-to").glob("migrate-from-*.md"))


def flags() -> dict[str, set[str]]:
    """The flags that each command shows, by its words."""
    return {
        path.removeprefix("cmlkit "): {
            name for option in command.params if not getattr(option, "hidden", False) for name in option.opts
        }
        for path, command in render_commands.leaves()
    }


@pytest.mark.parametrize("name", render_reference.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    written = (render_reference.REFERENCE / name).read_text(encoding="utf-8")
    assert written == render_reference.PAGES[name](), "Run: python -m scripts.render_reference --write"


def test_the_guide_has_the_flags_that_the_translator_has() -> None:
    text = render_guide.GUIDE.read_text(encoding="utf-8")
    assert text == render_guide.rendered(text), "Run: python -m scripts.render_guide --write"
    assert set(re.findall("<!-- flags of (.*) -->", text)) == (
        {"every command", *(" ".join(command.path) for command in COMMANDS if command.refusal is None)}
    )


def test_a_flag_that_a_command_has_is_not_said_to_be_refused_or_without_effect() -> None:
    named = [
        f"{' '.join(command.path)} {flag.name}"
        for command in COMMANDS
        for flag in command.flags
        if isinstance(flag.fate, Nothing | Refused) and flag.name in flags().get(" ".join(command.path), ())
    ]
    assert named == [], "cmlkit/cli/cml/commands.py: Same() is their fate now."


def test_the_python_page_has_every_public_name() -> None:
    page = render_python.page()
    assert [name for name in cmlkit._HOMES if f"\n### {name}\n" not in page] == []


def test_each_name_of_the_python_page_has_an_address_of_its_own() -> None:
    headings = [heading.lower() for heading in re.findall(r"^#+ (.+)$", render_python.page(), re.MULTILINE)]
    assert len(headings) == len(set(headings))


def test_each_exported_function_has_an_example_and_each_example_a_name() -> None:
    functions = {name for name in cmlkit._HOMES if inspect.isfunction(getattr(cmlkit, name))}
    shown = render_python.examples()
    assert [name for name in functions if "```py" not in shown.get(name, "")] == [], render_python.EXAMPLES
    assert set(shown) <= set(cmlkit._HOMES)


def test_the_page_of_commands_has_each_own_flag_once_and_links_the_settings() -> None:
    sections = dict(re.findall(r"^## (cmlkit [a-z ]+)\n(.*?)(?=^## |\Z)", render_commands.page(), re.M | re.S))
    assert "[runner](settings.md#runner)." in sections["cmlkit runner launch"]
    assert "[`--region`](settings.md#runner-region)." in sections["cmlkit runner list"]
    assert "| `--all` |" in sections["cmlkit runner stop"]
    assert "`--idle-timeout`" not in render_commands.page()


def test_the_home_page_begins_as_the_readme_without_its_badges_and_with_links_that_fit() -> None:
    readme = (
        "# cmlkit\n\n[![CI](https://x/badge.svg)](https://x)\n\nIt trains: see [docs](docs/tutorial.md).\n\n"
        "![A picture](docs/images/a.png)\n\n[License](LICENSE)\n\n### Train here\n\n1. Type:\n\n    make demo\n\n"
        "### What to train\n\nAnything.\n"
    )
    assert render_home.beginning(readme) == (
        "It trains: see [docs](tutorial.md).\n\n![A picture](images/a.png)\n\n[License](../LICENSE)\n\n"
        "### Train here\n\n1. Type:\n\n    make demo"
    )


def test_the_home_page_has_the_readmes_picture_and_its_two_steps_once() -> None:
    steps = re.findall(r"^### (.+)", render_home.page(), re.MULTILINE)
    assert steps == ["Train here", "Train on EC2"]
    assert render_home.page().count("![") == 1
    assert render_home.page().count("cmlkit init --on ec2") == 1


def test_a_link_below_the_documentation_stays_relative() -> None:
    assert site_links.outward("../tutorial.md", folder="docs/how-to", repository="https://forge") == "../tutorial.md"


def test_a_link_out_of_the_documentation_leads_to_the_repository() -> None:
    found = site_links.outward("../../workflows/reap.yml", folder="docs/how-to", repository="https://forge")
    assert found == "https://forge/blob/main/workflows/reap.yml"


def right_column(guide: Path) -> str:
    rows = [line.split(" | ", 1) for line in guide.read_text().splitlines() if line.startswith("| ")]
    return "\n".join(row[1] for row in rows)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_to_migrate_names_commands_that_exist(guide: Path) -> None:
    named = re.findall(r"`(cmlkit [a-z]+ [a-z]+)", right_column(guide))
    assert [name for name in named if f"## {name}\n" not in render_commands.page()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_to_migrate_names_flags_that_exist(guide: Path) -> None:
    rows = [line.strip("| ").split(" | ") for line in guide.read_text().splitlines() if line.startswith("| `")]
    named = [re.findall(r"`(--[a-z-]+)", left if right.startswith("the same") else right) for left, right, *_ in rows]
    assert set().union(*named) - set().union(*flags().values()) == set()


def test_the_guide_for_the_action_names_inputs_and_outputs_that_exist() -> None:
    [guide] = [path for path in GUIDES if path.stem.endswith("ec2-github-runner")]
    rows = [line.strip("| ").split(" | ") for line in guide.read_text().splitlines() if line.startswith("| `")]
    named = {name for _, right in rows for name in re.findall(r"^(?:output )?`([a-z-]+)`", right)}
    assert {name for name in named if f"| `{name}` |" not in render_action_page.page()} == set()
