"""Each cloud and forge is named in its own room, in the registries and where the user names it; nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "cmlkit"
CLOUD_WORDS = {"ec2", "aws", "boto", "boto3", "botocore", "arn", "arns"}
CLOUD_ROOMS = (
    "clouds/aws/",
    "clouds/__init__.py",
    "stores/s3.py",
    "stores/s3_checkpoints.py",
    "stores/s3_client.py",
    "doctor/",
    "scaffold/",
    "settings/",
    "cli/access/",  # the commands that name what is set there
    "cli/cml/",  # what CML's users know, word for word
    "cli/from_cml/",  # their workflows
)
FORGE_ROOMS = (
    "forges/github/",
    "forges/__init__.py",
    "ci/github_actions.py",
    "ci/github_event.py",
    "ci/__init__.py",
    "doctor/",
    "scaffold/",
    "cli/access/",
    "cli/cml/",
    "cli/from_cml/",
    "sinks/secrets.py",  # how tokens begin
)
# What users, repositories and other programs know already, word for word.
PUBLIC = {
    ("__init__.py", "GitHub"),
    ("__init__.py", "GitHub GitHub"),
    ("__init__.py", "cmlkit.forges.github"),
    ("__init__.py", "cmlkit.clouds.aws"),
    ("cli/__init__.py", "send-github-check"),  # CML's command
    ("records/workflow_run.py", "https://github.com"),  # the default of a public class
    ("stores/pointer.py", "https://git-lfs.github.com/spec/v1"),  # git-lfs's format, on every forge
}


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the identifiers and strings of a module, with their lines; docstrings are left out."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    # A string below an assignment documents it.
    docstrings |= {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Constant(value=str(value)) if id(node) not in docstrings:
                yield line, value
            case (
                ast.Name(id=name)
                | ast.FunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.Attribute(attr=name)
                | ast.arg(arg=name)
            ):
                yield line, name
            case ast.keyword(arg=str(name)):
                yield line, name
            case ast.alias(name=name, asname=other):
                yield line, f"{name} {other or ''}"
            case ast.ImportFrom(module=str(name)):
                yield line, name


def words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*(?![a-z])", text)}


def named(rooms: tuple[str, ...], is_named: Callable[[str], bool]) -> list[str]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith(rooms):
            continue
        found += [
            f"{place}:{line} {text[:90]!r}"
            for line, text in texts(ast.parse(path.read_text(encoding="utf-8")))
            if is_named(text) and (place, text.strip()) not in PUBLIC
        ]
    return found


def test_no_module_outside_its_rooms_names_a_cloud() -> None:
    assert named(CLOUD_ROOMS, lambda text: bool(words(text) & CLOUD_WORDS)) == []


def test_no_module_outside_its_rooms_names_a_forge() -> None:
    assert named(FORGE_ROOMS, lambda text: "github" in text.lower()) == []
