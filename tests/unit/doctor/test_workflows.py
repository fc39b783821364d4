"""The workflows that use cmlkit, and what they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.doctor.workflows import Named, examined, named
from cmlkit.scaffold import templates


def written(folder: Path, name: str, text: str) -> Path:
    # The test's folder itself may lie in a repository.
    (folder / ".git").mkdir(exist_ok=True)
    path = folder / ".github/workflows" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("template", "secrets", "variables"),
    [
        ("train-on-ec2.yml", ("CMLKIT_RUNNER_TOKEN",), ("AWS_ROLE_ARN",)),
        (
            "train-on-ec2-with-keys.yml",
            ("CMLKIT_RUNNER_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            (),
        ),
    ],
)
def test_a_template_names_what_it_needs(
    tmp_path: Path, template: str, secrets: tuple[str, ...], variables: tuple[str, ...]
) -> None:
    found = named(written(tmp_path, template, templates.workflow(template)))
    files = (f".github/workflows/{template}",)
    assert found == Named(files=files, secrets=secrets, variables=variables, tells=True)


def test_workflows_are_those_at_the_root_of_a_repository_with_several_projects(tmp_path: Path) -> None:
    (tmp_path / "models/churn").mkdir(parents=True)
    written(tmp_path, "churn.yml", templates.workflow("train-here.yml"))
    assert named(tmp_path / "models/churn").files == (".github/workflows/churn.yml",)


def test_a_job_with_an_environment_may_have_its_own_secrets(tmp_path: Path) -> None:
    text = templates.workflow("train-on-ec2.yml")
    assert not named(written(tmp_path, "train.yml", text)).has_environments
    text = text.replace("# environment: expensive", "environment: expensive")
    assert named(written(tmp_path, "train.yml", text)).has_environments


def test_a_workflow_of_empty_lines_is_read_in_time(tmp_path: Path) -> None:
    text = templates.workflow("train-here.yml") + "\n" * 500_000  # hours, if each looks at all that follow
    assert not named(written(tmp_path, "train.yml", text)).has_environments


def test_other_workflows_and_comments_need_nothing(tmp_path: Path) -> None:
    written(tmp_path, "ci.yml", "on: push\n# uses: cmlkit/cmlkit@v1 with secrets.CMLKIT_RUNNER_TOKEN\n")
    assert named(tmp_path) == Named()
    [finding] = examined(named(tmp_path), notify="issue")
    assert (finding.state, finding.remedy) == ("warning", "Write one: cmlkit init.")


def test_a_setting_that_no_job_heeds_is_said(tmp_path: Path) -> None:
    text = templates.workflow("train-here.yml")
    found = named(written(tmp_path, "train.yml", text))
    assert [finding.state for finding in examined(found, notify="")] == ["ok"]
    _, said = examined(found, notify="issue")
    assert (said.state, said.remedy) == ("warning", "Add the job notify of workflows/train-here.yml.")
    text += "\n  notify:\n    steps: [{uses: cmlkit/cmlkit@v1, with: {command: workflow notify}}]\n"
    found = named(written(tmp_path, "train.yml", text))
    assert [finding.state for finding in examined(found, notify="issue")] == ["ok"]


def test_a_name_is_needed_by_a_workflow_that_has_it_and_by_one_that_is_not_here(tmp_path: Path) -> None:
    assert named(tmp_path).needs("AWS_ROLE_ARN")  # no workflow yet
    written(tmp_path, "here.yml", templates.workflow("train-here.yml"))
    assert not named(tmp_path).needs("AWS_ROLE_ARN")
    written(tmp_path, "ec2.yml", templates.workflow("train-on-ec2.yml"))
    assert named(tmp_path).needs("AWS_ROLE_ARN")
    (tmp_path / ".github/workflows/ec2.yml").unlink()
    for called, elsewhere in (("./.github/workflows/own.yml", False), ("acme/ml/.github/workflows/r.yml@v1", True)):
        found = named(written(tmp_path, "calls.yml", f"jobs:\n  retrain:\n    uses: {called}\n"))
        assert (found.needs("CMLKIT_RUNNER_TOKEN"), found.calls_elsewhere) == (elsewhere, elsewhere)
        assert len(list(examined(found, notify="issue"))) == (1 if elsewhere else 2)


@pytest.mark.parametrize("written_as", ["secrets.CMLKIT_RUNNER_TOKEN", "secrets['CMLKIT_RUNNER_TOKEN']"])
def test_a_secret_is_named_with_a_point_or_in_brackets(tmp_path: Path, written_as: str) -> None:
    text = (
        f"jobs:\n  a:\n    steps:\n      - uses: cmlkit/cmlkit@v1\n        env:\n          A: ${{{{ {written_as} }}}}\n"
    )
    assert named(written(tmp_path, "train.yml", text)).secrets == ("CMLKIT_RUNNER_TOKEN",)
