"""The wheels in fresh environments: alone, where each extra's absence is said, and with the extra `demo`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cmlkit.errors import MissingExtra
from cmlkit.model.file import save_model
from tests.integration.installation import ROOT, SANDBOX, build, install

pytestmark = pytest.mark.slow

Environ = dict[str, str]
SCORE = """python3 - <<END
import json, os
json.dump({"accuracy": [1, 0, 1, 1, 1, 1, 0, 1]}, open(os.environ["CMLKIT_SCORES"], "w"))
END"""
SETTINGS = f"""
train:
  run: "echo 1 >m.txt; echo 'accuracy: 0.75' >metrics.txt"
  score: {json.dumps(SCORE)}
  model: m.txt
  metrics: [metrics.txt]
  plots: []
"""

CAUGHT = """
import sys
try:
    {call}
except Exception as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment that has what `pip install cmlkit-ci` brings."""
    distribution = build(ROOT, tmp_path_factory.mktemp("distributions"))
    return install([distribution.wheel], distribution.requirements(), tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment that has what `pip install 'cmlkit-ci[demo]'` brings."""
    ours, sandbox = (build(project, tmp_path_factory.mktemp("distributions")) for project in (ROOT, SANDBOX))
    wanted = [*ours.requirements("demo"), *sandbox.requirements()]
    return install([ours.wheel, sandbox.wheel], wanted, tmp_path_factory.mktemp("complete"))


def environ(programs: Path, **more: str) -> Environ:
    """Nothing of the environment that the tests run in."""
    return {"PATH": f"{programs}:/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": os.devnull, **more}


def fails(command: list[str | Path], folder: Path, given: Environ) -> str:
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert not re.search("Traceback|defect", done.stderr)
    return done.stderr


def next_step(extra: str) -> str:
    return MissingExtra("", extra=extra).next_step


@pytest.mark.parametrize(
    ("extra", "command"),
    [
        ("demo", "demo"),
        ("demo", "sandbox --json"),
        ("train", "train --estimator sklearn.linear_model.LogisticRegression"),
        ("skops", "train --estimator sklearn.linear_model.LogisticRegression --model m.skops"),
        ("app", "runner launch"),
    ],
)
def test_a_command_says_in_one_line_which_extra_to_install(
    bare: Path, tmp_path: Path, extra: str, command: str
) -> None:
    app = {"CMLKIT_APP_ID": "1", "CMLKIT_APP_PRIVATE_KEY": "a key", "AWS_REGION": "eu-west-1"}
    run = {"GITHUB_REPOSITORY": "octo/demo", "GITHUB_SHA": "0" * 40, "GITHUB_RUN_ID": "1"}
    said = fails([bare / "cmlkit", *command.split()], tmp_path, environ(bare, **app, **run))
    assert [line for line in said.splitlines() if "pip" in line] == [f"  next: pip install 'cmlkit-ci[{extra}]'"]


def joblib_model(folder: Path) -> None:
    save_model({"weights": [1.0]}, folder / "m.joblib")


def dvc_model(folder: Path) -> None:
    """A model that a `.dvc` file stands for, in a project of DVC."""
    joblib_model(folder)
    model = folder / "m.joblib"
    size, md5 = model.stat().st_size, hashlib.md5(model.read_bytes()).hexdigest()
    Path(f"{model}.dvc").write_text(f"outs:\n- md5: {md5}\n  size: {size}\n  hash: md5\n  path: m.joblib\n")
    model.unlink()
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("[core]\n    remote = r\n")


def skops_model(folder: Path) -> None:
    save_model({"weights": [1.0]}, folder / "m.skops")


@pytest.mark.parametrize(
    ("extra", "prepare", "call"),
    [
        ("train", None, "import cmlkit; cmlkit.save_model({}, 'm.joblib')"),
        ("train", joblib_model, "import cmlkit; cmlkit.load_model('m.joblib')"),
        ("skops", None, "import cmlkit; cmlkit.save_model({}, 'm.skops')"),
        ("skops", skops_model, "import cmlkit; cmlkit.load_model('m.skops')"),
        ("dvc", dvc_model, "import cmlkit; cmlkit.load_model('m.joblib', cache='cache')"),
    ],
)
def test_a_function_raises_an_error_that_names_the_extra(
    bare: Path, tmp_path: Path, extra: str, prepare: Callable[[Path], None] | None, call: str
) -> None:
    if prepare:
        prepare(tmp_path)
    caught = CAUGHT.format(call=call)
    said = fails([bare / "python", "-c", caught], tmp_path, environ(bare))
    assert next_step(extra) in said


def test_dvc_is_asked_for_before_anything_is_published(bare: Path, tmp_path: Path) -> None:
    dvc_model(tmp_path)
    store = "from pathlib import Path; from cmlkit.stores.dvc import DvcStore; store = DvcStore(Path(), environ={})"
    call = f"{store}; store.check('m.joblib', size=1)"
    done = subprocess.run(
        [bare / "python", "-c", call], cwd=tmp_path, env=environ(bare), capture_output=True, text=True
    )
    assert next_step("dvc") in done.stderr


def test_an_interval_of_scores_needs_no_extra(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "cmlkit.yaml").write_text(SETTINGS)
    command: list[str | Path] = [bare / "cmlkit", "train"]
    for _ in range(2):
        subprocess.run(command, cwd=tmp_path, env=environ(bare), check=True, capture_output=True)
    record = json.loads((tmp_path / ".cmlkit/run.json").read_text())
    assert record["rematch"]["intervals"]["accuracy"]["method"] == "mcnemar"


@pytest.mark.slow
def test_the_sandbox_starts_and_ends_when_installed_from_wheels(complete: Path, tmp_path: Path) -> None:
    git = Path(subprocess.check_output(["which", "git"], text=True).strip())
    given = environ(complete, TMPDIR=str(tmp_path))
    given["PATH"] += f":{git.parent}"
    command = [str(complete / "cmlkit"), "sandbox", "--json"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=given) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        started = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        output, rest = process.communicate()
    assert started.startswith("The sandbox is up at http://127.0.0.1:"), started + rest
    assert json.loads(output)["environment"]["GITHUB_API_URL"].startswith("http://127.0.0.1:")
    assert process.returncode == 0


def test_what_is_lent_is_only_what_the_wheel_asks_for(bare: Path, tmp_path: Path) -> None:
    absent = ("joblib", "numpy", "sklearn", "matplotlib", "jwt", "skops", "dvc", "moto", "cmlkit_sandbox")
    looked = f"import importlib.util as u; print(*filter(u.find_spec, {absent}))"
    assert subprocess.check_output([bare / "python", "-c", looked], cwd=tmp_path, text=True, env=environ(bare)) == "\n"
