"""The documentation: its links lead somewhere, its settings load, its snippets print what it says."""

from __future__ import annotations

import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
import pytest

from cmlkit import errors
from cmlkit.cli import COMMANDS, cli
from cmlkit.cli.cml.translation import translated
from cmlkit.gate import rule
from cmlkit.model import file
from cmlkit.settings import schema
from tests import documented
from tests.documented import PAGES, ROOT
from tests.slow.nspawn import SYSTEMS

README = ROOT / "README.md"


def blocks(language: str) -> list[Any]:
    """Every code block of that language, under the name of its page."""
    fence = re.compile(rf"^( *)```{language}\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
    return [
        pytest.param(re.sub(f"^{indent}", "", block, flags=re.MULTILINE), id=f"{path.relative_to(ROOT)}-{number}")
        for path in PAGES
        for number, (indent, block) in enumerate(fence.findall(path.read_text()), start=1)
    ]


def rows(path: Path, header: str) -> list[list[str]]:
    """Cells of the table below this header, without the code marks."""
    lines = path.read_text().split(header, 1)[1].splitlines()[2:]
    table = lines[: next(index for index, line in enumerate([*lines, ""]) if not line.strip().startswith("|"))]
    return [[cell.strip().strip("`") for cell in line.strip().strip("|").split("|")] for line in table]


def leaves(group: click.Group, prefix: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text())
    targets = [link for link in links if not link.startswith(("http://", "https://", "#", "mailto:"))]
    missing = [link for link in targets if not (path.parent / link.partition("#")[0]).exists()]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", path.read_text()):
        if not link.startswith(("http://", "https://")):
            file, _, anchor = link.partition("#")
            target = (path.parent / file) if file else path
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, link


@pytest.mark.parametrize("block", blocks("yaml"))
def test_settings_in_the_documentation_load(block: str, tmp_path: Path) -> None:
    if not re.match(r"(runner|train|publish|gate):", block):
        return
    file = tmp_path / "cmlkit.yaml"
    file.write_text(block)
    for text in schema.load(environ={}, file=file).gate.rules:
        assert rule.parse(text)


@pytest.mark.parametrize("block", blocks("python"))
def test_snippets_run_and_print_what_their_comments_say(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    file.save_model({"stands": "for a model"}, "model/random_forest.joblib")
    exec(compile(block, "snippet", "exec"), {})
    said = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said


def test_excerpts_are_those_of_the_example() -> None:
    examples = [file.read_text() for file in (ROOT / "examples").glob("*/*.py")]
    excerpts = [parameter.values[0] for parameter in blocks("py")]
    assert len(excerpts) >= 5
    assert [excerpt for excerpt in excerpts if not any(excerpt in example for example in examples)] == []


@pytest.mark.parametrize("words", [pytest.param(words, id=shlex.join(words)) for words in documented.commands()])
def test_commands_in_the_documentation_have_the_flags_that_it_gives_them(words: list[str]) -> None:
    command, context = cast("click.Command", cli), click.Context(cli)
    arguments = list(translated(words[1:], environ={}).arguments)
    while isinstance(command, click.Group):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context(command.name, arguments, parent=context)


def test_the_rules_in_the_guide_are_rules() -> None:
    guide = ROOT / "docs" / "how-to" / "gates.md"
    for _, text in rows(guide, "| You want | Rule |"):
        assert rule.parse(text).metric in ("accuracy", "latency_ms")


def test_the_readme_names_every_command() -> None:
    assert {row[0] for row in rows(README, "| Command | What it does |")} == set(leaves(cli, "cmlkit"))
    assert isinstance(cli, click.Group)
    assert set(COMMANDS) == set(cli.list_commands(click.Context(cli)))


def test_the_readme_names_every_exit_code() -> None:
    def classes(parent: type[errors.CmlkitError]) -> Iterator[type[errors.CmlkitError]]:
        yield parent
        for child in parent.__subclasses__():
            yield from classes(child)

    codes = {str(found.exit_code) for found in classes(errors.CmlkitError)}
    assert {row[0] for row in rows(README, "| Exit code | Meaning |")} == {"0", *codes}


def test_the_policies_allow_every_operation_that_is_used() -> None:
    guide = ROOT / "docs" / "how-to" / "oidc.md"
    policies = [(guide.parent / link).read_text() for link in re.findall(r"\]\(([^)]+\.json)\)", guide.read_text())]
    assert len(policies) == 3
    allowed = {
        action.partition(":")[2]
        for policy in policies
        for statement in json.loads(policy)["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    source = "".join(path.read_text() for path in (ROOT / "cmlkit" / "clouds" / "aws").glob("*.py"))
    used = set(re.findall(r'"(describe_\w+)"', source))
    used |= set(re.findall(r"\.((?:run|create|terminate|decode|describe|get)_\w+)\(\s*(?:[A-Z]|\*\*)", source))
    assert {"run_instances", "create_tags", "get_parameters", "describe_images"} <= used
    assert {"".join(map(str.capitalize, name.split("_"))) for name in used} <= allowed


def test_the_defaults_in_the_guide_for_cml_are_those_of_the_settings() -> None:
    guide = ROOT / "docs" / "how-to" / "migrate-from-cml.md"
    ours = {name.replace("`", ""): text for name, _, text in rows(guide, "| | CML | cmlkit |")}
    spec = schema.RunnerSpec()
    assert ours["Type of runner launch"] == ", then ".join(spec.instance_type)
    assert ours["Disk of runner launch"].startswith(f"{spec.disk_size} GiB")
    assert ours["Longest life of an instance"].startswith(f"{spec.max_lifetime / 3600:g}h;")
    assert (spec.market, spec.count) == ("spot-then-on-demand", 1)
    assert ours["Market of runner launch"].startswith("the spot market first, then on demand")


def test_the_systems_that_the_page_says_boot_are_those_that_a_test_boots() -> None:
    table = rows(ROOT / "docs" / "reference" / "systems.md", "| System | Boot script")
    assert {system.partition(",")[0] for system, *_, known in table if known == "boots"} == set(SYSTEMS)
