"""Variables `CMLKIT_…`: a misspelt one is told with its neighbour, and all that the code reads are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cmlkit.settings import variables

ROOT = Path(__file__).parents[3]
# Inside the boot script and the recipe of an image, whose variables no other program sees.
INNER = re.compile(r'"(CMLKIT_\w+)": ')


@pytest.mark.parametrize(
    ("name", "neighbour"),
    [
        ("CMLKIT_RUNNER_INSTANCE_TYP", "CMLKIT_RUNNER_INSTANCE_TYPE"),
        ("CMLKIT_MAX_LIFETIME", "CMLKIT_RUNNER_MAX_LIFETIME"),
        ("CMLKIT_RUNNER_TOKENS", "CMLKIT_RUNNER_TOKEN"),
        ("CMLKIT_GATES", "CMLKIT_GATE"),
        ("CMLKIT_APP_KEY", "CMLKIT_APP_PRIVATE_KEY"),
    ],
)
def test_a_misspelt_variable_is_told_with_its_neighbour(name: str, neighbour: str) -> None:
    [warning] = variables.misspelt({name: "1", "PATH": "/bin", "CMLKIT_RUNNER_MARKET": "spot"})
    assert warning == f"The variable {name} has no effect: cmlkit does not know it. Did you mean {neighbour}?"


def test_a_variable_that_is_like_none_is_told_too() -> None:
    [warning] = variables.misspelt({"CMLKIT_BUCKET_OF_OURS": "b"})
    assert warning.endswith("If it is another program's, give it another prefix.")


def test_the_sandboxs_own_variables_are_no_settings() -> None:
    assert list(variables.misspelt({"CMLKIT_SANDBOX_MACHINE": "/tmp/machine"})) == []


def test_an_empty_variable_counts_as_unset() -> None:
    assert list(variables.misspelt({"CMLKIT_RUNER_MARKET": " "})) == []


def test_every_variable_that_code_scripts_and_workflows_name_is_known() -> None:
    folders = [ROOT / name for name in ("cmlkit", "action", "packages/sandbox", "workflows")]
    files = [file for folder in folders for file in folder.rglob("*.*") if file.suffix in (".py", ".sh", ".yml")]
    boot = (ROOT / "cmlkit" / "runner" / "boot.py").read_text(encoding="utf-8")
    inner = set(INNER.findall(boot))
    # Named only as variables of a repository, not of an environment.
    elsewhere = {"CMLKIT_ATTEST"}
    text = "\n".join(file.read_text(encoding="utf-8") for file in [*files, ROOT / "action.yml"])
    named = set(re.findall(r"(?<!_)CMLKIT_(?!SANDBOX_)[A-Z0-9_]*[A-Z0-9]\b", text))
    assert len(named) > 100
    assert named - inner - elsewhere - {"CMLKIT_RUNNER"} <= variables.known()
