"""One region of AWS: its clients, and how EC2 is asked for lists and for what it would allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.refusal import explained


class AwsRegion:
    """A region, over a connection that it shares with others."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    def __str__(self) -> str:
        return self.name

    def client(self, service: str, *, retrying: bool = True) -> Any:
        """boto3's client of a service here; `retrying` as in `Connection.client`."""
        return self._connection.client(service, self.name, retrying=retrying)

    def elsewhere(self, name: str) -> AwsRegion:
        """Another region, for a service that this one does not have."""
        return AwsRegion(self._connection, name)

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    @property
    def partition(self) -> str:
        """The part of AWS's world that the region is in, such as `aws`."""
        return self._connection.partition(self.name)

    def tried(self, operation: Callable[..., Any], **arguments: Any) -> None:
        """Ask whether an operation of EC2's would be allowed; raises what boto3 does if it would not."""
        from botocore.exceptions import ClientError

        try:
            operation(**arguments, DryRun=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DryRunOperation":
                raise

    def pages(self, operation: str, key: str, *, doing: str, **arguments: Any) -> Iterator[Any]:
        """The items of `key` in the answers of one of EC2's list operations, all pages."""
        with explained(f"{doing} in {self.name}"):
            for page in self.ec2.get_paginator(operation).paginate(**arguments):
                yield from page[key]


def filters(values: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """EC2's way to write down which values of which attributes are wanted."""
    return [{"Name": name, "Values": list(wanted)} for name, wanted in values.items()]
