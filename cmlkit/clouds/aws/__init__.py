"""AWS: the cloud, over EC2's API and, where that lacks something, those of SSM, the Price List and Scheduler."""

from __future__ import annotations

import functools
from collections.abc import Callable

from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.egress import Egress
from cmlkit.clouds.aws.identity import Identities
from cmlkit.clouds.aws.images import Images
from cmlkit.clouds.aws.instances import Instances
from cmlkit.clouds.aws.network import Network
from cmlkit.clouds.aws.prices import Prices
from cmlkit.clouds.aws.quotas import Quotas
from cmlkit.clouds.aws.schedules import Schedules
from cmlkit.clouds.aws.types import Types

__all__ = ["AwsCloud", "regions"]


class AwsCloud(Instances, Images, Network, Egress, Types, Prices, Quotas, Schedules, Identities):
    """One region of AWS, worked on with the account that boto3 finds.

    Args:
        region: Such as `eu-west-1`; that of the environment or the profile when empty.
        connection: Shared between regions; a new one when None.

    Raises:
        PermissionDenied: There are no credentials.
        SettingsError: No region is set.
    """

    def __init__(self, region: str = "", *, connection: Connection | None = None) -> None:
        self.connection = connection or Connection()
        self.region = self.connection.region(region)

    def __repr__(self) -> str:
        return f"AwsCloud({self.region!r})"


def regions() -> Callable[[str], AwsCloud]:
    """A function from the name of a region to that region, all over one connection."""
    connection = functools.cache(Connection)
    return functools.cache(lambda region: AwsCloud(region, connection=connection()))
