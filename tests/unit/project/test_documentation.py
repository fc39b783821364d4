"""The documentation: its links lead somewhere, its settings load, its snippets print what it says."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
import pytest
import yaml
from jsonschema import Draft7Validator

from cmlkit import errors
from cmlkit.cli import COMMANDS, cli
from cmlkit.cli.cml.translation import translated
from cmlkit.clouds.aws import access
from cmlkit.gate import metrics_files, rule
from cmlkit.model import file
from cmlkit.scaffold import templates
from cmlkit.settings import schema
from cmlkit.settings.json_schema import json_schema
from tests import documented
from tests.documented import PAGES, ROOT
from tests.slow.fault_summary import FLOORS, LEAST_IN_ALL
from tests.slow.nspawn import SYSTEMS

README = ROOT / "README.md"
SETTINGS_FILES = sorted((ROOT / "examples").glob("*/cmlkit.yaml"))
SHOWN_AS_WRONG = ("cmlkit runner lanch",)


def blocks(*languages: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in documented.blocks(*languages)]


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


def alternatives(words: list[str]) -> list[list[str]]:
    """The commands that `launch|stop|list` stands for."""
    chosen = [word.split("|") for word in words]
    return [list(each) for each in itertools.product(*chosen)]


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
            assert anchor in {*slugs, *re.findall(r'<a id="([^"]+)">', target.read_text())}, link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_is_found_and_in_a_language_that_a_test_reads(path: Path) -> None:
    found = documented.blocks(pages=[path])
    assert documented.fences(path) == 2 * len(found)
    read = {"yaml", "json", "python", "py", "console", *documented.SHELL, *documented.OUTPUT}
    assert [str(block) for block in found if block.language not in read] == []
    assert path in documented.RENDERED or not [block for block in found if block.language == "console"]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_block_of_yaml_is_of_a_kind_that_a_test_checks(block: documented.Block, tmp_path: Path) -> None:
    """Settings load; the rest is part of a workflow, which tests/integration/test_documented_commands.py checks."""
    content = yaml.safe_load(block.text)
    kind = documented.kind(content)
    assert kind is not None
    if kind == "settings":
        file = tmp_path / "cmlkit.yaml"
        file.write_text(block.text)
        for text in schema.load(environ={}, file=file).gate.rules:
            assert rule.parse(text)
        assert list(Draft7Validator(json_schema()).iter_errors(content)) == []


@pytest.mark.parametrize("file", SETTINGS_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_settings_of_an_example_load_and_an_editor_finds_nothing_wrong_with_them(file: Path) -> None:
    assert schema.load(environ={}, file=file).gate.rules
    assert list(Draft7Validator(json_schema()).iter_errors(yaml.safe_load(file.read_text()))) == []


def test_the_page_of_examples_has_each_of_them_with_its_model_and_rules() -> None:
    table = rows(ROOT / "docs" / "reference" / "examples.md", "| Example | `train.model` | Format | Rules |")
    told = {re.findall(r"examples/([\w-]+)/", name)[0]: (model, rules.split("`, `")) for name, model, _, rules in table}
    settings = {file.parent.name: schema.load(environ={}, file=file) for file in SETTINGS_FILES}
    assert told == {name: (each.train.model, list(each.gate.rules)) for name, each in settings.items()}


@pytest.mark.parametrize("block", blocks("yaml"))
def test_steps_give_the_action_inputs_that_it_has(block: documented.Block) -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    given = [
        name
        for step in documented.steps(yaml.safe_load(block.text))
        if str(step.get("uses", "")) == templates.ACTION
        for name in step.get("with", {})
    ]
    assert [name for name in given if name not in inputs] == []


def test_pages_and_templates_name_the_action_as_init_writes_it() -> None:
    files = [*(page for page in PAGES if page.name != "CHANGELOG.md"), *(ROOT / "workflows").glob("*.yml")]
    named = {name for file in files for name in re.findall(r"[\w.-]+/cmlkit@[\w.]+", file.read_text())}
    one_release = f"{templates.ACTION}.2.3"  # in the table of what a version means
    assert named == {templates.ACTION, one_release}


@pytest.mark.parametrize("block", blocks("json"))
def test_blocks_of_json_are_documents_for_aws(block: documented.Block) -> None:
    """tests/reality/test_iam_policies.py decides by those that are policies."""
    [version] = [name for name in ("Statement", "Rules") if name in json.loads(block.text)]
    assert version


@pytest.mark.parametrize("block", blocks("python"))
def test_snippets_run_and_print_what_their_comments_say(
    block: documented.Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    file.save_model({"stands": "for a model"}, "model/random_forest.joblib")
    try:
        exec(compile(block.text, "snippet", "exec"), {})
    finally:
        signal.signal(signal.SIGTERM, before)
    said = re.findall(r"^ *print\(.*\)  # (.*)$", block.text, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said


def test_excerpts_are_those_of_the_example() -> None:
    examples = [file.read_text() for file in (ROOT / "examples").glob("*/*.py")]
    excerpts = [block.text for block in documented.blocks("py")]
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


@pytest.mark.parametrize("span", [span for span in documented.spans() if span.startswith("cmlkit ")])
def test_commands_within_sentences_exist_with_their_flags(span: str) -> None:
    words = [word for word in shlex.split(span)[1:] if word != "…"]
    if span in SHOWN_AS_WRONG:
        return
    for alternative in alternatives(words):
        command, flags = cast("click.Command", cli), list(translated(alternative, environ={}).arguments)
        context = click.Context(cli)
        while isinstance(command, click.Group) and flags and not flags[0].startswith("-"):
            _, found, flags = command.resolve_command(context, flags)
            assert found is not None
            command = found
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert [
            flag for flag in flags if flag.startswith("-") and flag.partition("=")[0] not in {*known, "--help"}
        ] == []


@pytest.mark.parametrize("line", documented.made())
def test_the_makefile_has_every_target_that_the_pages_name(line: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line.split()[1] in targets


def test_the_rules_in_the_guide_are_rules() -> None:
    guide = ROOT / "docs" / "how-to" / "gates.md"
    for _, text in rows(guide, "| You want | Rule |"):
        assert rule.parse(text).metric in ("accuracy", "latency_ms")


def test_the_guide_to_groups_has_rules_on_the_metrics_that_its_training_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = ROOT / "docs" / "how-to" / "gates-on-slices.md"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    [training] = documented.blocks("python", pages=[guide])
    exec(compile(training.text, "snippet", "exec"), {})
    [settings] = documented.blocks("yaml", pages=[guide])
    (tmp_path / "cmlkit.yaml").write_text(settings.text)
    loaded = schema.load(environ={}, file=tmp_path / "cmlkit.yaml")
    written = metrics_files.find(loaded.train.metrics, tmp_path).values
    assert {rule.parse(text).metric for text in loaded.gate.rules} == set(written)
    table = guide.read_text().partition("| Name | In a rule |")[2]
    for names, fate in re.findall(r"^\| (.*`) \| (.*) \|$", table, re.MULTILINE):
        for name in re.findall(r"`([^`]*accuracy[^`]*)`", names):
            assert is_parsed(f"{name} >= 0.8", name) != fate.startswith("not possible"), name


def is_parsed(text: str, metric: str) -> bool:
    try:
        return rule.parse(text).metric == metric
    except errors.SettingsError:
        return False


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
    policies = [(access.POLICIES / f"{name}.json").read_text() for name in (*access.OF_THE_ROLE, "connect")]
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


def test_the_page_on_layers_promises_no_more_faults_than_the_sweeps_must_inject() -> None:
    page = (ROOT / "docs" / "explanation" / "termination-layers.md").read_text()
    [promised] = re.findall(r"at least ([\d,]+) distinct injections", " ".join(page.split()))
    assert int(promised.replace(",", "")) <= LEAST_IN_ALL <= sum(FLOORS.values())


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
