"""Each page's commands, typed one after the other as they stand there; its outputs, workflows and scripts."""

from __future__ import annotations

import os
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.forges.github import GitHub
from cmlkit_sandbox import Sandbox
from tests import documented

pytestmark = pytest.mark.slow

PROGRAMS = Path(sys.prefix) / "bin"
TESTS = documented.ROOT / "tests"
HOW_TO = documented.ROOT / "docs" / "how-to"
PROMOTION = HOW_TO / "promote-and-roll-back.md"
PAGES_WITH_COMMANDS = [
    page for page in documented.PAGES if page not in documented.RENDERED and documented.commands([page])
]
# What is not for a test to type in a page's own order, and the test that runs it.
ELSEWHERE = {
    "cmlkit access github --set --role-arn arn:aws:iam::123456789012:role/cmlkit": "integration/github/"
    "test_access_settings.py::test_what_is_missing_is_set_once_it_is_shown_and_agreed_to",
    "cmlkit comment create --watch dvclive/report.md": "integration/test_reports.py::"
    "test_a_watched_report_is_one_comment_that_follows_file_and_images",
    "cmlkit demo": "e2e/test_demo.py::test_a_day_of_the_reference_job",
    "cmlkit demo --example .": "e2e/test_demo.py::test_a_day_of_the_reference_job",
    "cmlkit doctor": "integration/test_doctor.py::test_every_part_is_told_when_it_is_well",
    "cmlkit init --on ec2": "e2e/test_walk_through.py::"
    "test_the_readme_leads_to_a_pull_request_without_a_cloud_and_then_from_ec2",
    "cmlkit init --on hosted": "e2e/test_walk_through.py::"
    "test_the_readme_leads_to_a_pull_request_without_a_cloud_and_then_from_ec2",
    "cmlkit init --on hosted --example": "e2e/test_walk_through.py::"
    "test_the_tutorial_leads_from_an_empty_folder_to_a_pull_request",
    "cmlkit init --from-cml": "integration/test_init.py::test_the_guide_shows_what_is_printed",
    "cmlkit model pull": "integration/test_stores.py::"
    "test_the_command_takes_the_model_of_the_settings_in_the_version_that_is_in_production",
    "cmlkit model pull --at production --output build/model.joblib": "integration/test_stores.py::"
    "test_the_command_takes_the_model_of_the_settings_in_the_version_that_is_in_production",
    "cmlkit model pull model/random_forest.joblib": "slow/test_dvc_store.py::test_cmlkit_pulls_it_and_loads_it",
    "cmlkit model verify --attestation model/random_forest.joblib": "integration/test_commands.py::"
    "test_model_verify_asks_which_workflow_attested_the_file",
    "cmlkit runner connect i-0123456789abcdef0": "integration/test_laptop.py::"
    "test_connect_hands_over_to_the_clouds_program_without_tokens",
    "cmlkit runner image --project --python 3.12": "integration/test_image.py::"
    "test_the_recipe_has_the_packages_of_the_project_and_it_is_told_what_is_left_out",
    "cmlkit runner image --check ami-0123456789abcdef0": "integration/test_image.py::"
    "test_an_image_is_booted_once_and_told_what_it_lacks",
    "cmlkit runner stop --instance i-0123456789abcdef0": "integration/test_laptop.py::"
    "test_another_clone_is_another_run_and_its_instance_is_named_but_stays",
    "cmlkit sandbox": "integration/test_sandbox_command.py::test_without_json_a_shell_can_take_its_variables",
    "cmlkit train": "integration/test_documented_commands.py::test_the_tutorial_shows_what_the_example_prints",
    "cmlkit workflow rerun --id 1234567890 --if-interrupted": "integration/test_workflow_rerun.py::"
    "test_an_interrupted_run_runs_again_with_all_of_its_jobs",
}
# Outputs that do not stand below a command that is typed: how they begin, and the test that compares them.
COMPARED = {
    "Day 1, 08:00": "e2e/test_demo.py::test_a_day_of_the_reference_job",
    "Set up: done": "integration/test_documented_commands.py::test_the_tutorial_shows_what_the_example_prints",
    "## 🆕 First model": "integration/test_documented_commands.py::test_the_tutorial_shows_what_the_example_prints",
    "written  .gitignore": "e2e/test_walk_through.py::test_the_tutorial_leads_from_an_empty_folder_to_a_pull_request",
    "written    .github/workflows/train-on-ec2.yml": "e2e/test_walk_through.py::"
    "test_the_tutorial_leads_from_an_empty_folder_to_a_pull_request",
    "workflow  .github/workflows/cml.yml": "integration/test_init.py::test_the_guide_shows_what_is_printed",
    "error: The gate's rule": "integration/test_documented_commands.py::test_the_guide_to_gates_shows_a_wrong_rule",
    "image              ubuntu-24.04": "integration/test_image.py::test_an_image_is_booted_once_and_told_what_it_lacks",
    "warning: i-0123456789abcdef0": "integration/boot/test_agent.py::"
    "test_an_older_runner_in_the_image_does_where_the_current_one_cannot_be_had",
    "Promote random_forest to production": "integration/test_documented_commands.py::"
    "test_the_page_on_promotion_works_with_one_model_merged_and_one_waiting",
    "cmlkit.errors.ModelError": "integration/test_documented_commands.py::"
    "test_the_reference_shows_how_types_that_are_not_trusted_are_refused",
}
BEGINS_ONLY = ("control-cost", "train-on-a-gpu", "tutorial")
SHELL = "mkdir -p model; echo 'Accuracy: 0.97' >model/metrics.txt; echo weights >model/random_forest.joblib"
SETTINGS = f"""\
train:
  run: "{SHELL}"
  plots: []
  data: []
"""


def typed(page: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """Every command of the page with its exit code in its place; outputs that follow are compared."""
    codes, out = {}, ""
    for block in documented.blocks(pages=[page]):
        if block.language in documented.SHELL:
            for command in [command for command in block.commands if shlex.join(command) not in ELSEWHERE]:
                capsys.readouterr()
                codes[shlex.join(command)] = run(command[1:], environ=os.environ)
                out = "".join(reversed(capsys.readouterr()))
        elif is_output_of_what_was_typed(block):
            compare(block, out)
    return codes


def is_output_of_what_was_typed(block: documented.Block) -> bool:
    if block.language not in documented.OUTPUT or block.text.startswith(tuple(COMPARED)):
        return False
    return block.before is not None and bool(block.before.commands)


def compare(block: documented.Block, printed: str) -> None:
    wanted, said = documented.normal(block.text), documented.normal(printed)
    assert wanted == (said[: len(wanted)] if block.page.stem in BEGINS_ONLY else said), str(block)


def shown(page: Path, beginning: str) -> documented.Block:
    """The page's one output that begins so."""
    assert beginning in COMPARED
    outputs = documented.blocks(*documented.OUTPUT, pages=[page])
    [block] = [block for block in outputs if block.text.startswith(beginning)]
    return block


def test_every_output_of_a_page_is_compared_by_a_test() -> None:
    outputs = [
        block
        for page in documented.PAGES
        if page not in documented.RENDERED
        for block in documented.blocks(*documented.OUTPUT, pages=[page])
    ]
    assert [
        str(block)
        for block in outputs
        if not block.text.startswith(tuple(COMPARED)) and not is_output_of_what_was_typed(block)
    ] == []
    assert [start for start in COMPARED if not any(block.text.startswith(start) for block in outputs)] == []


@pytest.mark.parametrize("test", sorted({*ELSEWHERE.values(), *COMPARED.values()}))
def test_what_is_tried_elsewhere_is_tried_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"\ndef {name}(" in (TESTS / file).read_text(encoding="utf-8")


def test_nothing_is_said_to_be_tried_elsewhere_that_no_page_has() -> None:
    lines = {shlex.join(words) for page in PAGES_WITH_COMMANDS for words in documented.commands([page])}
    assert set(ELSEWHERE) - lines == set()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES_WITH_COMMANDS if page != PROMOTION],
    ids=lambda page: str(page.relative_to(documented.ROOT)),
)
def test_the_commands_of_a_page_work_in_their_order(
    page: Path, sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "cmlkit.yaml").write_text(SETTINGS)
    (checkout / "report.md").write_text("# A report\n")
    codes = typed(page, capsys)
    assert codes == dict.fromkeys(codes, 0)


def test_the_page_on_promotion_works_with_one_model_merged_and_one_waiting(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "cmlkit.yaml").write_text(SETTINGS)
    forge = GitHub(
        repository=sandbox.repository, token=os.environ["CMLKIT_TOKEN"], api_url=os.environ["GITHUB_API_URL"]
    )
    git("remote", "add", "origin", str(sandbox.github.hub.repository(sandbox.repository).git.path))
    for number, accuracy, depth in ((1, 0.90, 5), (2, 0.95, 7)):
        (checkout / "params.yaml").write_text(f"max_depth: {depth}\n")
        shell = SHELL.replace("0.97", str(accuracy)).replace("weights", f"weights of {number}")
        assert run(["train", "--", "bash", "-c", shell], environ=os.environ) == 0
        assert run(["publish", "--branch", f"cmlkit/main/{number}"], environ=os.environ) == 0
        if number == 1:
            forge.merge(forge.pull_request(number), "merge")
    git("fetch", "--quiet", "origin")
    codes = typed(PROMOTION, capsys)
    assert codes == dict.fromkeys(codes, 0)
    tags = forge.tag_ids("model/random_forest/production")
    assert sorted(tags) == [f"model/random_forest/production/{number}" for number in (1, 2, 3)]
    commits = [forge.tag(tags[name]).commit for name in sorted(tags)]
    assert commits[0] == commits[2] != commits[1]
    compare(shown(PROMOTION, "Promote random_forest to production"), forge.tag(tags[max(tags)]).message)


def test_the_guide_to_gates_shows_a_wrong_rule(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = shown(HOW_TO / "gates.md", "error: The gate's rule")
    [rule] = re.findall(r"`(.*)` is wrong", block.text)
    (checkout / "cmlkit.yaml").write_text(SETTINGS)
    assert run(["train"], environ={**os.environ, "CMLKIT_GATE": rule}) == 2
    assert not (checkout / "model").exists()
    assert capsys.readouterr().err.strip() == block.text.strip()


def test_the_tutorial_shows_what_the_example_prints(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tutorial = documented.ROOT / "docs" / "tutorial.md"
    git("remote", "add", "origin", "https://github.com/octo/forest.git")
    shutil.copytree(documented.ROOT / "examples" / "random-forest", checkout, dirs_exist_ok=True)
    git("add", "--all")
    git("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "--message", "Begin")
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    # The packages of requirements.txt are here.
    command = [sys.executable, "-m", "cmlkit", "train", "--setup", "python get_data.py"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    # A terminal shows each stage once, when it is over.
    over = [line for line in done.stdout.splitlines() if not line.endswith("…")]
    compare(shown(tutorial, "Set up: done"), "\n".join(over))
    assert run(["report"], environ=os.environ) == 0
    block = shown(tutorial, "## 🆕 First model")
    compare(block, capsys.readouterr().out)


def test_the_reference_shows_how_types_that_are_not_trusted_are_refused(checkout: Path) -> None:
    from sklearn.ensemble import RandomForestClassifier

    import cmlkit

    cmlkit.save_model(RandomForestClassifier(n_estimators=1).fit([[0], [1]], [0, 1]), "model/random_forest.skops")
    block = shown(documented.ROOT / "docs" / "reference" / "manifest.md", "cmlkit.errors.ModelError")
    with pytest.raises(cmlkit.errors.ModelError) as refused:
        cmlkit.load_model("model/random_forest.skops")
    assert f"cmlkit.errors.ModelError: {refused.value}".split() == block.text.split()


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


def test_the_workflows_of_the_pages_and_their_pieces_are_such_that_github_takes(tmp_path: Path) -> None:
    files = []
    for block in documented.blocks("yaml"):
        if workflow := documented.workflow(block):
            file = tmp_path / f"{str(block).replace('/', '-')}.yml"
            file.write_text(workflow)
            files.append(str(file))
    assert len(files) >= 10
    checks = ([PROGRAMS / "actionlint"], [PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows"])
    for check in checks:
        done = subprocess.run([*check, *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_scripts_of_the_pages_are_shell_without_faults(tmp_path: Path) -> None:
    files = []
    for block in documented.blocks(*documented.SHELL):
        file = tmp_path / f"{str(block).replace('/', '-')}.sh"
        file.write_text(f"#!/bin/bash\n{block.text}")
        files.append(str(file))
    assert len(files) >= 40
    # Typed by hand, a folder that cannot be entered is seen; the variables of the sandbox are a file of its own.
    done = subprocess.run(
        [PROGRAMS / "shellcheck", "--exclude", "SC1091,SC2164", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


# Sends the process a real SIGTERM at its first checkpoint, from the moment that its own code renames a file.
SIGTERM_AT_THE_FIRST_CHECKPOINT = """
import os, signal, sys
def interrupt(event, arguments):
    if event == "os.rename" and not os.path.exists("interrupted"):
        open("interrupted", "w").close()
        os.kill(os.getpid(), signal.SIGTERM)
sys.addaudithook(interrupt)
"""


def test_the_training_that_can_be_resumed_ends_at_a_signal_and_goes_on_from_there(tmp_path: Path) -> None:
    [block] = documented.blocks("python", pages=[HOW_TO / "resume-after-interruption.md"])
    program, injected = tmp_path / "train.py", tmp_path / "injected"
    program.write_text(block.text)
    injected.mkdir()
    (injected / "sitecustomize.py").write_text(SIGTERM_AT_THE_FIRST_CHECKPOINT)

    def trained() -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": str(injected)}
        return subprocess.run(
            [sys.executable, program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

    first = trained()
    assert (first.returncode, first.stdout, first.stderr) == (128 + signal.SIGTERM, "", "")
    checkpoint = (tmp_path / "checkpoints" / "state.pickle").read_bytes()
    assert pickle.loads(checkpoint) == {"epoch": 1}
    second = trained()
    assert (second.returncode, second.stdout) == (0, "3\n")
