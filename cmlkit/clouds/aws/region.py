"""One region of AWS: its clients, and EC2's lists and dry runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.refusal import explained


class AwsRegion:
    """A region; it may share its connection with others."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    def __str__(self) -> str:
        return self.name

    def client(self, service: str, *, retrying: bool = True) -> Any:
        """Return boto3's client of a service in this region; `retrying` as in `Connection.client`."""
        return self._connection.client(service, self.name, retrying=retrying)

    def elsewhere(self, name: str) -> AwsRegion:
        """Return another region, for a service that this one lacks."""
        return AwsRegion(self._connection, name)

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    @property
    def partition(self) -> str:
        """The region's partition, such as `aws`."""
        return self._connection.partition(self.name)

    def tried(self, operation: Callable[..., Any], **arguments: Any) -> None:
        """Make a dry run of an EC2 operation; raise boto3's error if it would not be allowed."""
        from botocore.exceptions import ClientError

        try:
            operation(**arguments, DryRun=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DryRunOperation":
                raise

    def pages(self, operation: str, key: str, *, doing: str, **arguments: Any) -> Iterator[Any]:
        """Yield the items of `key` on all pages of one of EC2's list operations."""
        with explained(f"{doing} in {self.name}"):
            for page in self.ec2.get_paginator(operation).paginate(**arguments):
                yield from page[key]


def filters(values: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return attributes and their wanted values as EC2's filters."""
    return [{"Name": name, "Values": list(wanted)} for name, wanted in values.items()]
