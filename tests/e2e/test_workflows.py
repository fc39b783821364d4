"""Each template, unedited, from its trigger to the terminated instance: act runs the jobs, the sandbox is the world."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from cmlkit.data.fingerprint import fingerprints
from cmlkit.model.file import write_manifest
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.own_branch import signed
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.aws import ACCESS_KEY, SECRET_KEY
from cmlkit_sandbox.aws.images import IMAGES
from tests.e2e.act import ROOT, Act, ActRun
from tests.e2e.templates import QUICK_TRAINING, accept_keys, rest, run_template, the_result_is_in_a_pull_request
from tests.integration.aws_client import until_state

EXAMPLE = ROOT / "examples" / "random-forest"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox", source=EXAMPLE) as running:
        accept_keys(running)
        yield running


@pytest.fixture
def clone(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A clone of the sandbox's repository, which act checks out as it is, what a test changes in it included."""
    bare = sandbox.github.hub.repository(sandbox.repository).git.path
    subprocess.run(["git", "clone", "--quiet", bare, tmp_path / "clone"], check=True)
    return tmp_path / "clone"


def left_behind(sandbox: Sandbox) -> tuple[list[str], list[Any]]:
    """Instances that are not terminated and runners that are registered, of the one that was launched."""
    (instance,) = sandbox.aws.instances()
    return [instance.id] if instance.state != "terminated" else [], rest(sandbox, "actions/runners")["runners"]


def replace_training(clone: Path, program: str) -> None:
    """Put a program in the example's place that takes no time."""
    (clone / "train.py").write_text(program)
    (clone / "cmlkit.yaml").write_text("train: {run: python train.py, data: []}\n")


def assert_published(done: ActRun, sandbox: Sandbox) -> None:
    """All jobs of the instance succeeded, and the result is in a pull request."""
    assert {done.jobs[name] for name in ("launch", "train", "stop")} == {"success"}, done.log
    the_result_is_in_a_pull_request(done, sandbox)


@pytest.mark.slow
def test_the_daily_template_brings_the_examples_model_to_a_pull_request_and_leaves_nothing_running(
    act: Act, sandbox: Sandbox, clone: Path
) -> None:
    done = run_template("train-on-ec2.yml", act, sandbox, clone, attest=True)
    assert_published(done, sandbox)
    assert done.jobs["attest"] == "success"
    assert f"attested model/random_forest.joblib sha256:{done.results['model-sha256']}" in done.printed
    assert left_behind(sandbox) == ([], [])
    assert set(done.results) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["outputs"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "event"), [("train-on-ec2-with-keys.yml", "workflow_dispatch"), ("retrain-on-change.yml", "push")]
)
def test_the_templates_beside_it_do_the_same(
    template: str, event: str, act: Act, sandbox: Sandbox, clone: Path
) -> None:
    replace_training(clone, QUICK_TRAINING)
    assert_published(run_template(template, act, sandbox, clone, event=event), sandbox)
    assert left_behind(sandbox) == ([], [])


@pytest.mark.slow
def test_the_template_without_a_cloud_publishes_from_an_own_runner_by_one_line(
    act: Act, sandbox: Sandbox, clone: Path, tmp_path: Path
) -> None:
    """Unedited, tests/e2e/test_walk_through.py runs it."""
    replace_training(clone, QUICK_TRAINING)
    template, count = re.subn(
        r"ubuntu-latest # or .*", "[self-hosted, gpu]", (ROOT / "workflows" / "train-here.yml").read_text(), count=1
    )
    (tmp_path / "train-here.yml").write_text(template)
    done = run_template("train-here.yml", act, sandbox, clone, attest=True, folder=tmp_path)
    assert (count, done.jobs) == (1, {"due": "success", "train": "success", "attest": "success"}), done.log
    the_result_is_in_a_pull_request(done, sandbox)
    assert sandbox.aws.instances() == []


@pytest.mark.slow
@pytest.mark.parametrize("template", ["train-on-ec2.yml", "train-on-ec2-with-keys.yml", "retrain-on-change.yml"])
def test_a_training_that_fails_leaves_nothing_running_and_opens_nothing(
    template: str, act: Act, sandbox: Sandbox, clone: Path
) -> None:
    replace_training(clone, "raise SystemExit('the data is not what it was')\n")
    done = run_template(template, act, sandbox, clone)
    assert done.jobs == {"due": "success", "launch": "success", "train": "failure", "stop": "success"}, done.log
    assert "the data is not what it was" in done.printed
    assert rest(sandbox, "pulls") == []
    assert left_behind(sandbox) == ([], [])


def record_failure(sandbox: Sandbox) -> None:
    """Let GitHub have the run that act plays, with the instance's job, which has just failed."""
    run = sandbox.github.start_run(sandbox.repository)
    job = sandbox.github.queue_job(sandbox.repository, labels=["nobody's"], steps=["false"], run=run)
    (runner,) = rest(sandbox, "actions/runners")["runners"]
    job.runner_name, job.status, job.conclusion = runner["name"], "completed", "failure"
    job.completed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sandbox.github.hub.repository(sandbox.repository).runs[4711] = run


@pytest.mark.slow
def test_the_instance_of_a_failed_training_stays_for_a_look(act: Act, sandbox: Sandbox, clone: Path) -> None:
    replace_training(clone, "raise SystemExit('the data is not what it was')\n")
    with (clone / "cmlkit.yaml").open("a") as settings:
        settings.write("runner: {keep-on-failure: 10m, max-lifetime: 1h}\n")

    def told(jobs: frozenset[str]) -> None:
        # The last job, whose first line comes while its steps are still ahead.
        if "stop" in jobs:
            record_failure(sandbox)

    began = time.time()
    done = run_template("train-on-ec2.yml", act, sandbox, clone, told=told)
    assert sandbox.aws.instances(), done.log
    (instance,) = sandbox.aws.instances()
    assert (done.jobs["train"], done.jobs["stop"]) == ("failure", "success"), done.log
    # act ran the job: the machine has no mark of its failure, and ends by itself when its idle runner is removed.
    assert done.results["terminated"] == "[]"
    assert f"Connect: cmlkit runner connect {instance.id}" in done.printed
    assert began + 600 < json.loads(done.results["staying"])[instance.id] < time.time() + 600


CALLER = """\
on: workflow_dispatch
permissions: {}
jobs:
  retrain:
    uses: ./.github/workflows/retrain.yml
    with: WITH
    secrets:
      runner-token: ${{ secrets.CMLKIT_RUNNER_TOKEN }}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "ran"),
    [
        ('{working-directory: models/forest, runs-on: \'["self-hosted", "gpu"]\'}', {"due", "train"}),
        ("{working-directory: models/forest, aws-region: eu-west-1}", {"due", "launch", "train", "stop"}),
    ],
    ids=["on an own runner", "on an instance"],
)
def test_a_repository_of_one_line_calls_the_reusable_workflow(
    given: str, ran: set[str], act: Act, sandbox: Sandbox, clone: Path
) -> None:
    project = clone / "models" / "forest"
    project.mkdir(parents=True)
    replace_training(project, QUICK_TRAINING)
    (clone / "cmlkit.yaml").unlink()
    workflows = clone / ".github" / "workflows"
    workflows.mkdir(parents=True)
    shutil.copy(ROOT / "workflows" / "retrain.yml", workflows)
    (workflows / "daily.yml").write_text(CALLER.replace("WITH", given))
    done = run_template("daily.yml", act, sandbox, clone, folder=workflows, called="retrain.yml")
    assert done.jobs == dict.fromkeys(ran, "success"), done.log
    (pull,) = rest(sandbox, "pulls")
    tree = rest(sandbox, f"git/trees/{pull['head']['sha']}?recursive=1")["tree"]
    assert "models/forest/model/random_forest.joblib" in {entry["path"] for entry in tree}
    assert [instance.id for instance in sandbox.aws.instances() if instance.state != "terminated"] == []


INTERRUPTED_TRAINING = (
    """\
import pathlib, sys
state = pathlib.Path("checkpoints", "state")
print("begins after epoch", state.read_text() if state.exists() else 0)
if not state.exists():
    state.parent.mkdir()
    state.write_text("4")
    sys.exit(143)
"""
    + QUICK_TRAINING
)


def training_alone(template: str, folder: Path) -> str:
    """Write a workflow of a template's job that trains, without its last step, which publishes; return its name."""
    job = yaml.safe_load((ROOT / "workflows" / template).read_text())["jobs"]["train"]
    alone = {"runs-on": "ubuntu-latest", "permissions": job["permissions"], "steps": job["steps"][:-1]}
    (folder / template).write_text(yaml.safe_dump({"on": "workflow_dispatch", "jobs": {"train": alone}}))
    return template


@pytest.mark.slow
@pytest.mark.parametrize("template", ["train-on-ec2.yml", "train-on-ec2-with-keys.yml", "retrain-on-change.yml"])
def test_the_next_attempt_goes_on_from_the_checkpoint_that_the_cache_carried(
    template: str, act: Act, tmp_path: Path, clone: Path, sandbox: Sandbox
) -> None:
    replace_training(clone, INTERRUPTED_TRAINING)
    (clone / "cmlkit.yaml").write_text("train: {run: python train.py, data: [], checkpoint: checkpoints}\n")
    name = training_alone(template, tmp_path)
    first = run_template(name, act, sandbox, clone, folder=tmp_path)
    assert (first.jobs, "begins after epoch 0" in first.printed) == ({"train": "failure"}, True), first.log
    assert not (clone / ".cmlkit").exists()
    second = run_template(name, act, sandbox, clone, attempt=2, folder=tmp_path)
    assert (second.jobs, "begins after epoch 4" in second.printed) == ({"train": "success"}, True), second.log


@pytest.mark.slow
def test_a_template_launches_nothing_as_long_as_nothing_changed(act: Act, sandbox: Sandbox, clone: Path) -> None:
    replace_training(clone, QUICK_TRAINING)
    (clone / ".gitignore").unlink()  # the example ignores data/, so that its checkout has no data to compare
    (clone / "data").mkdir()
    (clone / "data" / "a.csv").write_text("1\n")
    (clone / "cmlkit.yaml").write_text("train: {run: python train.py}\n")
    started = committed(clone, "Begin")
    (clone / "model").mkdir()
    (clone / "model" / "random_forest.joblib").write_bytes(b"weights")
    data = fingerprints(["data/"], clone, missing=lambda _: None)
    write_manifest(clone / "model" / "random_forest.joblib", metrics={"accuracy": 0.9}, commit=started, data=data)
    committed(clone, "Merge a result")
    subprocess.run(["git", "push", "--quiet", "origin", "HEAD"], cwd=clone, check=True)
    done = run_template("train-on-ec2.yml", act, sandbox, clone, event="schedule")
    assert done.results["reason"] == "Nothing has changed since the champion was trained."
    assert (done.jobs, sandbox.aws.instances()) == ({"due": "success"}, []), done.log


def committed(clone: Path, message: str) -> str:
    git = ["git", "-c", "user.name=ann", "-c", "user.email=ann@localhost"]
    subprocess.run([*git, "add", "--all"], cwd=clone, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", message], cwd=clone, check=True)
    return subprocess.run(
        [*git, "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout.strip()


OWN_EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a push of a branch": ("push", {"ref": "refs/heads/cmlkit/main/1"}),
    "a push of a branch with another name": (
        "push",
        {"ref": "refs/heads/results", "head_commit": {"message": signed("Retrain", "results")}},
    ),
    "a pull request": (
        "pull_request",
        {
            "pull_request": {
                "number": 1,
                "head": {"ref": "cmlkit/main/1"},
                "base": {"ref": "main"},
                "body": str(Marker(kind="pull-request", subject="model/m.joblib", run="1")),
            }
        },
    ),
    "a pull request with another name": (
        "pull_request",
        {
            "pull_request": {
                "number": 1,
                "head": {"ref": "results"},
                "base": {"ref": "main"},
                "body": str(Marker(kind="pull-request", subject="files", run="1")),
            }
        },
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("own", OWN_EVENTS)
@pytest.mark.parametrize("template", ["train-on-ec2.yml", "train-on-ec2-with-keys.yml", "retrain-on-change.yml"])
def test_a_template_does_nothing_for_cmlkits_own_branch_and_stays_green(
    template: str, own: str, act: Act, sandbox: Sandbox, clone: Path, tmp_path: Path
) -> None:
    event, payload = OWN_EVENTS[own]
    branch = payload.get("ref", "refs/heads/results").removeprefix("refs/heads/")
    subprocess.run(["git", "switch", "--quiet", "--create", branch], cwd=clone, check=True)
    workflow = tmp_path / template
    # Whatever starts it: a user may have taken the filters out.
    text = (ROOT / "workflows" / template).read_text()
    workflow.write_text(re.sub(r"^on:\n(?:[ #].*\n)+", "on: [push, pull_request]\n", text, flags=re.MULTILINE))
    done = run_template(workflow.name, act, sandbox, clone, event=event, payload=payload, folder=tmp_path)
    assert (done.jobs, sandbox.aws.instances()) == ({}, []), done.log
    assert "failure" not in done.log.lower()


def test_a_template_trains_for_the_branch_that_a_result_was_merged_into() -> None:
    """The trailer of the commit names another branch then."""
    message = signed("Retrain", "results")
    assert "Cmlkit-Branch: [results]" in message
    for template in ("train-here.yml", "train-on-ec2.yml", "train-on-ec2-with-keys.yml", "retrain-on-change.yml"):
        assert "format('Cmlkit-Branch: [{0}]', github.ref_name)" in (ROOT / "workflows" / template).read_text()


@pytest.mark.slow
def test_the_hourly_template_ends_what_outlived_its_lease_and_nothing_else(
    act: Act, tmp_path: Path, repository: Path
) -> None:
    with Sandbox(tmp_path / "sandbox", boot=False) as sandbox:
        accept_keys(sandbox)
        forgotten, at_work = launched(sandbox, expires=-3600), launched(sandbox, expires=3600)
        done = run_template("reap.yml", act, sandbox, repository)
        assert done.jobs == {"reap": "success"}, done.log
        until_state(sandbox.aws, forgotten, "terminated")
        assert sandbox.aws.instance(at_work).state == "running"


@pytest.mark.slow
def test_the_template_for_promotion_tags_the_model_of_the_base_branch(
    act: Act, tmp_path: Path, repository: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(EXAMPLE, source)
    (source / "model").mkdir(exist_ok=True)
    (source / "model" / "random_forest.joblib").write_bytes(b"weights")
    write_manifest(source / "model" / "random_forest.joblib", metrics={"accuracy": 0.9})
    with Sandbox(tmp_path / "sandbox", source=source, boot=False) as sandbox:
        accept_keys(sandbox)
        done = run_template("promote.yml", act, sandbox, repository)
        assert done.jobs == {"promote": "success"}, done.log
        assert (done.outputs["promoted"], done.outputs["tag"]) == ("true", "model/random_forest/production/1")
        (tag,) = rest(sandbox, "git/matching-refs/tags/model")
        assert tag["ref"] == "refs/tags/model/random_forest/production/1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "attempts"),
    [
        ("warning title=Spot interruption", 2),
        pytest.param("error title=cmlkit", 1, marks=pytest.mark.slow),
    ],
)
def test_the_resuming_template_runs_an_interrupted_run_again_and_no_other(
    said: str, attempts: int, act: Act, tmp_path: Path, repository: Path
) -> None:
    with Sandbox(tmp_path / "sandbox", boot=False) as sandbox:
        accept_keys(sandbox)
        job = sandbox.github.queue_job(sandbox.repository, labels=["self-hosted"], steps=["true"])
        job.log, job.status, job.conclusion = f"::{said}::It ended.\n", "completed", "failure"
        payload = {"workflow_run": {"id": job.run_id, "conclusion": "failure", "run_attempt": 1}}
        done = run_template(
            "resume-after-interruption.yml", act, sandbox, repository, event="workflow_run", payload=payload
        )
        assert done.jobs == {"resume": "success"}, done.log
        assert sandbox.github.hub.repository(sandbox.repository).runs[job.run_id].attempt == attempts


def launched(sandbox: Sandbox, *, expires: float) -> str:
    """Id of an instance as `runner launch` marks it, whose lease ends in `expires` seconds."""
    tags = {
        "cmlkit:run": str(sandbox.github.start_run(sandbox.repository).id),
        "cmlkit:scope": sandbox.repository,
        "cmlkit:repository": sandbox.repository,
        "cmlkit:expires": str(int(time.time() + expires)),
    }
    ec2 = boto3.client(
        "ec2",
        region_name="eu-west-1",
        endpoint_url=sandbox.aws.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    answer = ec2.run_instances(
        ImageId=IMAGES[0].id("eu-west-1"),
        InstanceType="t3.medium",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}
        ],
    )
    return str(answer["Instances"][0]["InstanceId"])
