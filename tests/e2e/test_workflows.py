"""Each template, unedited, from its trigger to the terminated instance: act runs the jobs, the sandbox is the world."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from cmlkit.sandbox import Sandbox
from tests.e2e.act import ROOT, Act, ActRun

EXAMPLE = ROOT / "examples" / "random-forest"
TEMPLATES = ("train-on-ec2.yml", "train-on-ec2-with-keys.yml", "retrain-on-change.yml")
VARIABLES = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/cmlkit"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-real-key"}
SEAMS = ("AWS_ENDPOINT_URL", "GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY")
RUN_ID = "4711"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The example project, for a test to change before the sandbox starts with it."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "source"))


@pytest.fixture
def sandbox(tmp_path: Path, source: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox", source=source) as running:
        yield running


def run_template(name: str, act: Act, sandbox: Sandbox, *, event: str = "workflow_dispatch") -> ActRun:
    """Run a template in a clone, with tokens that may do no more than it asks for."""
    template = ROOT / "workflows" / name
    sandbox.github.add_token("ghs_job", kind="job", permissions=asked_permissions(template))
    sandbox.github.add_token("github_pat_runner", permissions={"administration": "write"})
    clone = act.directory / "clone"
    subprocess.run(["git", "clone", "--quiet", bare(sandbox), clone], check=True)
    return act.run(
        template,
        repository=clone,
        event=event,
        environ={name: sandbox.environ()[name] for name in SEAMS}
        | {"GITHUB_RUN_ID": RUN_ID, "CMLKIT_RUNNER_WAIT_TIMEOUT": "60s"},
        secrets={"GITHUB_TOKEN": "ghs_job", "CMLKIT_RUNNER_TOKEN": "github_pat_runner"} | KEYS,
        variables=VARIABLES,
    )


def asked_permissions(template: Path) -> dict[str, Any]:
    """What the jobs of a template ask for their GITHUB_TOKEN, as the sandbox names it."""
    jobs = yaml.safe_load(template.read_text())["jobs"].values()
    asked = [(name.replace("-", "_"), level) for job in jobs for name, level in job["permissions"].items()]
    return dict(sorted(asked, key=lambda item: item[1]))


def bare(sandbox: Sandbox) -> str:
    return str(sandbox.github.hub.repository(sandbox.repository).git.path)


def rest(sandbox: Sandbox, path: str) -> Any:
    """GitHub's answer to a GET, to somebody who may see everything."""
    sandbox.github.add_token("ghp_onlooker")
    headers = {"Authorization": "Bearer ghp_onlooker"}
    answer = requests.get(f"{sandbox.github.api_url}/repos/{sandbox.repository}/{path}", headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


def states(sandbox: Sandbox) -> list[str]:
    """State of every instance that was ever launched."""
    return [instance.state for instance in sandbox.aws.instances()]


def left_behind(sandbox: Sandbox) -> Mapping[str, Any]:
    return {"instances": set(states(sandbox)) - {"terminated"}, "runners": rest(sandbox, "actions/runners")["runners"]}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_brings_model_metrics_and_plots_to_a_pull_request_and_leaves_nothing_running(
    template: str, act: Act, sandbox: Sandbox
) -> None:
    done = run_template(template, act, sandbox, event="push" if "change" in template else "workflow_dispatch")
    assert done.jobs == {"launch": "success", "train": "success", "stop": "success"}, done.log

    (pull,) = rest(sandbox, "pulls")
    tree = rest(sandbox, f"git/trees/{pull['head']['sha']}?recursive=1")["tree"]
    trained = {"model/random_forest.joblib", "model/metrics.txt", "model/confusion_matrix.png"}
    assert trained <= {entry["path"] for entry in tree}
    (comment,) = rest(sandbox, f"issues/{pull['number']}/comments")
    assert "ccuracy" in comment["body"]
    assert done.results["pull-request-number"] == str(pull["number"])
    assert set(done.results) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["outputs"])

    assert len(states(sandbox)) == 1
    assert left_behind(sandbox) == {"instances": set(), "runners": []}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_training_that_fails_leaves_nothing_running_and_opens_nothing(
    template: str, act: Act, sandbox: Sandbox, source: Path
) -> None:
    (source / "train.py").write_text("raise SystemExit('the data is not what it was')\n")
    done = run_template(template, act, sandbox)
    assert done.jobs == {"launch": "success", "train": "failure", "stop": "success"}, done.log
    assert "the data is not what it was" in done.log
    assert rest(sandbox, "pulls") == []
    assert len(states(sandbox)) == 1
    assert left_behind(sandbox) == {"instances": set(), "runners": []}
