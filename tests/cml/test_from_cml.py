"""The same cases in CML's own words, rewritten by `cmlkit init --from-cml` before they run."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from cmlkit.cli.from_cml.rewriting import Rewritten, rewrite
from cmlkit.scaffold.templates import ACTION
from cmlkit_sandbox import Sandbox
from tests.cml.case import Case, all_cases
from tests.cml.expectation import compare
from tests.cml.forge import Forge
from tests.cml.given_files import write_files
from tests.cml.play import Play

pytestmark = pytest.mark.slow

# A command that CML does not have; its workflow is one of cmlkit's already.
_OURS = re.compile(r"cmlkit (runner stop|alias|train)")
LAUNCHING = Case(
    name="launching",
    shows="A training on an instance, as it was written for CML, runs after it was rewritten.",
    files={
        "train.sh": "echo weights > model.bin; echo 'Accuracy: 0.97' > metrics.txt",
        ".github/workflows/cml.yaml": """\
name: Every day
on: [push]
jobs:
  deploy-runner:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v2
      - uses: iterative/setup-cml@v1
      - name: Deploy
        env:
          REPO_TOKEN: ${{ secrets.PERSONAL_ACCESS_TOKEN }}
          AWS_ACCESS_KEY_ID: ${{ secrets.AWS_ACCESS_KEY_ID }}
          AWS_SECRET_ACCESS_KEY: ${{ secrets.AWS_SECRET_ACCESS_KEY }}
        run: |
          cml runner \\
              --cloud=aws \\
              --cloud-region=eu-west \\
              --cloud-type=t3.medium \\
              --labels=cml-runner \\
              --single
  train-model:
    needs: deploy-runner
    runs-on: [self-hosted, cml-runner]
    timeout-minutes: 120 # 2h
    steps:
      - uses: actions/checkout@v2
      - uses: iterative/setup-cml@v1
      - name: Train
        env:
          REPO_TOKEN: ${{ secrets.PERSONAL_ACCESS_TOKEN }}
        run: |
          cml ci
          sh train.sh
          cml pr model.bin
          cat metrics.txt > report.md
          cml send-comment --pr --update report.md
""",
    },
    when=[{"event": "push"}],
    then={
        "jobs": {"deploy-runner": "success", "train-model": "success", "stop": "success"},
        "instances": ["t3.medium on-demand terminated"],
        "pull requests": [{"changes": {"model.bin": "weights\n"}, "comments": ["^Accuracy: 0.97$"]}],
    },
)


def workflows(case: Case) -> dict[str, str]:
    return {path: str(text) for path, text in case.files.items() if path.startswith(".github/workflows/")}


def rewritings(case: Case) -> dict[str, Rewritten]:
    """Return the case's workflows in CML's words, and then rewritten."""
    old = {path: re.sub(r"\bcmlkit\b(?=[ -])", "cml", text) for path, text in workflows(case).items()}
    return {path: rewrite(text, action=ACTION) for path, text in old.items()}


def rewritten(case: Case) -> Case:
    return dataclasses.replace(case, files={**case.files, **{path: new.text for path, new in rewritings(case).items()}})


def is_left_to_the_user(case: Case) -> bool:
    """Return whether the rewriting leaves a line with `cml`, and says that the user must change it."""
    rows = [row for new in rewritings(case).values() for row in new.rows]
    return any(row.outcome in ("stops", "by hand") and re.search(r"\bcml ", row.new) for row in rows)


CASES = [
    pytest.param(case, id=case.name, marks=() if case.name in ("tutorial", "launching") else pytest.mark.slow)
    for case in [*all_cases(), LAUNCHING]
    if not any(_OURS.search(text) for text in workflows(case).values()) and not is_left_to_the_user(case)
]


@pytest.mark.parametrize("case", CASES)
def test_a_workflow_does_the_same_after_it_was_rewritten(case: Case, tmp_path: Path) -> None:
    source, desks = tmp_path / "source", tmp_path / "desks"
    for folder in (source, desks):
        folder.mkdir()
    write_files(rewritten(case).files, source)
    with Sandbox(tmp_path / "sandbox", source=source, boot=case.launches) as sandbox:
        play = Play(case=rewritten(case), forge=Forge(sandbox=sandbox, desks=desks), folder=tmp_path / "runs")
        play.run()
        compare(play)
    shutil.rmtree(tmp_path)


def test_the_cases_are_in_the_words_of_cml_before() -> None:
    assert len(CASES) >= 9
    for case in all_cases():
        for path, text in workflows(rewritten(case)).items():
            assert "setup-cml" not in text, (case.name, path)
