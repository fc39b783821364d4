"""Runs a template between a sandbox and act, as the workflow of a repository in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
import yaml

from cmlkit_sandbox import Sandbox
from tests.e2e.act import ROOT, Act, ActRun

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-real-key"}
SECRETS = {"CMLKIT_RUNNER_TOKEN": "github_pat_runner"} | KEYS
VARIABLES = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/cmlkit"}
SEAMS = ("AWS_ENDPOINT_URL", "GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY")
QUICK_TRAINING = """\
import pathlib, pickle
folder = pathlib.Path("model")
folder.mkdir(exist_ok=True)
(folder / "metrics.txt").write_text("Accuracy: 0.9\\n")
(folder / "random_forest.joblib").write_bytes(pickle.dumps({"trees": 5}))
(folder / "confusion_matrix.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\n")
"""


def accept_keys(sandbox: Sandbox) -> None:
    """Let AWS take the repository's secrets, and what the stand-in for configure-aws-credentials gives."""
    given = {KEYS["AWS_ACCESS_KEY_ID"]: KEYS["AWS_SECRET_ACCESS_KEY"], "testing": "testing"}
    sandbox.aws.access_keys.known.update(given)


def run_template(
    name: str,
    act: Act,
    sandbox: Sandbox,
    clone: Path,
    *,
    event: str = "workflow_dispatch",
    payload: Mapping[str, Any] | None = None,
    attest: bool = False,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    attempt: int = 1,
    folder: Path = ROOT / "workflows",
    called: str = "",
    told: Callable[[frozenset[str]], None] = lambda jobs: None,
) -> ActRun:
    """Run a template, with tokens that may do no more than it asks for: at any time, than the running jobs ask for.

    Secrets and variables are those that all templates may name, unless they are given. `called` is the workflow beside
    it whose jobs it calls. `told` is told which jobs run, too.
    """
    template = folder / name

    def follow(jobs: frozenset[str]) -> None:
        sandbox.github.add_token("ghs_job", kind="job", permissions=asked_permissions(folder / (called or name), jobs))
        told(jobs)

    follow(frozenset())
    sandbox.github.add_token("github_pat_runner", permissions={"administration": "write"})
    environ = {name: sandbox.environ()[name] for name in SEAMS}
    cache = act.directory / "cache"
    cache.mkdir(exist_ok=True)
    environ |= {"GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": str(attempt), "CMLKIT_TEST_CACHE": str(cache)}
    return act.run(
        template,
        repository=clone,
        event=event,
        payload=payload,
        environ=environ | {"CMLKIT_RUNNER_WAIT_TIMEOUT": "60s"},
        secrets={"GITHUB_TOKEN": "ghs_job", **(SECRETS if secrets is None else secrets)},
        variables={**(VARIABLES if variables is None else variables), "CMLKIT_ATTEST": "true" if attest else ""},
        follow=follow,
    )


def asked_permissions(template: Path, jobs: frozenset[str]) -> dict[str, Any]:
    """What these jobs of a template ask for their GITHUB_TOKEN, as the sandbox names it."""
    all_jobs = yaml.safe_load(template.read_text())["jobs"]
    asked = [(name.replace("-", "_"), level) for job in jobs for name, level in all_jobs[job]["permissions"].items()]
    return dict(sorted(asked, key=lambda item: item[1]))


def rest(sandbox: Sandbox, path: str) -> Any:
    """GitHub's answer to a GET, to somebody who may see everything."""
    sandbox.github.add_token("ghp_onlooker")
    headers = {"Authorization": "Bearer ghp_onlooker"}
    answer = requests.get(f"{sandbox.github.api_url}/repos/{sandbox.repository}/{path}", headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


def the_result_is_in_a_pull_request(done: ActRun, sandbox: Sandbox) -> None:
    """The branch has what was trained, and a pull request has one comment with the accuracy."""
    (pull,) = rest(sandbox, "pulls")
    tree = rest(sandbox, f"git/trees/{pull['head']['sha']}?recursive=1")["tree"]
    trained = {"model/random_forest.joblib", "model/metrics.txt", "model/confusion_matrix.png"}
    assert trained <= {entry["path"] for entry in tree}
    (comment,) = rest(sandbox, f"issues/{pull['number']}/comments")
    assert "Accuracy" in comment["body"]
    assert done.results["pull-request-number"] == str(pull["number"])
