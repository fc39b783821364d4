"""How a project trains, guessed from its files."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml

from cmlkit.scaffold import templates
from cmlkit.scaffold.guess import Guess, guess
from cmlkit.scaffold.project import Project
from tests.unit.scaffold.repositories import BESIDES, UV


def guessed(files: dict[str, str]) -> Guess:
    return guess(Project(files=files, read=files.__getitem__))


def test_the_reference_project_is_understood_from_its_scripts_alone() -> None:
    folder = templates.example()
    files = {name: (folder / name).read_text() for name in ("train.py", "score.py", "get_data.py", "requirements.txt")}
    found = guessed(files)
    # The example is for the demo, too, whose machine has the packages and no index to get uv from.
    train = yaml.safe_load((folder / "cmlkit.yaml").read_text())["train"]
    setup = train["setup"].replace("pip install", UV)
    assert found.train == {**train, "setup": setup}
    assert found.missing == ()


@pytest.mark.parametrize(
    ("files", "key", "value"),
    [
        ({"src/train.py": ""}, "run", "python src/train.py"),
        ({"train.py": "import joblib\n"}, "run", "python train.py"),
        ({"train.py": "", "old/train.py": ""}, "run", "python train.py"),
        ({"train.py": "", "uv.lock": "", "requirements.txt": ""}, "run", "uv run python train.py"),
        ({"train.py": "", "uv.lock": "", "requirements.txt": ""}, "setup", "pip install uv && uv sync --frozen"),
        ({"train.py": "", "pyproject.toml": "[project]"}, "setup", f"{UV} ."),
        # Without a package of its own, pip ends with: No file/folder found for package forest.
        (
            {"train.py": "", "pyproject.toml": '[tool.poetry]\nname = "forest"'},
            "setup",
            "pip install poetry && poetry install --no-root",
        ),
        ({"train.py": "", "pyproject.toml": '[tool.poetry]\nname = "f"'}, "run", "poetry run python train.py"),
        ({"train.py": "", "scripts/get_data.py": ""}, "setup", "python scripts/get_data.py"),
        ({"train.py": "open('out/scores.json', 'w')"}, "metrics", ["out/scores.json"]),
        ({"train.py": "", "models/m.pkl": ""}, "model", "models/m.pkl"),
        ({"train.py": "dump(m, 'model.skops')"}, "model", "model.skops"),
        ({"train.py": "", "data/a.csv": ""}, "data", ["data/"]),
        ({"train.py": "", "docs/logo.png": "", "plots/roc.svg": ""}, "plots", ["plots/roc.svg"]),
        ({"train.py": "savefig('roc.png')"} | {f"cats/{n}.png": "" for n in range(51)}, "plots", ["roc.png"]),
        ({"train.py": ""}, "plots", []),
        ({"train.py": ""}, "data", []),
    ],
)
def test_each_setting_is_guessed_from_what_is_there(files: dict[str, str], key: str, value: Any) -> None:
    assert guessed(files).train[key] == value


@pytest.mark.parametrize("part", ["\n", "to_csv("])
def test_a_script_of_half_a_megabyte_of_equal_parts_is_read_in_time(part: str) -> None:
    empty = part * (2**19 // len(part))  # minutes to hours, if each looks at all that follow
    files = {
        "src/forest/train.py": empty,
        "requirements.txt": empty,
        ".dvc/config": empty,
        "m.dvc": "",
        "tests/a.py": "",
    }
    assert guessed(files).train["run"] == "python src/forest/train.py"


@pytest.mark.parametrize(
    ("name", "key"),
    [("requirements.txt", "setup"), ("environment.yml", "setup"), ("score.py", "score"), ("dvc.yaml", "run")],
)
def test_a_path_is_one_argument_of_the_command_whatever_is_in_its_name(name: str, key: str) -> None:
    folder = "my model $(touch made)"
    texts = {"score.py": "CMLKIT_SCORES", "dvc.yaml": "stages:\n"}
    found = guessed({f"{folder}/train.py": "", f"{folder}/{name}": texts.get(name, "")})
    assert f"{folder}/{name}" in shlex.split(found.train[key])


PIPELINE = """\
stages:
  prepare: {cmd: python src/prepare.py, deps: [src/prepare.py, data/raw, s3://bucket/a.csv], outs: [data/prepared]}
  train: {cmd: python src/train.py, deps: [src/train.py, data/prepared], params: [depth], outs: [out/forest.onnx]}
  evaluate:
    cmd: python src/evaluate.py
    deps: [out/forest.onnx]
    metrics: [out/metrics.json: {cache: false}]
    plots: [out/roc.png, out/predictions.csv]
metrics: [out/more.json]
plots: [{Loss: {y: {out/loss.csv: loss}}}, out/loss.svg]
"""


def test_a_pipeline_of_dvc_says_what_it_reads_and_writes() -> None:
    files = {
        "dvc.yaml": PIPELINE,
        "src/train.py": "dump(m, 'model.pkl')",
        "requirements.txt": "numpy\n",
        ".dvc/config": "[core]\n    remote = eu\n['remote \"eu\"']\n    url = s3://bucket/dvc\n",
    }
    assert guessed(files).train == {
        "setup": f"{UV} -r requirements.txt && {BESIDES} 'dvc[s3]' && dvc pull --allow-missing",
        "run": "dvc repro",
        "model": "out/forest.onnx",
        "metrics": ["out/metrics.json", "out/more.json"],
        "plots": ["out/roc.png", "out/loss.svg"],
        "data": ["data/raw", "s3://bucket/a.csv"],
    }


@pytest.mark.parametrize(
    ("outputs", "model"),
    [
        ("a: {outs: [features.csv]}, fit: {outs: [weights]}", "weights"),
        ("a: {outs: [features.csv]}, b: {outs: [best_model]}", "best_model"),
        ("train: {outs: [log.txt]}, b: {outs: [m.pkl]}", "m.pkl"),
    ],
)
def test_the_model_among_the_outputs_is_told_by_suffix_stage_and_name(outputs: str, model: str) -> None:
    assert guessed({"dvc.yaml": f"stages: {{{outputs}}}"}).train["model"] == model


def test_a_pipeline_without_a_model_leaves_it_missing_and_one_in_a_folder_is_named_in_the_command() -> None:
    found = guessed({"ml/dvc.yaml": "stages: {a: {cmd: x, outs: [b.csv]}}", "uv.lock": "dvc"})
    assert (found.train["run"], found.missing) == ("uv run dvc repro ml/dvc.yaml", ("model", "metrics"))


def test_what_is_not_found_is_named_and_not_made_up() -> None:
    found = guessed({"README.md": ""})
    assert found.missing == ("run", "model", "metrics")
    assert not {"run", "model", "metrics"} & set(found.train)


def test_packages_besides_those_of_a_lock_go_into_the_environment_that_the_tool_made() -> None:
    """PDM's has no pip: `pdm run pip` would be that of the job's own Python."""
    notebook = '{"cells": [{"cell_type": "code", "source": "", "metadata": {"tags": ["parameters"]}}]}'
    files = {"train.ipynb": notebook, "pyproject.toml": "[project]"}
    added = "pip install papermill ipykernel"
    assert (
        guessed({**files, "pdm.lock": ""}).train["setup"].endswith(f" && {added.replace('pip', 'pip --python .venv')}")
    )
    assert guessed({**files, "uv.lock": ""}).train["setup"].endswith(f" && uv {added}")
    assert guessed({**files, "poetry.lock": ""}).train["setup"].endswith(f" && poetry run {added}")


@pytest.mark.parametrize(
    ("lists", "installer"),
    [
        ({"requirements.txt": "numpy\n-c constraints.txt\n", "constraints.txt": "numpy<3\n"}, UV),
        (
            {
                "requirements.txt": "-r requirements/base.txt\n",
                "requirements/base.txt": "-i https://pypi.org/simple\nx\n",
            },
            UV,
        ),
        ({"requirements.txt": "numpy==2.3.5 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"}, UV),
        ({"requirements.txt": "-r more.txt\n", "more.txt": "-r requirements.txt\nnumpy\n"}, UV),
        ({"requirements.txt": "# --pre\n-e .\n"}, UV),
        ({"requirements.txt": "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch\n"}, "pip install"),
        ({"requirements.txt": "--pre\nxgboost\n"}, "pip install"),
        ({"requirements.txt": "--trusted-host pypi.example.com\nxgboost\n"}, "pip install"),
        ({"requirements.txt": "-r more.txt\n", "more.txt": "-f https://example.com/wheels\nnumpy\n"}, "pip install"),
    ],
    ids=["constraints", "another list", "hashes", "in a circle", "editable", "extra index", "pre", "host", "links"],
)
def test_uv_installs_unless_a_list_has_an_option_that_means_something_else_to_it(
    lists: dict[str, str], installer: str
) -> None:
    assert guessed({"train.py": "", **lists}).train["setup"] == f"{installer} -r requirements.txt"
