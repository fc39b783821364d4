"""One region of AWS: its clients, and EC2's lists and dry runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cmlkit.bounds.answers import bounded_pages
from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.refusal import explained, fields_of
from cmlkit.errors import CmlkitError, PermissionDenied, ServiceError
from cmlkit.records.fields import Fields

# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
_ALWAYS_ENABLED = "us-east-1"
# The codes of EC2, of STS, and of the services with a JSON protocol, such as SSM.
_REJECTED_CREDENTIALS = ("AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException")


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

    def tried(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        """Make a dry run of an EC2 operation; raise boto3's error if it is not allowed.

        Return None; but the answer if the operation was carried out all the same, as by stand-ins that know no dry
        runs. The caller must undo it.
        """
        from botocore.exceptions import ClientError

        try:
            return operation(**arguments, DryRun=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DryRunOperation":
                raise
            return None

    def pages(self, operation: str, key: str, *, doing: str, **arguments: Any) -> Iterator[Fields]:
        """Yield the items of `key` on all pages of one of EC2's list operations."""
        doing = f"{doing} in {self.name}"
        with self.asked(doing):
            pages = self.ec2.get_paginator(operation).paginate(**arguments)
            for page in bounded_pages(pages, what=f"AWS's list of {operation} in {self.name}"):
                yield from fields_of(page, doing).any_listed(key)

    @contextmanager
    def asked(self, doing: str) -> Iterator[None]:
        """Explain boto3's errors as `explained` does, and say so if the account has not enabled the region."""
        try:
            with explained(doing):
                yield
        except PermissionDenied as denied:
            if _is_about_credentials(denied.__cause__) and self._must_be_enabled():
                raise PermissionDenied(
                    f"The region {self.name} is not enabled in this AWS account.",
                    next_step=f"Enable it, with `aws account enable-region --region-name {self.name}` or in the console"
                    " under Account > AWS Regions, or set another `region`. If it is enabled, temporary credentials"
                    " must come from a regional endpoint of STS.",
                ) from denied
            raise

    def _must_be_enabled(self) -> bool:
        """Return whether the credentials are right elsewhere, which needs no permission."""
        if self.name == _ALWAYS_ENABLED:
            return False
        try:
            with explained("say whose credentials these are"):
                self.elsewhere(_ALWAYS_ENABLED).client("sts").get_caller_identity()
        except CmlkitError:
            # They are wrong everywhere, or this cannot be asked: the first error says more.
            return False
        return True


def _is_about_credentials(error: BaseException | None) -> bool:
    """Return whether AWS rejected the credentials, as it does in a region that is not enabled."""
    from botocore.exceptions import ClientError

    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _REJECTED_CREDENTIALS


def acted_in_dry_run(said: str) -> ServiceError:
    """Return the error for a dry run that was carried out."""
    return ServiceError(
        f"AWS carried out a dry run: {said}.",
        next_step="The server at AWS_ENDPOINT_URL knows no dry runs: use neither `--dry-run` and `--preflight` nor the"
        " doctor there.",
    )


def filters(values: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return attributes and their wanted values as EC2's filters."""
    return [{"Name": name, "Values": list(wanted)} for name, wanted in values.items()]
