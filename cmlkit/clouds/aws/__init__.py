"""AWS as a cloud, with the APIs of EC2, SSM, the Price List and EventBridge Scheduler."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from cmlkit.clouds.aws.connection import Connection
from cmlkit.clouds.aws.egress import Egress
from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.clouds.aws.identity import Identities
from cmlkit.clouds.aws.images import Images
from cmlkit.clouds.aws.instances import Instances
from cmlkit.clouds.aws.network import Network
from cmlkit.clouds.aws.prices import Prices, address_price
from cmlkit.clouds.aws.quotas import Quotas, quota
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.aws.roles import Roles
from cmlkit.clouds.aws.shell import SHELL_PROGRAM, Shells
from cmlkit.clouds.aws.specification import check_spec
from cmlkit.clouds.aws.types import Types
from cmlkit.clouds.connecting import ShellProgram
from cmlkit.clouds.launching import FirstBoot

__all__ = ["AwsCloud", "cloud_for", "regions"]


class AwsCloud:
    """One region of AWS, used with the account that boto3 finds.

    Its operations are those of its parts; `clouds/base.py` says what each does.

    Args:
        region: Name such as `eu-west-1`; the region of the environment or the profile if empty.
        connection: Connection shared between regions; a new one if None.

    Raises:
        PermissionDenied: The credentials are missing.
        SettingsError: No region is set.
    """

    name = "AWS"
    types_command = "aws ec2 describe-instance-types"

    def __init__(self, region: str = "", *, connection: Connection | None = None) -> None:
        self.connection = connection or Connection()
        self.region = self.connection.region(region)
        here = AwsRegion(self.connection, self.region)
        types, network, quotas = Types(here), Network(here), Quotas(here)
        instances = Instances(here)

        self.images = Images(here).named
        self.instance_types, self.fitting_types = types.named, types.fitting
        self.subnets, self.closed_security_group = network.subnets, network.closed_security_group
        prices = Prices(here)
        self.hourly_prices, self.storage_price, self.address_price = prices.hourly, prices.storage, address_price
        self.quota = quota

        self.launch, self.terminate = instances.launch, instances.terminate
        self.instances, self.tag = instances.listed, instances.tag
        self.console_output, self.loose_volumes = instances.console_output, instances.loose_volumes
        self.check_spec, self.cancel_expiry = check_spec, instances.cancel_expiry

        self.charge = prices.charge
        self.shell = Shells(here).shell
        self.identity = Identities(here).identity
        self.egress_problem = Egress(here).problem
        self.quota_limit = quotas.limit
        roles = Roles(here)
        self.profile_problem, self.expiry_role_problem = roles.profile_problem, roles.expiry_role_problem
        self.check_launch, self.check_removal = instances.check_launch, instances.check_removal
        self.check_security_group = network.check_security_group

    @property
    def shell_program(self) -> ShellProgram:
        return SHELL_PROGRAM

    @property
    def first_boot(self) -> FirstBoot:
        return first_boot()

    def __repr__(self) -> str:
        return f"AwsCloud({self.region!r})"


def regions(*, hurried: bool = False) -> Callable[[str], AwsCloud]:
    """Return a function from a region's name to that region; all share one connection, `hurried` as that says."""
    connection = functools.cache(lambda: Connection(hurried=hurried))
    return functools.cache(lambda region: AwsCloud(region, connection=connection()))


def cloud_for(environ: Mapping[str, str], *, hurried: bool = False) -> Callable[[str], AwsCloud]:
    """Return the function of `regions`, with AWS_REGION for an empty name.

    boto3 itself reads the rest (credentials, AWS_ENDPOINT_URL, AWS_PROFILE and AWS_DEFAULT_REGION), but not AWS_REGION.
    """
    by_name = regions(hurried=hurried)

    def in_region(region: str) -> AwsCloud:
        cloud = by_name(region or environ.get("AWS_REGION", ""))
        if hurried:
            # To read the description of its API takes a slow machine seconds, which are no sign of a silent network.
            cloud.connection.client("sts", cloud.region)
        return cloud

    return in_region
