"""Setups as people write them: which packages they install can be told from their words."""

import pytest

from cmlkit.errors import SettingsError
from cmlkit.runner.packages.installation import Installation, installations

PIP, UV = "pip", "uv"


@pytest.mark.parametrize(
    ("setup", "found"),
    [
        # Of this project's own pages.
        ("pip install -r requirements.txt", Installation(tool="pip", lists=("requirements.txt",))),
        (
            "pip install -r requirements.txt 'dvc[s3]' && dvc pull data",
            Installation(tool="pip", lists=("requirements.txt",), requirements=("dvc[s3]",)),
        ),
        (
            "uv venv --quiet && uv pip install --quiet -r requirements.txt",
            Installation(tool="uv", lists=("requirements.txt",)),
        ),
        (
            "uv sync --frozen --no-dev --extra gpu",
            Installation(tool="uv", locked=True, flags=("--no-dev", "--extra=gpu")),
        ),
        (
            "uv sync --python=3.12 --group eval",
            Installation(tool="uv", locked=True, flags=("--group=eval",), python="3.12"),
        ),
        # As pip's and PyTorch's documentation has them.
        (
            "python3 -m pip install --upgrade --no-cache-dir -c constraints.txt -rrequirements/train.txt  # for CI",
            Installation(tool="pip", lists=("requirements/train.txt",), constraints=("constraints.txt",)),
        ),
        (
            "pip3 install torch --index-url https://download.pytorch.org/whl/cpu",
            Installation(tool="pip", requirements=("torch", "--index-url https://download.pytorch.org/whl/cpu")),
        ),
        ("pip install -e '.[train]'", Installation(tool="pip", folders=(".[train]",))),
        (
            "cd model && .venv/bin/pip install . -r reqs.txt",
            Installation(tool="pip", lists=("model/reqs.txt",), folders=("model/.",)),
        ),
        ("FOO=1 sudo pip install --timeout 60 numpy", Installation(tool="pip", requirements=("numpy",))),
        ("uv pip sync requirements.txt", Installation(tool="uv", lists=("requirements.txt",))),
        ("pip install \\\n  numpy", Installation(tool="pip", requirements=("numpy",))),
        # What cannot be told, or is of no use to an image.
        ("pip install -r $LIST numpy", Installation(tool="pip", requirements=("numpy",), not_followed=("$LIST",))),
        (
            "uv pip install --torch-backend=cpu torch",
            Installation(tool="uv", requirements=("torch",), not_followed=("--torch-backend cpu",)),
        ),
        ("poetry install --no-root", Installation(tool="pip", not_followed=("poetry install",))),
    ],
)
def test_a_command_tells_what_it_installs(setup: str, found: Installation) -> None:
    assert installations(setup)[-1] == found


def test_each_command_is_read_with_its_own_tool() -> None:
    found = installations("pip install uv && uv sync --frozen; pip install awscli || true")
    assert [(item.tool, item.locked, item.requirements) for item in found] == [
        ("pip", False, ("uv",)),
        ("uv", True, ()),
        ("pip", False, ("awscli",)),
    ]


def test_the_python_of_an_environment_counts() -> None:
    assert installations("uv venv --python 3.12 && uv pip install numpy")[0].python == "3.12"


@pytest.mark.parametrize(
    "setup", ["", "make deps", "nvidia-smi", "pip --version", "dvc pull | tee log", "echo pip install x"]
)
def test_a_setup_without_such_a_command_has_none(setup: str) -> None:
    assert installations(setup) == []


def test_a_quote_that_is_never_closed_is_refused() -> None:
    with pytest.raises(SettingsError, match="No closing quotation"):
        installations("pip install 'numpy")
