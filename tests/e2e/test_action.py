"""The action as a workflow meets it: what it puts on PATH, how inputs travel, what it refuses."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

import pytest

from cmlkit.cli.cml.alias import EXECUTABLES
from tests.e2e.act import Act, ActRun


def run(act: Act, repository: Path, *, steps: str, secrets: Mapping[str, str] | None = None) -> ActRun:
    """Run `steps`, as YAML, in a job of their own."""
    workflow = repository / "workflow.yml"
    job = "on: workflow_dispatch\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n"
    workflow.write_text(job + indent(dedent(steps), "      "))
    return act.run(workflow, repository=repository, secrets=secrets)


def test_without_a_command_cmlkits_own_programs_and_nothing_else_get_on_the_path(act: Act, repository: Path) -> None:
    done = run(
        act,
        repository,
        steps="""
            - run: echo "first=$(command -v python3) $(command -v pip)" >>"$GITHUB_OUTPUT"
            - uses: cmlkit/cmlkit@v1
            - run: |
                echo "then=$(command -v python3) $(command -v pip)" >>"$GITHUB_OUTPUT"
                echo "programs=$(ls "$(dirname "$(command -v cmlkit)")" | tr '\\n' ' ')" >>"$GITHUB_OUTPUT"
                cmlkit --version
        """,
    )
    assert done.jobs == {"job": "success"}, done.log
    assert done.outputs["then"] == done.outputs["first"]
    assert done.outputs["programs"].split() == ["cmlkit", *(f"cmlkit-{name}" for name in sorted(EXECUTABLES))]
    assert "cmlkit, version" in done.log


def test_uv_is_set_up_where_the_machine_has_none(act: Act, repository: Path) -> None:
    done = run(replace(act, has_uv=False), repository, steps="- uses: cmlkit/cmlkit@v1\n- run: cmlkit --version")
    assert done.jobs == {"job": "success"}, done.log
    assert "cmlkit, version" in done.printed


@pytest.mark.slow
def test_an_input_wins_over_the_variable_that_a_job_sets_and_a_missing_one_leaves_it(
    act: Act, repository: Path
) -> None:
    done = run(
        act,
        repository,
        steps="""
            - uses: cmlkit/cmlkit@v1
              with:
                command: config show --json
                region: eu-west-1
                gate: |
                  accuracy >= 0.9
                  loss <= champion
              env:
                CMLKIT_RUNNER_REGION: us-east-1
                CMLKIT_RUNNER_IMAGE: ami-0123456789abcdef0
        """,
    )
    assert done.jobs == {"job": "success"}, done.log
    shown = shown_settings(done)
    assert shown["runner.region"] == {"value": ["eu-west-1"], "source": "CMLKIT_RUNNER_REGION"}
    assert shown["runner.image"]["value"] == "ami-0123456789abcdef0"
    assert shown["gate"]["value"] == ["accuracy >= 0.9", "loss <= champion"]
    assert shown["runner.market"]["source"] == "default"


@pytest.mark.slow
def test_labels_are_both_the_runners_and_the_pull_requests(act: Act, repository: Path) -> None:
    steps = """
        - uses: cmlkit/cmlkit@v1
          with:
            command: config show --json
            labels: retrained
    """
    shown = shown_settings(run(act, repository, steps=steps))
    assert shown["runner.labels"]["value"] == shown["publish.labels"]["value"] == ["retrained"]


@pytest.mark.slow
def test_the_settings_file_is_looked_for_in_the_working_directory(act: Act, repository: Path) -> None:
    (repository / "model").mkdir()
    (repository / "model" / "settings.yaml").write_text("runner: {image: ami-0123456789abcdef0}\n")
    steps = """
        - uses: actions/checkout@v6
        - uses: cmlkit/cmlkit@v1
          with:
            command: config show --json
            working-directory: model
            config: settings.yaml
    """
    shown = shown_settings(run(act, repository, steps=steps))
    assert shown["runner.image"] == {"value": "ami-0123456789abcdef0", "source": "settings.yaml:1"}


@pytest.mark.slow
def test_a_command_is_never_evaluated(act: Act, repository: Path) -> None:
    texts = ("$(touch evaluated)", "; touch evaluated", "`touch evaluated`", "&& touch evaluated", "| tee evaluated")
    steps = "".join(
        f"""
        - uses: cmlkit/cmlkit@v1
          continue-on-error: true
          with:
            command: "config show {text}"
        """
        for text in texts
    )
    done = run(act, repository, steps=steps + "- run: test ! -e evaluated")
    assert done.jobs == {"job": "success"}, done.log
    assert done.printed.count("Got unexpected extra argument") == len(texts)


@pytest.mark.slow
def test_the_jobs_token_is_nowhere_that_a_training_can_look(act: Act, repository: Path) -> None:
    look = "cat /proc/[0-9]*/environ >>seen 2>/dev/null || true"
    train = f"{look}; echo Accuracy=0.9 >metrics.txt; echo weights >m.joblib"
    settings = {"setup": look, "run": train, "model": "m.joblib", "metrics": ["metrics.txt"], "plots": [], "data": []}
    (repository / "cmlkit.yaml").write_text(json.dumps({"train": settings}))
    steps = """
        - uses: actions/checkout@v6
        - uses: cmlkit/cmlkit@v1
          with:
            command: train
        - run: |
            echo "training=$(grep -azcx COMMAND=train seen)" >>"$GITHUB_OUTPUT"
            echo "tokens=$(grep -azc ghs_job seen)" >>"$GITHUB_OUTPUT"
    """
    done = run(act, repository, steps=steps, secrets={"GITHUB_TOKEN": "ghs_job"})
    assert done.jobs == {"job": "success"}, done.log
    assert int(done.outputs["training"]) > 0
    assert done.outputs["tokens"] == "0"


@pytest.mark.slow
def test_a_command_with_quotes_is_refused_with_what_to_do_instead(act: Act, repository: Path) -> None:
    steps = """
        - uses: cmlkit/cmlkit@v1
          with:
            command: publish --title "Retrained model"
    """
    done = run(act, repository, steps=steps)
    assert done.jobs == {"job": "failure"}
    assert "in their own input" in done.log


@pytest.mark.slow
def test_scikit_learn_is_installed_for_an_estimator_and_stays_for_later_steps(act: Act, repository: Path) -> None:
    steps = """
        - uses: cmlkit/cmlkit@v1
        - run: echo before=$(ls "$RUNNER_TEMP"/cmlkit-*/environment/lib/python*/site-packages) >>"$GITHUB_OUTPUT"
        - uses: cmlkit/cmlkit@v1
          with:
            command: train --help
            estimator: sklearn.ensemble.RandomForestClassifier
        - uses: cmlkit/cmlkit@v1
          with:
            command: --version
        - run: echo after=$(ls "$RUNNER_TEMP"/cmlkit-*/environment/lib/python*/site-packages) >>"$GITHUB_OUTPUT"
    """
    done = run(act, repository, steps=steps)
    assert done.jobs == {"job": "success"}, done.log
    assert "sklearn" not in done.outputs["before"].split()
    assert "sklearn" in done.outputs["after"].split()


def shown_settings(done: ActRun) -> dict[str, dict[str, object]]:
    """What `cmlkit config show --json` printed, where nothing else printed anything."""
    assert done.jobs == {"job": "success"}, done.log
    settings: dict[str, dict[str, object]] = json.loads(done.printed)
    return settings
