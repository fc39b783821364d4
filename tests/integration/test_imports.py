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


@pytest.mark.parametrize("command", ["comment", "check", "asset"])
def test_a_short_command_loads_neither_libraries_nor_the_publishing_stage(command: str) -> None:
    stage = ("cmlkit.gate.verdict", "cmlkit.model.file", "cmlkit.publishing.publish", "cmlkit.report")
    statement = f"import cmlkit.cli.{command}, cmlkit.forges.github, cmlkit.publishing.asset, cmlkit.publishing.comment"
    assert loaded(statement, (*set(HEAVY) - {"click"}, *stage)) == set()


def test_the_way_to_a_forge_is_known_without_loading_it() -> None:
    forge = ("cmlkit.forges.base", "cmlkit.forges.github.repository", "cmlkit.forges.github.transport", "requests")
    assert loaded("from cmlkit.forges import forge_module; forge_module().TOKENS", forge) == set()
