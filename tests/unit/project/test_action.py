"""The action, its templates and the workflows here: files that nothing executes until someone's run depends on them."""

import dataclasses
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cmlkit.cli import ALIASES, COMMANDS
from cmlkit.model.manifest import ModelManifest
from cmlkit.model.verification import Verification
from cmlkit.publishing.publication import Publication
from cmlkit.registry.promotion import Promotion
from cmlkit.runner.launch import Launched
from scripts.render_action import ACTION, TYPES, inputs, rendered, types
from tests.documented import blocks

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "workflows").glob("*.yml"))
TOKEN_USE = re.compile(r"\bedges\.(\w*forge\w*|git_access)\(")
WORKFLOWS = [*TEMPLATES, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


@pytest.fixture
def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(ACTION.read_text())
    return document


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text())["jobs"]
    return found


def test_the_inputs_and_their_variables_are_those_of_the_settings_schema() -> None:
    text = ACTION.read_text()
    assert text == rendered(text), "Run: python scripts/render_action.py --write"


def test_the_types_are_those_of_the_settings_and_every_input_and_output_has_one(action: dict[str, Any]) -> None:
    text = TYPES.read_text()
    assert text == types(ACTION.read_text()), "Run: python -m scripts.render_action --write"
    typed = yaml.safe_load(text)
    assert (list(typed["inputs"]), list(typed["outputs"])) == (list(action["inputs"]), list(action["outputs"]))


def test_the_types_have_the_form_that_readers_of_them_know() -> None:
    """The published schema: https://json.schemastore.org/github-actions-typing.json."""
    typed = yaml.safe_load(TYPES.read_text())
    keys = {"enum": {"allowed-values"}, "list": {"separator", "list-item"}}
    plain = {"string", "boolean", "integer", "float"}
    for item in (*typed["inputs"].values(), *typed["outputs"].values()):
        assert item["type"] in plain or item.keys() - {"type"} == keys[item["type"]]


def test_what_is_true_or_false_by_its_description_is_so_by_its_type(action: dict[str, Any]) -> None:
    typed = yaml.safe_load(TYPES.read_text())
    said = {
        name
        for name, item in action["outputs"].items()
        if re.search(r": whether .*(true or false|false if)", item["description"])
    }
    assert said <= {name for name, item in typed["outputs"].items() if item["type"] == "boolean"}
    assert typed["inputs"]["market"]["allowed-values"] == ["spot", "on-demand", "spot-then-on-demand"]


def test_there_is_an_input_for_each_setting_and_four_more(action: dict[str, Any]) -> None:
    assert set(action["inputs"]) == {"command", "working-directory", "config", "cml", *inputs()}


def test_an_input_that_is_left_out_is_empty_and_so_leaves_the_settings_file_its_say(action: dict[str, Any]) -> None:
    assert [name for name, item in action["inputs"].items() if item["required"] or "default" in item] == []


def test_values_reach_the_shell_as_variables_only(action: dict[str, Any]) -> None:
    assert [step["run"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")] == []


def test_the_script_gives_a_token_to_those_commands_that_ask_the_environment_for_one() -> None:
    asking = {
        command
        for command, (module, _, _) in COMMANDS.items()
        if TOKEN_USE.search(Path(getattr(importlib.import_module(module), "__file__", "")).read_text())
    }
    asking -= {"report"}  # publish is in its module
    aliases = {alias for alias, words in ALIASES.items() if words[0] in asking}
    [listed] = re.findall(r"^  (asset \|.*)\)$", (ROOT / "action" / "run.sh").read_text(), re.MULTILINE)
    assert set(listed.split(" | ")) == asking | aliases


def test_no_output_is_declared_twice_which_the_runner_refuses() -> None:
    names = re.findall(
        r"^  ([\w-]+):$", ACTION.read_text().partition("\noutputs:\n")[2].partition("\nruns:\n")[0], re.MULTILINE
    )
    assert len(names) == len(set(names)) > 20


def test_each_output_is_the_commands_own_of_that_name(action: dict[str, Any]) -> None:
    values = {name: item["value"] for name, item in action["outputs"].items()}
    assert values == {name: f"${{{{ steps.run.outputs.{name} }}}}" for name in action["outputs"]}


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (Launched, set()),
        (Publication, {"report"}),
        (ModelManifest, set()),
        (Verification, set()),
        (Promotion, {"message", "created", "merged"}),
    ],
)
def test_what_a_stage_returns_is_an_output(action: dict[str, Any], result: type[Any], kept: set[str]) -> None:
    names = {field.name for field in dataclasses.fields(result)} - kept
    assert {name.replace("_", "-") for name in names} <= set(action["outputs"])


def test_each_action_of_others_is_pinned_to_one_commit_with_its_version_beside_it() -> None:
    text = "".join(path.read_text() for path in (ACTION, *WORKFLOWS))
    used = {line for line in re.findall(r"^ *(?:- )?uses: (.*)", text, re.MULTILINE) if line != "cmlkit/cmlkit@v1"}
    assert {line for line in used if not re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)} == set()
    assert len({line.partition("@")[0] for line in used}) == len(used)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_permission_that_a_job_did_not_ask_for(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    assert [name for name, job in jobs(workflow).items() if "permissions" not in job] == []


@pytest.mark.parametrize("workflow", TEMPLATES, ids=lambda path: path.name)
def test_no_template_starts_on_pull_requests(workflow: Path) -> None:
    # YAML reads the key `on` as true.
    assert [event for event in yaml.safe_load(workflow.read_text())[True] if "pull_request" in event] == []


@pytest.mark.parametrize("workflow", TEMPLATES, ids=lambda path: path.name)
def test_a_template_begins_with_each_secret_and_variable_that_it_needs(workflow: Path) -> None:
    beginning, _, rest = workflow.read_text().partition("\nname: ")
    reusable = "workflow_call" in yaml.safe_load(workflow.read_text())[True]
    used = set(re.findall(r"(?:secrets|vars)\.([\w-]+)", rest)) - {"GITHUB_TOKEN"}
    assert [name for name in used if name not in beginning] == []
    assert reusable or set(re.findall(r"\b(?:AWS|CMLKIT)_\w+", beginning)) <= used


@pytest.mark.parametrize("workflow", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_place_to_fill_in_and_says_beside_a_value_that_may_be_another_in_a_repository(
    workflow: Path,
) -> None:
    lines = [line for line in workflow.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [
        line for line in lines if re.search(r"OWNER|REPOSITORY|ACCOUNT|TODO|example|<[a-z-]+>|\d{12}(?!\w)", line)
    ] == []
    own = [line for line in lines if re.match(r"  AWS_REGION: |    branches: ", line)]
    assert [line for line in own if " # or " not in line] == []


def test_the_template_that_repeats_runs_watches_each_template_that_launches_by_its_name() -> None:
    names = {yaml.safe_load(path.read_text())["name"] for path in TEMPLATES if "launch" in jobs(path)}
    watching = yaml.safe_load((ROOT / "workflows" / "resume-after-interruption.yml").read_text())
    reusable = {"Retrain"}  # a run has the name of the workflow that calls it
    assert set(watching[True]["workflow_run"]["workflows"]) == names - reusable


@pytest.mark.parametrize("workflow", [path for path in TEMPLATES if "train" in jobs(path)], ids=lambda path: path.name)
def test_the_training_job_may_write_results_and_nothing_else(workflow: Path) -> None:
    asked = jobs(workflow)["train"]["permissions"]
    writes = {"contents": "write", "pull-requests": "write", "checks": "write"}
    assert {name: level for name, level in asked.items() if level != "read"} == writes


@pytest.mark.parametrize("workflow", TEMPLATES, ids=lambda path: path.name)
def test_credentials_for_launches_and_runners_and_signatures_are_for_hosted_runners_only(workflow: Path) -> None:
    """Nothing that a job does not run on the instance for is given to it."""
    on_instances = {name: job for name, job in jobs(workflow).items() if job["runs-on"] != "ubuntu-latest"}
    text = yaml.safe_dump(on_instances)
    assert (
        re.findall(r"CMLKIT_RUNNER_TOKEN|CMLKIT_APP|AWS_ACCESS_KEY|AWS_SECRET|configure-aws|id-token|attest", text)
        == []
    )
    # Every secret of a workflow that is not the job's own token.
    assert re.findall(r"secrets\.(?!GITHUB_TOKEN)\w+", text) == []
    document = yaml.safe_load(workflow.read_text())
    assert [name for name in document.get("env", {}) if "TOKEN" in name or "SECRET" in name or "KEY" in name] == []


@pytest.mark.parametrize("workflow", TEMPLATES, ids=lambda path: path.name)
def test_no_checkout_of_a_template_leaves_its_token_on_disk(workflow: Path) -> None:
    steps = [step for job in jobs(workflow).values() for step in job["steps"]]
    checkouts = [step["with"] for step in steps if str(step.get("uses", "")).startswith("actions/checkout@")]
    assert [given for given in checkouts if given["persist-credentials"] is not False] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_each_job_ends_by_itself_after_a_while(workflow: Path) -> None:
    assert [name for name, job in jobs(workflow).items() if "timeout-minutes" not in job] == []


@pytest.mark.parametrize("workflow", [path for path in TEMPLATES if "launch" in jobs(path)], ids=lambda path: path.name)
def test_whatever_happens_to_the_training_its_instance_is_stopped(workflow: Path) -> None:
    stop, launch = jobs(workflow)["stop"], jobs(workflow)["launch"]
    assert launch["needs"] == "due"
    assert launch["if"].split(" && ")[0] == "needs.due.outputs.due == 'true'"
    # A launch that was skipped, as nothing changed, or for one of cmlkit's own branches, has started nothing.
    assert stop["if"] == "always() && needs.launch.result != 'skipped'"
    assert stop["needs"] == ["launch", "train"]
    assert stop["runs-on"] == "ubuntu-latest"


def test_the_template_without_a_cloud_needs_no_secret_and_names_its_machine_on_one_line() -> None:
    text = (ROOT / "workflows" / "train-here.yml").read_text()
    assert re.findall(r"secrets\.|AWS", text) == []
    assert len(re.findall(r"runs-on: ubuntu-latest # or a runner of your own: ", text)) == 1
    assert "runs-on" in text.partition("  train:\n")[2].partition("timeout-minutes")[0]


def test_the_cache_that_the_template_without_a_cloud_offers_is_a_step_as_the_page_has_it() -> None:
    text = (ROOT / "workflows" / "train-here.yml").read_text()
    begun = uncommented(text.partition("  train:\n")[2])
    [page] = [
        step
        for block in blocks("yaml", pages=[ROOT / "docs" / "how-to" / "cache.md"])
        if "actions/cache" in block.text
        for step in yaml.safe_load(block.text)
        if "cache@" in step["uses"]
    ]
    before, step, after = [item for item in yaml.safe_load(begun)["steps"] if "with" in item][1:4]
    assert ("setup-python" in before["uses"], after["with"]) == (True, {"command": "train"})
    assert step["with"] == page["with"]
    pins = set(re.findall(r"actions/cache(?:/\w+)?(@\w+ # \S+)", "".join(path.read_text() for path in TEMPLATES)))
    assert len(pins) == 1


@pytest.mark.parametrize("name", ["train-here.yml", "retrain.yml"])
def test_the_job_that_tells_of_failures_waits_for_all_others_and_needs_no_checkout(name: str) -> None:
    file = ROOT / "workflows" / name
    commented = file.read_text().partition("  # notify:\n")[2]
    job = yaml.safe_load(re.sub(r"(?m)^  # ", "", commented))
    assert job["needs"] == list(jobs(file))
    assert job["if"] == "always() && needs.due.outputs.due != 'false'"
    assert job["permissions"] == {"actions": "read", "issues": "write"}
    assert job["steps"] == [{"uses": "cmlkit/cmlkit@v1", "with": {"command": "workflow notify", "notify": "issue"}}]
    page = ROOT / "docs" / "how-to" / "be-told-of-failures.md"
    [shown] = [yaml.safe_load(block.text)["notify"] for block in blocks("yaml", pages=[page]) if "needs" in block.text]
    assert {**shown, "needs": job["needs"]} == job
    assert name != "train-here.yml" or shown == job


def uncommented(job: str) -> str:
    """A job of a template, with the lines that are comments of YAML."""
    job = re.split(r"(?m)^  \w+:$", job)[0]
    return re.sub(r"(?m)^(      )# (- uses:|  )", r"\1\2", job)


def test_the_caller_of_the_reusable_workflow_is_told_each_permission_that_a_job_asks_for() -> None:
    """GitHub starts no run of a caller that grants less, and no job can have more."""
    file = ROOT / "workflows" / "retrain.yml"
    order = ("read", "write")
    asked: dict[str, str] = {}
    for job in jobs(file).values():
        for name, level in job["permissions"].items():
            asked[name] = max(asked.get(name, "read"), level, key=order.index)
    [told] = re.findall(r"^#     permissions: (.*)$", file.read_text(), re.MULTILINE)
    page = (ROOT / "docs" / "how-to" / "roll-out-to-an-organisation.md").read_text()
    shown = [yaml.safe_load(block) for block in re.findall(r"^    permissions:\n((?:      .*\n)+)", page, re.MULTILINE)]
    assert [yaml.safe_load(told), *shown] == [asked] * 3
