"""Workflows that were written for CML, in the shapes that public repositories have, and what they become."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cmlkit.cli.from_cml.document import Row
from cmlkit.cli.from_cml.rewriting import NotWorkflow, rewrite

CASES = Path(__file__).parent / "cases"
ACTION = "cmlkit/cmlkit@v1"
NAMES = sorted(path.stem for path in CASES.glob("*.yml") if not path.stem.endswith("-cmlkit"))


def rows(name: str) -> dict[int, Row]:
    """What is said of each old line of a case."""
    found = rewrite((CASES / f"{name}.yml").read_text(), action=ACTION).rows
    return {row.line: row for row in found if row.outcome != "added"}


def run(script: str) -> str:
    """What becomes of a script of one step in a workflow with CML's action."""
    lines = "".join(f"          {line}\n" for line in script.splitlines())
    old = f"on: push\njobs:\n  a:\n    steps:\n      - uses: iterative/setup-cml@v2\n      - run: |\n{lines}"
    return str(yaml.safe_load(rewrite(old, action=ACTION).text)["jobs"]["a"]["steps"][1]["run"]).rstrip()


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_becomes_one_of_cmlkit(name: str) -> None:
    new = rewrite((CASES / f"{name}.yml").read_text(), action=ACTION).text
    assert new == (CASES / f"{name}-cmlkit.yml").read_text()


def test_there_are_many_shapes() -> None:
    assert len(NAMES) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_what_is_rewritten_has_nothing_left_to_rewrite_but_what_was_said(name: str) -> None:
    old = (CASES / f"{name}.yml").read_text()
    first = rewrite(old, action=ACTION)
    again = rewrite(first.text, action=ACTION)
    assert {row.outcome for row in again.rows} <= {"stops", "by hand", "kept"} | (
        {"added"} if again.launches else set()
    )
    kept = [line for line in old.splitlines() if line.strip().startswith("#")]
    assert [line for line in first.text.splitlines() if line.strip().startswith("#")] == kept


def test_windows_line_breaks_and_letters_of_all_kinds_stay() -> None:
    old = (CASES / "npm.yml").read_text().replace("echo done", "echo 'Übersicht 🚀'")
    new = (CASES / "npm-cmlkit.yml").read_text().replace("echo done", "echo 'Übersicht 🚀'")
    assert rewrite(old.replace("\n", "\r\n"), action=ACTION).text == new.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cml send-comment r.md", "cmlkit comment create r.md"),
        (
            "cml runner --cloud=aws --cloud-type=c6i.large --labels=x --cloud-region=eu-north --cloud-spot",
            "cmlkit runner launch --cloud=aws --instance-type=c6i.large --labels=x --region=eu-north-1 --market=spot",
        ),
        (
            "cml runner --cloud aws --cloud-type t3.nano --labels x --cloud-region eu-west --no-cloud-spot",
            "cmlkit runner launch --cloud aws --instance-type t3.nano --labels x --region eu-west-1 --market=on-demand",
        ),
        ("npm i -g @dvcorg/cml; cml ci", "cmlkit repo prepare"),
        ("make && npm i -g @dvcorg/cml", "make"),
        ("npm i -g @dvcorg/cml | tee log", ": | tee log"),
        ("echo 'cml pr' && cml pr 'a b'", "echo 'cml pr' && cmlkit pr create 'a b'"),
    ],
)
def test_a_line_becomes(old: str, new: str) -> None:
    assert run(old) == new


def test_a_size_of_cmls_is_its_type_and_stays_beside_its_gpu() -> None:
    assert "--instance-type m5.2xlarge" in run("cml runner --cloud aws --cloud-type m --labels x")
    both = run("cml runner --cloud aws --cloud-type m --cloud-gpu t4 --labels x")
    assert "--cloud-type m --cloud-gpu t4" in both


@pytest.mark.parametrize(
    ("run", "flag"),
    [
        ("{}", "--cloud-startup-script=ZWNobyAiYTogYiI="),
        ('"{}"', r"""--startup-script='echo \"a: b\"'"""),
        ("'{}'", "--startup-script=''echo \"a: b\"''"),
        ("|\n          {}", "--startup-script='echo \"a: b\"'"),
    ],
)
def test_a_value_is_written_as_yaml_takes_it_there_or_not_changed(run: str, flag: str) -> None:
    launch = "cml runner --cloud=aws --cloud-type=t3.nano --labels=x --cloud-startup-script=ZWNobyAiYTogYiI="
    old = f"on: push\njobs:\n  a:\n    steps:\n      - run: {run.format(launch)}\n"
    assert f" {flag} " in rewrite(old, action=ACTION).text


def test_what_stops_the_run_is_said_with_what_to_do() -> None:
    found = rows("sizes-and-refusals")
    stops = {line: row.old for line, row in found.items() if row.outcome == "stops"}
    assert stops[13] == "--cloud-type=m+v100"
    assert "g5.xlarge" in found[13].why
    assert stops[15] == "--idle-timeout=never"
    assert stops[23].startswith("- run: cml tensorboard-dev")
    assert found[23].new == found[23].old
    assert found[16].outcome == "by hand"


def test_another_cloud_and_a_runner_of_ones_own_stay_as_they_are() -> None:
    found = rows("other-clouds")
    assert [found[line].outcome for line in (7, 13, 20)] == ["stops"] * 3
    assert "aws only" in found[7].why
    assert "New self-hosted runner" in found[20].why


def test_what_is_not_understood_is_left_to_the_user() -> None:
    found = rows("not-understood")
    assert {line for line, row in found.items() if row.outcome == "by hand"} == {11, 14, 15, 19}
    assert "script for python" in found[11].why
    assert "does not end" in found[15].why


def test_an_image_of_cml_is_left_to_the_user_and_a_retired_runner_is_said_to_be_one() -> None:
    found = rows("image")
    assert found[4].outcome == "stops"
    assert (found[5].outcome, found[21].outcome) == ("by hand", "by hand")
    assert "python:3.12" in found[5].why


def test_several_jobs_on_one_runner_are_left_to_the_user() -> None:
    assert "An instance serves one job" in rows("several-on-one-runner")[9].why
    said = rows("launch-without-flags")[16].why
    assert "An instance serves one job" in said
    assert "--instance-type" in said


def test_an_image_that_only_has_dvc_is_named_with_what_brings_dvc() -> None:
    assert "iterative/setup-dvc" in rows("outside-of-scripts")[27].why
    assert "The step with the action" not in rows("outside-of-scripts")[27].why


def test_cml_outside_of_scripts_is_left_to_the_user() -> None:
    found = rows("outside-of-scripts")
    assert {line for line, row in found.items() if row.outcome == "by hand"} == {7, 14, 15, 22, 27, 36}
    assert "script for pwsh" in found[22].why
    assert "Windows" in found[19].why


def test_cml_in_what_a_matrix_or_another_workflow_is_given_is_left_to_the_user() -> None:
    old = """\
on: push
jobs:
  called:
    uses: ./.github/workflows/report.yml
    with:
      command: cml comment create report.md
  each:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        command: [cml pr create ., cml check create report.md]
    steps:
      - uses: actions/checkout@v4
      - run: ${{ matrix.command }}
"""
    new = rewrite(old, action=ACTION)
    assert {(row.line, row.outcome) for row in new.rows} == {(6, "by hand"), (11, "by hand")}
    assert new.text == old


def test_a_label_that_cannot_be_handed_over_stays() -> None:
    assert rows("labels-that-stay")[21].outcome == "kept"
    assert rows("matrix-of-launches")[18].outcome == "kept"


def test_variables_that_cml_reads_count_as_flags() -> None:
    new = (CASES / "one-runner-for-each-cmlkit.yml").read_text()
    assert "--labels" not in new
    assert "runner launch --cloud=aws --instance-type=c6i.large --market=on-demand --max-lifetime=72h30m" in new
    assert "runner stop --region=eu-north-1" in new
    assert "A hanging instance costs as long" in rows("one-runner-for-each")[28].why


def test_an_image_is_not_stored_without_a_token() -> None:
    step = "- run: cml publish plot.png --md >> report.md"
    old = f"on: push\njobs:\n  a:\n    steps:\n      - uses: iterative/setup-cml@v2\n      {step}\n"
    assert [row.outcome for row in rewrite(old, action=ACTION).rows] == ["changed", "stops"]
    with_token = f"env:\n  GITHUB_TOKEN: x\n{old}"
    assert [row.outcome for row in rewrite(with_token, action=ACTION).rows] == ["changed", "changed"]


def test_what_only_root_may_do_is_left_to_the_user_in_jobs_on_an_instance() -> None:
    found = rows("labels-that-stay")
    assert {line for line, row in found.items() if row.outcome == "by hand"} == {25}
    assert "--startup-script" in found[25].why
    assert not [row for row in rows("npm").values() if "--startup-script" in row.why]


WITH_A_LAUNCH = """\
on: push
jobs:
  up:
    runs-on: ubuntu-latest
    steps:
      - uses: iterative/setup-cml@v2
      - run: cml runner --cloud=aws --labels=own
  work:
    needs: up
    runs-on: [self-hosted, own]
    {job}
"""


def added_to_the_launch(job: str) -> str:
    """The line of the launch for a job with these lines."""
    new = rewrite(WITH_A_LAUNCH.format(job=job.replace("\n", "\n    ")), action=ACTION)
    return next(line for line in new.text.splitlines() if "runner launch" in line)


@pytest.mark.parametrize(
    "job",
    [
        "container: docker://dvcorg/cml-py3\nsteps:\n  - run: python train.py",
        "container: {image: pytorch/pytorch, options: --gpus all}\nsteps:\n  - run: sudo apt-get update",
        "services:\n  db: {image: postgres}\nsteps:\n  - run: python train.py",
        "steps:\n  - uses: docker://pytorch/pytorch",
        "steps:\n  - run: docker run --gpus all pytorch/pytorch python train.py",
    ],
)
def test_a_job_in_a_container_gets_an_instance_with_docker(job: str) -> None:
    # https://docs.github.com/en/actions/reference/runners/self-hosted-runners: containers and services need Docker
    line = added_to_the_launch(job)
    assert line.endswith(" --docker")
    assert "--sudo" not in line


def test_a_job_that_uses_sudo_gets_it() -> None:
    line = added_to_the_launch("steps:\n  - run: sudo apt-get install -y libgomp1")
    assert line.endswith(" --sudo")
    assert added_to_the_launch("steps:\n  - run: python train.py").endswith("--max-lifetime=6h30m")


def test_in_a_container_nothing_is_only_for_root() -> None:
    old = WITH_A_LAUNCH.format(job="container: dvcorg/cml-py3\n    steps:\n      - run: apt-get install -y libgomp1")
    assert not [row for row in rewrite(old, action=ACTION).rows if "--startup-script" in row.why]


def test_a_check_takes_the_own_token() -> None:
    step = "- uses: iterative/setup-cml@v2\n      - run: cml check create report.md"
    old = f"on: push\nenv:\n  REPO_TOKEN: placed\njobs:\n  a:\n    steps:\n      {step}\n"
    outcomes = {
        token: rewrite(old.replace("placed", token), action=ACTION).rows[-1].outcome
        for token in ("${{ secrets.PAT }}", "${{ secrets.GITHUB_TOKEN }}", "${{ github.token }}")
    }
    assert list(outcomes.values()) == ["by hand", "changed", "changed"]


def test_node_is_kept_and_vega_is_missed() -> None:
    assert rows("npm")[7].outcome == "kept"
    assert "vega" in rows("setup-with-inputs")[12].why


def test_a_workflow_without_cml_has_no_rows() -> None:
    old = "on: push\njobs:\n  a:\n    runs-on: ubuntu-20.04\n    steps:\n      - run: echo cml\n"
    found = rewrite(old, action=ACTION)
    assert not found.rows
    assert found.text == old


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "no YAML: line 1"),
        ("train:\n  script: [cml pr]\n", "no jobs"),
        ("jobs: {a: {steps: [{run: cml ci}]}}", "braces"),
        ("", "no jobs"),
    ],
)
def test_another_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotWorkflow, match=why):
        rewrite(text, action=ACTION)
