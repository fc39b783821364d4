"""Kinds of repositories that people have: their files, and what is to be guessed and said of them.

Layouts are those of public repositories, which `of` names; the texts of the files are made up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIT = "import sklearn\nmodel.fit(X, y)\n"
SAVES = f"{FIT}joblib.dump(model, 'model.joblib')\nopen('metrics.json', 'w')\n"
# What is installed with uv, into the Python that trains, and then something besides it.
BESIDES = "python -m uv pip install"
UV = f"pip install uv && {BESIDES}"
NBCONVERT = "jupyter nbconvert --to notebook --execute --output-dir build --ExecutePreprocessor.kernel_name=python3"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A kind of repository.

    Attributes:
        of: A public repository of that kind, or the tool whose layout it is.
        files: Path -> text.
        ignored: What is there and git ignores.
        train: Key -> value that is to be guessed; an empty one must be missing.
        unused: Path -> words that the reason has.
        candidates: Other commands that may train.
        lacking: What the machine will lack -> words that the reason has.
    """

    of: str
    files: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    train: Mapping[str, Any] = field(default_factory=dict)
    unused: Mapping[str, str] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)


def notebook(code: str, **metadata: Any) -> str:
    """A notebook with one cell of code."""
    cell = {"cell_type": "code", "source": code.splitlines(keepends=True), "metadata": metadata}
    return json.dumps({"cells": [cell], "metadata": {"kernelspec": {"name": "conda-env-ml-py"}}, "nbformat": 4})


REPOSITORIES: Mapping[str, Repository] = {
    "modules that others import, and nothing that trains when it is started": Repository(
        of="fmind/mlops-python-package",
        files={
            "uv.lock": "",
            "src/bikes/__init__.py": "",
            "src/bikes/jobs/training.py": "from bikes.jobs import base\n\n"
            "class TrainingJob(base.Job):\n    def run(self):\n        model.fit(x)\n",
        },
        train={"run": ""},
    ),
    "one script": Repository(
        of="iterative/cml_base_case",
        files={
            "train.py": f"{SAVES}plt.savefig('plot.png')\npd.read_csv('data/train.csv')",
            "requirements.txt": "",
            "data/train.csv": "",
        },
        train={
            "setup": f"{UV} -r requirements.txt",
            "run": "python train.py",
            "model": "model.joblib",
            "metrics": ["metrics.json"],
            "plots": ["plot.png"],
            "data": ["data/"],
        },
    ),
    "workflow of CML": Repository(
        of="iterative/cml_base_case",
        files={
            "train.py": SAVES,
            "requirements.txt": "",
            ".github/workflows/cml.yaml": "steps: [{uses: iterative/setup-cml@v2}]",
        },
        train={"run": "python train.py"},
        unused={".github/workflows/cml.yaml": "cmlkit init --from-cml"},
    ),
    "DVC pipeline with its list beside the scripts": Repository(
        of="iterative/example-get-started",
        files={
            "dvc.yaml": "stages:\n"
            "  train: {cmd: python src/train.py, deps: [src/train.py, data/data.xml], outs: [model.pkl]}\n"
            "  evaluate: {cmd: python src/evaluate.py, metrics: [eval/metrics.json]}\n",
            "dvclive/dvc.yaml": "metrics: [metrics.json]\n",
            "src/train.py": FIT,
            "src/requirements.txt": "dvc[s3]\nscikit-learn\n",
            "data/data.xml.dvc": "outs: [{path: data.xml}]",
            ".dvc/config": "['remote \"storage\"']\n    url = https://remote.example/get-started\n",
            ".gitlab-ci.yml": "train: {script: [dvc repro]}",
        },
        ignored=("data/data.xml",),
        train={
            "setup": f"{UV} -r src/requirements.txt && dvc pull --allow-missing",
            "run": "dvc repro",
            "model": "model.pkl",
            "metrics": ["eval/metrics.json"],
            "data": ["data/data.xml"],
        },
        unused={".gitlab-ci.yml": "GitLab"},
    ),
    "data in DVC without a pipeline": Repository(
        of="iterative/dataset-registry's users",
        files={
            "train.py": f"{SAVES}pd.read_csv('data/raw/a.csv')",
            "requirements.txt": "pandas\n",
            "data/raw.dvc": "",
            ".dvc/config": "url = s3://b/c",
        },
        ignored=("data/raw/",),
        train={
            "setup": f"{UV} -r requirements.txt && {BESIDES} 'dvc[s3]' && dvc pull --allow-missing",
            "run": "python train.py",
            "data": ["data/"],
        },
    ),
    "cookiecutter-data-science, version 1": Repository(
        of="drivendata/cookiecutter-data-science",
        files={
            "Makefile": "data: requirements\n\tpython src/data/make_dataset.py data/raw data/processed\n",
            "requirements.txt": "-e .\nscikit-learn\n",
            "setup.py": "",
            "src/__init__.py": "",
            "src/data/make_dataset.py": "import click\n",
            "src/models/train_model.py": f"from src.features import build_features\n{SAVES}",
            "src/models/predict_model.py": "",
            "data/raw/.gitkeep": "",
        },
        ignored=("data/raw/a.csv",),
        train={
            "setup": f"{UV} -r requirements.txt && python src/data/make_dataset.py",
            "run": "python -m src.models.train_model",
            "data": ["data/"],
        },
        unused={"setup.py": "requirements.txt"},
    ),
    "cookiecutter-data-science, version 2": Repository(
        of="drivendata/cookiecutter-data-science",
        files={
            "Makefile": ".PHONY: requirements\nrequirements:\n\tpip install -r requirements.txt\n",
            "pyproject.toml": '[build-system]\nrequires = ["flit_core"]\n[project]\nname = "churn"\n',
            "requirements.txt": "-e .\n",
            "churn/__init__.py": "",
            "churn/config.py": "",
            "churn/modeling/__init__.py": "",
            "churn/modeling/train.py": f"from churn.config import MODELS_DIR\n{FIT}",
            "notebooks/0.01-initial-exploration.ipynb": notebook("df.head()"),
        },
        train={
            "setup": f"{UV} -r requirements.txt",
            "run": "python -m churn.modeling.train",
            "model": "",
            "metrics": "",
        },
    ),
    "package below src": Repository(
        of="the src layout of packaging.python.org",
        files={
            "pyproject.toml": '[project]\nname = "churn"\n',
            "src/churn/__init__.py": "",
            "src/churn/train.py": f"from .model import build\n{SAVES}",
        },
        train={"setup": f"{UV} .", "run": "python -m churn.train"},
    ),
    "package below src that nothing installs": Repository(
        of="the src layout of packaging.python.org",
        files={
            "requirements.txt": "",
            "src/churn/__init__.py": "",
            "src/churn/train.py": f"from churn.model import build\n{SAVES}",
        },
        train={"run": "PYTHONPATH=src python -m churn.train"},
    ),
    "Hydra and Lightning": Repository(
        of="ashleve/lightning-hydra-template",
        files={
            "Makefile": "test: ## Run tests\n\tpytest\n\ntrain: ## Train the model\n\tpython src/train.py\n",
            "environment.yaml": "dependencies: [pytorch]",
            "requirements.txt": "lightning\n",
            "setup.py": "",
            "src/train.py": "trainer.fit(model)\n",
            "src/eval.py": "",
            "configs/train.yaml": "",
        },
        train={"setup": f"{UV} -r requirements.txt", "run": "make train"},
        unused={"environment.yaml, setup.py": "requirements.txt"},
        candidates=("python src/train.py",),
    ),
    "MLflow project with conda": Repository(
        of="mlflow/mlflow-example",
        files={
            "MLproject": "entry_points: {main: {command: python train.py {alpha}}}",
            "conda.yaml": "dependencies: [python=3.10, scikit-learn]",
            "train.py": f"{FIT}alpha = float(sys.argv[1])\npd.read_csv('wine-quality.csv')",
            "wine-quality.csv": "",
        },
        train={
            "setup": "curl -LsSf https://micro.mamba.pm/api/micromamba/linux-64/latest | tar -xj -C /tmp bin/micromamba"
            " && /tmp/bin/micromamba create --yes --name train --file conda.yaml",
            "run": "/tmp/bin/micromamba run --name train python train.py",
            "data": ["wine-quality.csv"],
        },
        unused={"MLproject": "mlflow run"},
    ),
    "conda's environment.yml beside a list of pip's": Repository(
        of="ageron/handson-ml3",
        files={"environment.yml": "", "requirements.txt": "", "train.py": SAVES},
        train={"setup": f"{UV} -r requirements.txt"},
        unused={"environment.yml": "requirements.txt"},
    ),
    "Pipenv": Repository(
        of="microsoft/MLOpsPython's kind",
        files={"Pipfile": "", "Pipfile.lock": "", "main/train.py": SAVES},
        train={"setup": "pip install pipenv && pipenv sync", "run": "pipenv run python main/train.py"},
    ),
    "Pipenv without a lock file": Repository(
        of="pipenv.pypa.io",
        files={"Pipfile": "", "train.py": SAVES},
        train={"setup": "pip install pipenv && pipenv install", "run": "pipenv run python train.py"},
    ),
    "Poetry with scripts only": Repository(
        of="khuyentran1401/data-science-template",
        files={
            "pyproject.toml": '[tool.poetry]\nname = "customer-segmentation"\n',
            "poetry.lock": "",
            "src/process.py": "",
            "src/train_model.py": SAVES,
            "config/main.yaml": "",
            "tests/test_train_model.py": FIT,
            "notebooks/analyze_results.ipynb": notebook("x"),
        },
        train={
            "setup": "pip install poetry && poetry install --no-root",
            "run": "poetry run python src/train_model.py",
        },
    ),
    "Poetry with a package": Repository(
        of="python-poetry.org's layout",
        files={
            "pyproject.toml": '[tool.poetry]\nname = "my-bikes"\n',
            "poetry.lock": "",
            "my_bikes/__init__.py": "",
            "my_bikes/train.py": f"from my_bikes.io import load\n{FIT}",
        },
        train={"setup": "pip install poetry && poetry install", "run": "poetry run python -m my_bikes.train"},
    ),
    "PDM": Repository(
        of="pdm-project.org's layout",
        files={"pyproject.toml": "[project]", "pdm.lock": "", "train.py": SAVES},
        train={"setup": "pip install 'pdm[locked]' && pdm sync", "run": "pdm run python train.py"},
    ),
    "uv beside an older list": Repository(
        of="docs.astral.sh/uv's layout",
        files={
            "pyproject.toml": "[project]",
            "uv.lock": "",
            "requirements.txt": "",
            "requirements-dev.txt": "",
            "train.py": SAVES,
        },
        train={"setup": "pip install uv && uv sync --frozen", "run": "uv run python train.py"},
        unused={"requirements-dev.txt, requirements.txt": "uv.lock"},
    ),
    "requirements in a folder": Repository(
        of="the layout of Django's projects",
        files={"requirements/base.txt": "", "requirements/dev.txt": "", "train.py": SAVES},
        train={"setup": f"{UV} -r requirements/base.txt"},
        unused={"requirements/dev.txt": "requirements/base.txt"},
    ),
    "only setup.py": Repository(
        of="karpathy/minGPT",
        files={"setup.py": "", "mingpt/model.py": "", "projects/adder/adder.py": "trainer = Trainer(config)\n"},
        train={"setup": f"{UV} .", "run": "python projects/adder/adder.py"},
    ),
    "no list of dependencies": Repository(
        of="karpathy/nanoGPT",
        files={
            "train.py": "import os\nimport numpy\nfrom torch import nn\nfrom model import GPT\nGPT(config)\n",
            "model.py": "",
            "data/shakespeare_char/prepare.py": "",
        },
        train={"run": "python train.py", "setup": ""},
        lacking={"numpy, torch": "no file lists the dependencies"},
    ),
    "a script at the root and others below": Repository(
        of="ultralytics/yolov5",
        files={
            "requirements.txt": "",
            "train.py": "",
            "classify/train.py": "",
            "segment/train.py": "",
            "Dockerfile": "",
        },
        train={"run": "python train.py"},
        candidates=("python classify/train.py", "python segment/train.py"),
        unused={"Dockerfile": "without a container"},
    ),
    "several scripts of the same standing": Repository(
        of="Kaggle solutions",
        files={"requirements.txt": "", "train_lgbm.py": SAVES, "train_xgb.py": SAVES},
        train={"run": ""},
        candidates=("python train_lgbm.py", "python train_xgb.py"),
    ),
    "monorepo": Repository(
        of="pytorch/examples' kind",
        files={
            "churn/train.py": SAVES,
            "churn/requirements.txt": "",
            "fraud/train.py": SAVES,
            "fraud/requirements.txt": "",
        },
        train={"run": "", "setup": ""},
        candidates=("python churn/train.py", "python fraud/train.py"),
    ),
    "several pipelines": Repository(
        of="iterative/example-repos-dev's kind",
        files={"a/dvc.yaml": "stages:\n  train: {cmd: x}\n", "b/dvc.yaml": "stages:\n  train: {cmd: x}\n"},
        train={"run": ""},
        candidates=("dvc repro a/dvc.yaml", "dvc repro b/dvc.yaml"),
    ),
    "one project in a folder of a service": Repository(
        of="services with a folder for machine learning",
        files={
            "package.json": "",
            "ml/train.py": f"{SAVES}pd.read_csv('data/a.csv')",
            "ml/requirements.txt": "",
            "ml/data/a.csv": "",
        },
        train={
            "setup": f"{UV} -r ml/requirements.txt",
            "run": "cd ml && python train.py",
            "model": "ml/model.joblib",
            "metrics": ["ml/metrics.json"],
            "data": ["ml/data/"],
        },
    ),
    "scripts that are started in their folder, with Kaggle's input": Repository(
        of="abhishekkrthakur's approach to Kaggle",
        files={
            "src/train.py": f"{FIT}pd.read_csv('../input/train.csv')\njoblib.dump(m, '../models/rf.pkl')",
            "requirements.txt": "",
        },
        ignored=("input/",),
        train={"run": "cd src && python train.py", "model": "models/rf.pkl", "data": ["input/"]},
        lacking={"input/": "git ignores it"},
    ),
    "data that git ignores": Repository(
        of="github/gitignore's users",
        files={
            "train.py": f"{SAVES}pd.read_csv('data/raw/a.csv')",
            "requirements.txt": "",
            ".gitignore": "data/\n.env\n",
        },
        ignored=("data/", ".venv/", "__pycache__/"),
        train={"run": "python train.py", "data": ["data/"]},
        lacking={"data/": "git ignores it"},
    ),
    "data that is nowhere": Repository(
        of="Kaggle solutions",
        files={
            "train.py": f"{SAVES}pd.read_csv('data/train.csv')\nout.to_csv('data/submission.csv')",
            "requirements.txt": "",
        },
        train={"data": ["data/"]},
        lacking={"data/": "not in the repository"},
    ),
    "data that a script downloads": Repository(
        of="examples/random-forest",
        files={"train.py": f"{SAVES}pd.read_csv('data/a.csv')", "get_data.py": "", "requirements.txt": ""},
        ignored=("data/",),
        train={"setup": f"{UV} -r requirements.txt && python get_data.py"},
    ),
    "Git LFS, submodules and variables in a file": Repository(
        of="git-lfs.com's tutorial",
        files={
            "train.py": f"from dotenv import load_dotenv\n{SAVES}",
            "requirements.txt": "",
            ".gitattributes": "*.csv filter=lfs diff=lfs merge=lfs -text\n",
            ".gitmodules": "",
        },
        train={"run": "python train.py"},
        lacking={"files of Git LFS": "pointers", "submodules": "leaves them out", ".env": "not in the repository"},
    ),
    "a script with required arguments": Repository(
        of="huggingface/transformers' examples",
        files={"run_training.py": "parser.add_argument('--model_name', required=True)\n", "requirements.txt": ""},
        train={"run": "python run_training.py"},
        lacking={"arguments of run_training.py": "it asks for some"},
    ),
    "Kedro": Repository(
        of="kedro-org/kedro-starters",
        files={
            "pyproject.toml": "[project]\n[tool.kedro]\n",
            "requirements.txt": "kedro\n",
            "src/spaceflights/pipelines/data_science/nodes.py": FIT,
            "conf/base/catalog.yml": "",
        },
        train={"run": "kedro run"},
    ),
    "one notebook": Repository(
        of="students' repositories",
        files={"iris.ipynb": notebook(SAVES), "requirements.txt": "scikit-learn\n", "iris.csv": ""},
        train={
            "setup": f"{UV} -r requirements.txt && {BESIDES} nbconvert ipykernel",
            "run": f"{NBCONVERT} iris.ipynb",
            "model": "model.joblib",
            "metrics": ["metrics.json"],
        },
    ),
    "notebooks of which one trains, with a cell of parameters": Repository(
        of="nteract/papermill",
        files={
            "notebooks/01-explore.ipynb": notebook("df.head()"),
            "notebooks/02-train.ipynb": notebook("joblib.dump(m, '../models/m.pkl')", tags=["parameters"]),
            "environment.yml": "dependencies: [jupyter, papermill]",
        },
        train={
            "run": "mkdir -p build && /tmp/bin/micromamba run --name train"
            " papermill --kernel python3 --cwd notebooks notebooks/02-train.ipynb build/02-train.ipynb",
            "model": "models/m.pkl",
        },
    ),
    "several notebooks of the same standing": Repository(
        of="ageron/handson-ml3",
        files={"02_end_to_end_model.ipynb": notebook("x"), "10_keras_model.ipynb": notebook("x")},
        train={"run": ""},
        candidates=(f"{NBCONVERT} 02_end_to_end_model.ipynb", f"{NBCONVERT} 10_keras_model.ipynb"),
    ),
    "R with renv": Repository(
        of="rstudio/renv",
        files={
            "train.R": "library(tidymodels)\nd <- read.csv('data/a.csv')\nsaveRDS(fit, 'model.rds')",
            "renv.lock": "",
            "renv/activate.R": "",
            ".Rprofile": "",
            "data/a.csv": "",
        },
        train={
            "setup": "Rscript -e 'renv::restore(prompt = FALSE)'",
            "run": "Rscript train.R",
            "model": "model.rds",
            "data": ["data/"],
        },
    ),
    "R without a list of packages": Repository(
        of="Titanic solutions in R",
        files={"titanic.R": "library(randomForest)\nfit <- randomForest(y ~ ., d)\n"},
        train={"run": "Rscript titanic.R"},
        lacking={"randomForest": "no file lists the dependencies"},
    ),
}
