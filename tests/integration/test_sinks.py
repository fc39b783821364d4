"""One training whose names, parameters and values act or are secret, and every place to which it is written."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox

BY_NAME, BY_FORM, BY_VALUE = "by-its-name-only", "ghp" + "_" + "aB3" * 12, "by-its-value-only"
SECRETS = (BY_NAME, BY_FORM, BY_VALUE, "user-in-a-url")
METRICS = {
    "::set-output name=verdict::better": 1,
    "##[add-mask]2": 2,
    "closes #1": 3,
    "[skip ci] @octo/team": 4,
    "Co-authored-by": 5,
    "a\u202eb\u001b[2J\u0007": 6,
    "accuracy": 0.9,
}
SETTINGS = """
train:
  setup: export HUB=https://user-in-a-url@hub.example
  run: python3 train.py --api-key={by_name} --hub {by_form} --note {by_value} --max-tokens=512
  model: models/a.joblib
  metrics: [metrics.json]
  plots: []
  data: []
  params:
    db_password: {by_name}
    note: of {by_value}
    hub: {{login: {by_form}}}
    max_tokens: 512
publish:
  title: "[skip ci] Retrain {{model}}: {{headline}}"
  body: "Fixes #7 with {{headline}}"
gate:
  rules: ["accuracy >= 0.5"]
"""
TRAIN = """
import json, pathlib
pathlib.Path("models").mkdir(exist_ok=True)
pathlib.Path("models/a.joblib").write_bytes(b"weights")
pathlib.Path("metrics.json").write_text(json.dumps({metrics!r}))
print("::notice::of the training itself", flush=True)
"""


@pytest.fixture
def written(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """Place -> its text, after a training and a publish in a job."""
    Path("cmlkit.yaml").write_text(
        SETTINGS.format(by_name=BY_NAME, by_form=BY_FORM, by_value=BY_VALUE), encoding="utf-8"
    )
    Path("train.py").write_text(TRAIN.format(metrics=METRICS), encoding="utf-8")
    files = {"GITHUB_OUTPUT": tmp_path / "outputs", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("SERVICE_PASSWORD", BY_VALUE)
    for name, path in files.items():
        monkeypatch.setenv(name, str(path))
    assert run(["train"], environ=os.environ) == 0
    assert run(["model", "verify", "models/a.joblib"], environ=os.environ) == 0
    assert run(["publish"], environ=os.environ) == 0
    log = capfd.readouterr()
    repository = sandbox.github.hub.repository(sandbox.repository)
    pull = repository.pulls[-1]
    show = repository.git.git
    return {
        "record": Path(".cmlkit/run.json").read_text(encoding="utf-8"),
        "manifest": show("show", f"{pull.head}:models/a.joblib.json").decode(),
        "report": show("show", f"{pull.head}:models/a.joblib.md").decode(),
        "commit": show("log", "-1", "--format=%B", str(pull.head)).decode(),
        "title": pull.title,
        "body": pull.body or "",
        "comments": "\n".join(comment.body for comment in repository.comments.values()),
        "outputs": files["GITHUB_OUTPUT"].read_text(encoding="utf-8"),
        "summary": files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"),
        "standard output": log.out,
        "standard error": log.err,
    }


def test_no_place_shows_a_secret_or_lets_a_name_act(written: dict[str, str]) -> None:
    leaks = [(place, secret) for place, text in written.items() for secret in SECRETS if secret in text]
    assert leaks == []
    assert all("max_tokens" in written[place] and "512" in written[place] for place in ("record", "manifest", "report"))
    assert "--max-tokens=512" in written["report"]

    lines = [line for place in ("standard output", "standard error") for line in written[place].splitlines()]
    acting = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    assert acting[0] == "::notice::of the training itself" or "::notice::of the training itself" in acting
    assert {line.split("::")[1].split()[0] for line in acting if "::" in line} <= {
        "group",
        "endgroup",
        "warning",
        "notice",
    }
    assert not any("##[" in line for line in lines)
    unseen = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
    assert [place for place, text in written.items() if unseen.search(text)] == []

    message, title = written["commit"], written["title"]
    assert title.startswith("[skip ci] Retrain models/a.joblib: ")
    assert written["body"].count("Fixes #7") == 1
    assert not re.search(r"\[skip ci\]|#\d|(?<!\w)@\w|^[A-Za-z]+-[\w-]*: ", message, re.MULTILINE)
    assert "closes # 1: 3" in message
