"""Which template a path stands for, when several would do."""

from typing import Any

from tests.contract.routes import compile_routes, matching


def item(*parameters: str, many: str = "") -> dict[str, Any]:
    listed = [{"name": name, "in": "path", "x-multi-segment": name == many} for name in parameters]
    return {"get": {"parameters": listed}}


ROUTES = compile_routes(
    {
        "/files/{path}": item("path", many="path"),
        "/files/{path}/blame": item("path", many="path"),
        "/files/{id}/{kind}": item("id", "kind"),
        "/files/latest": item(),
    }
)


def test_the_most_exact_template_comes_first_whatever_the_order_of_the_description() -> None:
    assert [template for template, _ in matching(ROUTES, "/files/latest")] == ["/files/latest", "/files/{path}"]
    assert [template for template, _ in matching(ROUTES, "/files/a/blame")] == [
        "/files/{id}/{kind}",
        "/files/{path}/blame",
        "/files/{path}",
    ]


def test_parameters_are_decoded_and_an_encoded_slash_does_not_divide() -> None:
    assert next(matching(ROUTES, "/files/a%2Fb/c%20d")) == ("/files/{id}/{kind}", {"id": "a/b", "kind": "c d"})
    assert next(matching(ROUTES, "/files/a/b/c")) == ("/files/{path}", {"path": "a/b/c"})


def test_an_empty_segment_is_no_parameter() -> None:
    assert list(matching(ROUTES, "/files/")) == []
    assert list(matching(ROUTES, "/files/a//b")) == []
