"""AWS: the cloud, over EC2's API and, for images and prices, those of SSM and the Price List."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.images import Images
from cmlkit.clouds.aws.instances import Instances
from cmlkit.clouds.aws.network import Network
from cmlkit.clouds.aws.prices import Prices
from cmlkit.clouds.aws.quotas import Quotas
from cmlkit.clouds.aws.types import Types

__all__ = ["Aws", "regions"]


class Aws(Instances, Images, Network, Types, Prices, Quotas):
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
        return f"Aws({self.region!r})"


def regions(environ: Mapping[str, str]) -> Callable[[str], Aws]:
    """A function from the name of a region to that region, all over one connection.

    Args:
        environ: Its AWS_REGION is the region where the name is empty; boto3 itself reads AWS_DEFAULT_REGION only.
    """
    connection = functools.cache(Connection)

    @functools.cache
    def region(name: str) -> Aws:
        return Aws(name or environ.get("AWS_REGION", ""), connection=connection())

    return region
