"""The reader for GraphQL requests."""

from __future__ import annotations

import pytest

from cmlkit_sandbox.github.graphql_query import Field, QueryError, read_query


def test_fields_have_names_aliases_and_arguments_with_variables_in_them() -> None:
    query = """
    # Comments do not count.
    mutation Merge($id: ID!, $method: Method = SQUASH) {
      done: enable(input: {id: $id, method: MERGE, tags: ["a", $id], deep: {n: -1.5, on: true}}) { pull { number } }
    }
    """
    assert read_query(query, {"id": "PR_1"}) == (
        Field(
            name="enable",
            key="done",
            arguments={
                "input": {"id": "PR_1", "method": "MERGE", "tags": ["a", "PR_1"], "deep": {"n": -1.5, "on": True}}
            },
            fields=(Field(name="pull", key="pull", fields=(Field(name="number", key="number"),)),),
        ),
    )


def test_the_fields_of_inline_fragments_count() -> None:
    fields = read_query("{ node { ... on PullRequest { number } id } }", {})[0].fields
    assert [field.name for field in fields] == ["number", "id"]


def test_a_string_may_hold_anything() -> None:
    field = read_query('{ x(text: "a \\"quoted\\" {brace} \\n, $no") }', {})[0]
    assert field.arguments == {"text": 'a "quoted" {brace} \n, $no'}


@pytest.mark.parametrize("text", ["", "{", "{ a", "{ a(b: }", "{ a } }", "query { a(b 1) }", "{ a ^ }", "{ a(b: [1 }"])
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(QueryError):
        read_query(text, {})
