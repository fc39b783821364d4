"""Each page's commands, typed one after the other as they stand there."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.forges.github import GitHub
from cmlkit_sandbox import Sandbox
from tests import documented

pytestmark = pytest.mark.slow

ACTIONLINT = Path(sys.prefix) / "bin" / "actionlint"
PAGES_WITH_COMMANDS = [
    page
    for page in documented.PAGES
    if documented.commands([page]) and page.relative_to(documented.ROOT) != Path("docs/reference/commands.md")
]
PROMOTION = documented.ROOT / "docs" / "how-to" / "promote-and-roll-back.md"
# What is not for a test to type, and where else it is tried.
ELSEWHERE = {
    "cmlkit runner image --check ami-0123456789abcdef0": "needs an instance that boots: test_image.py",
    "cmlkit doctor": "wants the project that it looks at: test_doctor.py",
    "cmlkit demo": "takes a while: test_demo.py",
    "cmlkit workflow rerun --id 1234567890 --if-interrupted": "needs an interrupted run: test_workflow_rerun.py",
    "cmlkit model verify --attestation model/random_forest.joblib": "needs an attestation: test_commands.py",
    "cmlkit init --from-cml": "needs a workflow that was written for CML: test_init.py",
    "cmlkit init --example": "belongs into a folder of its own: test_init.py",
    "cmlkit model pull": "needs a clone of a published model: test_stores.py",
    "cmlkit model pull model/random_forest.joblib": "needs DVC: test_dvc_store.py",
    "cmlkit model pull --at production --output build/model.joblib": "needs a promotion: test_stores.py",
    "cmlkit comment create report.md": "needs a report: test_reports.py",
    "cmlkit comment create --watch dvclive/report.md": "goes on until it is told to end: test_reports.py",
    "cmlkit sandbox": "stays up until it is told to end: test_sandbox.py",
}
SHELL = "mkdir -p model; echo 'Accuracy: 0.97' >model/metrics.txt; echo weights >model/random_forest.joblib"
SETTINGS = f"""\
train:
  run: "{SHELL}"
  plots: []
  data: []
"""


def typed(page: Path) -> dict[str, int]:
    """Every command of the page, and the exit code that it has in its place."""
    lines = [words for words in documented.commands([page]) if shlex.join(words) not in ELSEWHERE]
    return {shlex.join(words): run(words[1:], environ=os.environ) for words in lines}


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES_WITH_COMMANDS if page != PROMOTION],
    ids=lambda page: str(page.relative_to(documented.ROOT)),
)
def test_the_commands_of_a_page_work_in_their_order(page: Path, sandbox: Sandbox, checkout: Path) -> None:
    (checkout / "cmlkit.yaml").write_text(SETTINGS)
    codes = typed(page)
    assert codes == dict.fromkeys(codes, 0)


def test_the_page_on_promotion_works_with_one_model_merged_and_one_waiting(
    sandbox: Sandbox, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "cmlkit.yaml").write_text(SETTINGS)
    forge = GitHub(
        repository=sandbox.repository, token=os.environ["CMLKIT_TOKEN"], api_url=os.environ["GITHUB_API_URL"]
    )
    git("remote", "add", "origin", str(sandbox.github.hub.repository(sandbox.repository).git.path))
    for number, accuracy in ((1, 0.90), (2, 0.95)):
        shell = SHELL.replace("0.97", str(accuracy)).replace("weights", f"weights of {number}")
        assert run(["train", "--", "bash", "-c", shell], environ=os.environ) == 0
        assert run(["publish", "--branch", f"cmlkit/main/{number}"], environ=os.environ) == 0
        if number == 1:
            forge.merge(forge.pull_request(number), "merge")
    git("fetch", "--quiet", "origin")
    codes = typed(PROMOTION)
    assert codes == dict.fromkeys(codes, 0)
    tags = forge.tag_ids("model/random_forest/production")
    assert sorted(tags) == [f"model/random_forest/production/{number}" for number in (1, 2, 3)]
    commits = [forge.tag(tags[name]).commit for name in sorted(tags)]
    assert commits[0] == commits[2] != commits[1]


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


@pytest.mark.parametrize("workflow", documented.workflows())
def test_the_workflows_of_the_pages_are_ones_that_github_takes(workflow: str) -> None:
    done = subprocess.run([ACTIONLINT, "-"], input=workflow, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
