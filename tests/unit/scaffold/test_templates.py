"""Workflow templates, filled in for a repository."""

from __future__ import annotations

import pytest
import yaml

from cmlkit.scaffold import templates
from tests.unit.scaffold.awkward import AWKWARD


@pytest.mark.parametrize("text", AWKWARD)
def test_region_schedule_and_action_stay_values_of_the_workflow(text: str) -> None:
    template = templates.workflow("train-on-ec2.yml")
    written = templates.workflow_file(template, action=text, region=text, schedule=text, branch=text)
    assert len(written.splitlines()) == len(template.splitlines())
    workflow = yaml.safe_load(written)
    assert workflow["env"]["AWS_REGION"] == text
    assert workflow[True]["schedule"] == [{"cron": text}]  # PyYAML takes the key `on` for a boolean
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert text in [step.get("uses") for step in steps]


@pytest.mark.parametrize("name", templates.workflow_names())
def test_a_workflow_gets_action_region_and_schedule_and_nothing_else_changes(name: str) -> None:
    template = templates.workflow(name)
    text = templates.workflow_file(
        template, action="me/cmlkit@v9", region="eu-north-1", schedule="5 4 * * 1", branch="trunk"
    )
    assert templates.ACTION in template, "it works as it is copied"
    assert templates.ACTION not in text
    assert ("AWS_REGION: eu-north-1" in text) == ("AWS_REGION:" in template)
    assert ('cron: "5 4 * * 1"' in text) == ("cron:" in template)
    assert ("branches: [trunk]\n" in text) == ("branches: [main]" in template)
    assert len(text.splitlines()) == len(template.splitlines())
    assert templates.workflow_file(template) == template
