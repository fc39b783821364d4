"""What all operations share: the connection, the region, and how lists are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.refusal import explained


class Operations:
    """Operations in one region."""

    connection: Connection
    region: str

    @property
    def ec2(self) -> Any:
        return self.connection.client("ec2", self.region)

    def tried(self, operation: Callable[..., Any], **arguments: Any) -> None:
        """Ask whether an operation of EC2's would be allowed; raises what boto3 does where it would not."""
        from botocore.exceptions import ClientError

        try:
            operation(**arguments, DryRun=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DryRunOperation":
                raise

    def pages(self, operation: str, key: str, *, doing: str, **arguments: Any) -> Iterator[Any]:
        """The items of `key` in the answers of one of EC2's list operations, all pages."""
        with explained(f"{doing} in {self.region}"):
            for page in self.ec2.get_paginator(operation).paginate(**arguments):
                yield from page[key]


def filters(values: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """EC2's way to write down which values of which attributes are wanted."""
    return [{"Name": name, "Values": list(wanted)} for name, wanted in values.items()]
