"""Fields of documents that others wrote: JSON's types, and those that boto3 makes of XML."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cmlkit.errors import ServiceError
from cmlkit.records.fields import Fields

DOCUMENT = {
    "name": "octo",
    "id": 7,
    "large": "2147483648",
    "price": "0.0416000000",
    "busy": False,
    "none": None,
    "user": {"login": "ghost", "id": None},
    "labels": [{"name": "cmlkit"}, {"name": 5}],
    "contexts": ["test", "lint"],
    "half": "\ud83d!",
    "started": "2026-01-31T09:00:00Z",
}


def fields(value: Any = DOCUMENT) -> Fields:
    return Fields(value, unfit=ServiceError)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda found: found.text("name"), "octo"),
        (lambda found: found.text("none", "ghost"), "ghost"),
        (lambda found: found.text("missing", ""), ""),
        (lambda found: found.whole("id"), 7),
        (lambda found: found.whole("large"), 2**31),
        (lambda found: found.number("id"), 7.0),
        (lambda found: found.number("price"), 0.0416),
        (lambda found: found.flag("busy"), False),
        (lambda found: found.flag("missing", True), True),
        (lambda found: found.inside("user").text("login"), "ghost"),
        (lambda found: found.within("missing", "user").text("login", "nobody"), "nobody"),
        (lambda found: found.listed("labels")[0].text("name"), "cmlkit"),
        (lambda found: found.any_listed("missing"), []),
        (lambda found: found.texts("contexts"), ["test", "lint"]),
        (lambda found: found.moment("started"), datetime(2026, 1, 31, 9, tzinfo=UTC).timestamp()),
        (lambda found: fields({"at": datetime(2026, 1, 31, tzinfo=UTC)}).moment("at"), 1769817600.0),
        (lambda found: found.text("half"), "\ufffd!"),
    ],
)
def test_a_field_has_its_type(read: Callable[[Fields], Any], value: object) -> None:
    assert read(fields()) == value


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda found: found.text("missing"), "missing is missing"),
        (lambda found: found.text("none"), "none is missing"),
        (lambda found: found.text("id"), "id is a number, not text"),
        (lambda found: found.text("id", ""), "id is a number, not text"),
        (lambda found: found.whole("name"), "name is text, not a whole number"),
        (lambda found: found.whole("busy"), "busy is true or false, not a whole number"),
        (lambda found: fields({"id": 1.5}).whole("id"), "id is a number, not a whole number"),
        (lambda found: fields({"id": float("nan")}).whole("id"), "id is a number, not a whole number"),
        (lambda found: fields({"id": "9" * 5000}).whole("id"), "id is text, not a whole number"),
        (lambda found: fields({"usd": float("inf")}).number("usd"), "usd is a number, not a finite number"),
        (lambda found: fields({"usd": "free"}).number("usd"), "usd is text, not a finite number"),
        (lambda found: found.flag("id"), "id is a number, not true or false"),
        (lambda found: found.inside("labels"), "labels is a list, not an object"),
        (lambda found: found.within("user", "login"), "user.login is text, not an object"),
        (lambda found: found.listed("user"), "user is an object, not a list"),
        (lambda found: found.listed("missing"), "missing is empty, not a list"),
        (lambda found: [item.text("name") for item in found.listed("labels")], r"labels\[1\].name is a number"),
        (lambda found: found.texts("labels"), r"labels\[0\] is an object, not text"),
        (lambda found: found.objects_among("user"), "user is an object, not a list"),
        (lambda found: fields({"all": ["a", 1]}).objects_among("all"), r"all\[1\] is a number, not an object or text"),
        (lambda found: found.moment("name"), "name is text, not a time"),
        (lambda found: found.moment("id"), "id is a number, not a time"),
        (lambda found: fields(None).text("name"), "it is empty, not an object"),
        (lambda found: fields([1]).items(), r"\[0\] is a number, not an object"),
        (lambda found: fields("<html>").items(), "it is text, not a list"),
    ],
)
def test_a_field_of_another_type_is_named(read: Callable[[Fields], Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        read(fields())
