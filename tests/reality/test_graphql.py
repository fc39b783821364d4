"""The GraphQL of cmlkit and of the sandbox against GitHub's published schema, from npm's @octokit/graphql-schema."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path

import graphql
import pytest

import cmlkit.forges.github
from cmlkit_sandbox.github.graphql import schema
from tests.reality.tools import node, package

# The documents are found by their form, so that a new one is checked without being named here.
DOCUMENT = re.compile(r"\s*(?:query|mutation)\b[^{]*\{")
SANDBOX_SCHEMA = schema()
TYPES = sorted(name for name in SANDBOX_SCHEMA.type_map if not name.startswith("__"))


def documents() -> dict[str, str]:
    """The GraphQL documents in the constants of cmlkit's modules for GitHub, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(cmlkit.forges.github.__path__, "cmlkit.forges.github."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, str) and DOCUMENT.match(value):
                found[f"{module.name.rpartition('.')[2]}.{name}"] = value
    return found


DOCUMENTS = documents()


@pytest.fixture(scope="module")
def published() -> graphql.GraphQLSchema:
    text = (package("@octokit/graphql-schema") / "schema.graphql").read_text(encoding="utf-8")
    return graphql.build_schema(text, assume_valid=True)


def test_all_documents_are_found() -> None:
    sent = Path(cmlkit.forges.github.__file__).parent
    calls = sum(len(re.findall(r"\.graphql\(", file.read_text("utf-8"))) for file in sent.glob("*.py"))
    assert len(DOCUMENTS) >= calls >= 5


def test_githubs_own_validator_accepts_every_document_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps([*DOCUMENTS.values(), "query { viewer { name_of_the_dog } }"]), encoding="utf-8")
    *errors, wrong = json.loads(node("validate_graphql.mjs", str(file), folder=tmp_path))
    assert dict(zip(DOCUMENTS, errors, strict=True)) == {name: [] for name in DOCUMENTS}
    assert "name_of_the_dog" in wrong[0]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_sandbox_serves_every_document(name: str) -> None:
    assert graphql.validate(SANDBOX_SCHEMA, graphql.parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", TYPES)
def test_the_sandbox_has_no_type_field_or_argument_that_github_lacks(
    name: str, published: graphql.GraphQLSchema
) -> None:
    ours, theirs = SANDBOX_SCHEMA.type_map[name], published.type_map[name]
    assert type(ours) is type(theirs)
    assert members(ours).items() <= members(theirs).items()


def members(kind: graphql.GraphQLNamedType) -> dict[str, str]:
    """The fields, inputs and values of a type, with their types and arguments."""
    if isinstance(kind, graphql.GraphQLEnumType):
        return dict.fromkeys(kind.values, "value")
    if isinstance(kind, graphql.GraphQLInputObjectType):
        return {name: str(field.type) for name, field in kind.fields.items()}
    if isinstance(kind, graphql.GraphQLObjectType):
        return {
            name: f"{field.type} { ({key: str(each.type) for key, each in field.args.items()}) }"
            for name, field in kind.fields.items()
        }
    return {}


@pytest.mark.parametrize(
    "name", [name for name in TYPES if isinstance(SANDBOX_SCHEMA.type_map[name], graphql.GraphQLInputObjectType)]
)
def test_the_sandbox_accepts_every_input_that_github_has(name: str, published: graphql.GraphQLSchema) -> None:
    assert members(SANDBOX_SCHEMA.type_map[name]) == members(published.type_map[name])
