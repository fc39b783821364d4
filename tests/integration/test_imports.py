"""What is loaded when: nobody waits for a library that their command does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("boto3", "botocore", "click", "matplotlib", "numpy", "requests", "rich", "sklearn", "yaml")


def loaded(statement: str, names: tuple[str, ...]) -> set[str]:
    program = f"import sys\n{statement}\nprint(*[name for name in {names!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(answer.stdout.split())


def test_import_cmlkit_loads_no_library() -> None:
    assert loaded("import cmlkit", HEAVY) == set()


@pytest.mark.parametrize("environ", [{}, {"GITHUB_ACTIONS": "true"}], ids=["local", "GitHub Actions"])
def test_to_tell_the_workplace_loads_no_library_and_only_the_place_that_it_is(environ: dict[str, str]) -> None:
    statement = f"from cmlkit.ci import workplace; workplace({environ})"
    assert loaded(statement, (*HEAVY, "cmlkit.git.checkout")) == set()
    is_local = "cmlkit.ci.local" in loaded(statement, ("cmlkit.ci.local",))
    assert is_local == (not environ)


@pytest.mark.parametrize(
    ("line", "new"),
    [
        ("from cmlkit.actions import workflow_run", "from cmlkit import workflow_run"),
        ("from cmlkit.significance import paired_interval", "from cmlkit import paired_interval"),
        ("from cmlkit.clouds.aws import regions", ""),
        ("from cmlkit import compare", ""),
        ("from cmlkit.errors import ModelError", ""),
    ],
)
def test_the_imports_that_0_1_0_documented_work_and_those_that_moved_name_the_new_one(line: str, new: str) -> None:
    program = [sys.executable, "-W", "always::DeprecationWarning", "-c", line]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    warnings = [text for text in done.stderr.splitlines() if "cmlkit" in text]
    assert [text.partition("has moved: ")[2] for text in warnings] == [new] * bool(new)
    assert all(text.startswith("<string>:1: DeprecationWarning: ") for text in warnings)
    if new:
        name = line.rpartition(" ")[2]
        same = f"{line} as old\n{new} as new\nassert old is new, {name!r}"
        subprocess.run([sys.executable, "-c", same], check=True)


@pytest.mark.parametrize("command", ["comment", "check", "asset"])
def test_a_short_command_loads_neither_libraries_nor_the_publishing_stage(command: str) -> None:
    stage = ("cmlkit.gate.verdict", "cmlkit.model.file", "cmlkit.publishing.publish", "cmlkit.report")
    statement = f"import cmlkit.cli.{command}, cmlkit.forges.github, cmlkit.publishing.asset, cmlkit.publishing.comment"
    assert loaded(statement, (*set(HEAVY) - {"click"}, *stage)) == set()


def test_the_way_to_a_forge_is_known_without_loading_it() -> None:
    forge = ("cmlkit.forges.base", "cmlkit.forges.github.repository", "cmlkit.forges.github.transport", "requests")
    assert loaded("from cmlkit.forges import forge_module; forge_module().TOKENS", forge) == set()


@pytest.mark.parametrize("line", ["--help", "--version", "train --help", "doctor --help"])
def test_the_table_of_cmls_flags_is_loaded_for_its_commands_only(line: str) -> None:
    statement = f"from cmlkit.__main__ import run; run({line.split()!r}, environ={{}}); print()"
    assert loaded(statement, ("cmlkit.cli.cml.commands",)) & {"cmlkit.cli.cml.commands"} == set()
