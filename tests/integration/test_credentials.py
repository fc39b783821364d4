"""GitHub's tokens in a training: its commands find none, in their environment or above, unless a setting names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import cmlkit
from cmlkit.ci import credentials
from cmlkit.forges.github import TOKENS
from tests.integration.project import project as published_from

ROOT = Path(__file__).parents[2]
CMLKIT = Path(sys.executable).with_name("cmlkit")
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIA-of-the-step",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-step",
    "AWS_REGION": "eu-west-1",
}
# Writes what a command can see: its own environment, and that of each process from its parent up to cmlkit.
LOOK = """
import os, sys
from pathlib import Path

name, top = sys.argv[1], int(os.environ["TOP"])
seen = [Path("/proc/self/environ").read_bytes()]
process = os.getppid()
while process > 1:
    seen.append(Path(f"/proc/{process}/environ").read_bytes())
    if process == top:
        break
    process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
else:
    sys.exit("cmlkit is not above this process")
Path(name).write_bytes(b"\\0".join(seen))
"""
LOOKING_MODEL = """
import os, subprocess, sys
from sklearn.dummy import DummyClassifier

class Looking(DummyClassifier):
    def fit(self, X, y):
        subprocess.run([sys.executable, "look.py", "fit.seen"], check=True)
        return super().fit(X, y)
"""
SETTINGS = {
    "setup": "python look.py setup.seen",
    "run": "python look.py run.seen; echo Accuracy=0.9 >metrics.txt; echo weights >m.joblib",
    "score": """python look.py score.seen; echo '{"Accuracy": 0.9}' >$CMLKIT_SCORES""",
    "model": "m.joblib",
    "metrics": ["metrics.txt"],
    "plots": [],
    "data": [],
}
COMMANDS = ("setup", "run", "score")

# In the place of DVC: writes its environment beside itself, and does as much as a store needs of it.
DVC = """
import hashlib, os, sys
from pathlib import Path

with Path(__file__).with_name("seen").open("ab") as seen:
    seen.write(Path("/proc/self/environ").read_bytes())
match sys.argv[1:]:
    case ["config", "--list"]:
        print("core.remote=there")
    case ["add", "--", name]:
        md5 = hashlib.md5(Path(name).read_bytes()).hexdigest()
        Path(f"{name}.dvc").write_text(f"outs: [{{md5: {md5}, path: {name}}}]")
    case ["pull", "--", name]:
        Path(name.removesuffix(".dvc")).write_bytes(Path(__file__).with_name("stored").read_bytes())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "look.py").write_text(LOOK)
    (tmp_path / "cmlkit.yaml").write_text(json.dumps({"train": SETTINGS}))
    return tmp_path


@pytest.fixture
def tokens() -> dict[str, str]:
    return {name: f"value-of-{name.lower()}-{number}" for number, name in enumerate(sorted(credentials()))}


def without_tokens() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in credentials()}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def started(argv: list[str], directory: Path, environ: Mapping[str, str]) -> None:
    """Run a program that knows its process id as TOP, as a step's shell would start it."""
    script = 'TOP=$$ exec "$@"'
    subprocess.run(["bash", "-c", script, "bash", *argv], cwd=directory, env=environ, check=True, stdout=sys.stderr)


def found(file: Path, values: Mapping[str, str]) -> set[str]:
    """Names of the variables whose name with a value, or whose value anywhere, a command saw."""
    seen = file.read_bytes()
    assert b"PATH=" in seen
    return {name for name, value in values.items() if value.encode() in seen or f"{name}=".encode() in seen}


def test_no_command_of_a_training_finds_a_token_in_its_environment_or_above_it(
    project: Path, tokens: dict[str, str]
) -> None:
    environ = {**without_tokens(), **tokens, **AWS}
    for _ in range(2):  # the second has a champion to score
        started([str(CMLKIT), "train"], project, environ)
    for command in COMMANDS:
        assert found(project / f"{command}.seen", tokens) == set()
        assert found(project / f"{command}.seen", AWS) == set(AWS)


@pytest.mark.slow
def test_an_estimator_finds_no_token_either(project: Path, tokens: dict[str, str]) -> None:
    (project / "looking.py").write_text(LOOKING_MODEL)
    rows = "".join(f"{number},{number % 2}\n" for number in range(40))
    (project / "table.csv").write_text(f"a,label\n{rows}")
    settings = {"estimator": "looking.Looking", "data": ["table.csv"], "target": "label", "plots": []}
    (project / "cmlkit.yaml").write_text(json.dumps({"train": settings}))
    environ = {**without_tokens(), **tokens, "PYTHONPATH": str(project)}
    started([str(CMLKIT), "train"], project, environ)
    assert found(project / "fit.seen", tokens) == set()


def test_a_setting_hands_on_the_tokens_that_it_names_and_no_other(project: Path, tokens: dict[str, str]) -> None:
    settings = {**SETTINGS, "pass-env": ["GH_TOKEN", "CMLKIT_TOKEN"]}
    (project / "cmlkit.yaml").write_text(json.dumps({"train": settings}))
    started([str(CMLKIT), "train"], project, {**without_tokens(), **tokens})
    assert found(project / "run.seen", tokens) == {"GH_TOKEN", "CMLKIT_TOKEN"}


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package in the place of DVC."""
    package = tmp_path / "library" / "dvc"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(DVC)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").touch()
    return package


def test_dvc_finds_no_token_when_a_model_is_loaded(
    tmp_path: Path, dvc: Path, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "m.joblib"
    cmlkit.save_model({"trees": 100}, model)
    (tmp_path / "m.joblib.dvc").write_text(f"outs: [{{size: {model.stat().st_size}, path: m.joblib}}]")
    model.rename(dvc / "stored")
    set_all(monkeypatch, {**tokens, **AWS})
    assert cmlkit.load_model(model, cache=tmp_path / "cache") == {"trees": 100}
    assert found(dvc / "seen", tokens) == set()
    assert found(dvc / "seen", AWS) == set(AWS)


def test_dvc_finds_no_token_when_a_model_is_published(
    tmp_path: Path, dvc: Path, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with published_from(tmp_path) as there:
        set_all(monkeypatch, {**tokens, **AWS})
        there.publish(there.trained(0.9), store="dvc")
    assert found(dvc / "seen", tokens) == set()
    assert found(dvc / "seen", AWS) == set(AWS)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def action_script(command: str, project: Path, program: Path, environ: Mapping[str, str]) -> None:
    given = {"COMMAND": command, "CMLKIT": str(program), "JOB_TOKEN": "token-of-the-job"}
    started(["bash", str(ROOT / "action" / "run.sh")], project, {**without_tokens(), **given, **environ})


def test_the_action_gives_a_training_no_token(project: Path) -> None:
    action_script("train", project, CMLKIT, AWS)
    assert found(project / "run.seen", {"JOB_TOKEN": "token-of-the-job", "CMLKIT_TOKEN": "token-of-the-job"}) == set()
    assert found(project / "run.seen", AWS) == set(AWS)


@pytest.mark.parametrize(
    "command", ["publish", "runner launch", "model promote", "--debug publish", "send-comment r.md"]
)
@pytest.mark.parametrize(
    ("set_by_the_job", "token"),
    [
        ({}, "token-of-the-job"),
        ({"REPO_TOKEN": "of-cml"}, "of-cml"),
        ({"REPO_TOKEN": "of-cml", "GITHUB_TOKEN": "of-workflow"}, "of-workflow"),
        ({"GITHUB_TOKEN": "of-workflow", "CMLKIT_TOKEN": "ours"}, "ours"),
    ],
)
def test_the_action_gives_a_token_to_what_talks_to_github(
    tmp_path: Path, command: str, set_by_the_job: dict[str, str], token: str
) -> None:
    action_script(command, tmp_path, environment_writer(tmp_path), set_by_the_job)
    given = dict(line.partition("=")[::2] for line in environment_of(tmp_path))
    assert TOKENS.found(given) == token
    assert "JOB_TOKEN" not in given


@pytest.mark.parametrize(
    "command", ["train", "train -- cmlkit publish", "config show", "init", "repo prepare", "--help"]
)
def test_the_action_gives_no_token_to_what_uses_none(tmp_path: Path, command: str) -> None:
    action_script(command, tmp_path, environment_writer(tmp_path), {})
    assert [line for line in environment_of(tmp_path) if "token-of-the-job" in line] == []


def environment_writer(directory: Path) -> Path:
    """A program in the place of cmlkit that writes its environment, as the kernel has it, to a file."""
    program = directory / "cmlkit"
    program.write_text("#!/bin/bash\ncat /proc/$$/environ >environment\n")
    program.chmod(0o755)
    return program


def environment_of(directory: Path) -> list[str]:
    return (directory / "environment").read_text().split("\0")
