"""The connection to AWS: one session, and one client for each service, region and mode of retrying."""

from __future__ import annotations

import re
import threading
from typing import Any

from cmlkit.bounds.answers import Bounds, bound_client
from cmlkit.clouds.aws.refusal import explained
from cmlkit.errors import PermissionDenied, SettingsError

CONNECT_TIMEOUT_SECONDS = 5
# RunInstances takes seconds; a request without an answer after this time is repeated, with the same client token.
READ_TIMEOUT_SECONDS = 20
HURRIED_SECONDS = (2, 3)  # the same two, for the first answer
TRIES = 4
# The largest are pages of DescribeInstanceTypes and of prices: 100 entries of some 10 KB, paged by botocore.
ANSWER = Bounds(size=64 * 1024**2, seconds=60.0)
# A launch makes as many calls at once.
CONNECTIONS = 16

_PAGE = re.compile(rb"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)


class Connection:
    """The account that boto3 finds in the environment, files or roles.

    Args:
        hurried: Whether STS, which says whose credentials these are, is asked once only, and not for long: it shows
            whether AWS is there.

    Raises:
        PermissionDenied: The credentials are missing.
    """

    def __init__(self, *, hurried: bool = False) -> None:
        import boto3

        self._hurried = hurried
        self._session: Any = boto3.session.Session()
        self._clients: dict[tuple[str, str, bool], Any] = {}
        # Making clients from one session is not thread-safe.
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
        self._lock = threading.Lock()
        with explained("accept the credentials"):
            if self._session.get_credentials() is None:
                raise PermissionDenied(
                    "There are no AWS credentials.",
                    next_step="On your own machine, sign in with the AWS CLI: aws configure, or aws sso login. In a"
                    " workflow, let aws-actions/configure-aws-credentials do it. Or set AWS_ACCESS_KEY_ID and"
                    " AWS_SECRET_ACCESS_KEY.",
                )

    def region(self, name: str) -> str:
        """Return `name`, or the region of the environment or the profile if it is empty."""
        chosen = name or self._session.region_name
        if not chosen:
            raise SettingsError("No AWS region is set.", next_step="Set `region`, or AWS_REGION in the environment.")
        return str(chosen)

    def partition(self, region: str) -> str:
        """Return the region's partition: `aws`, `aws-cn` or `aws-us-gov`."""
        return str(self._session.get_partition_for_region(region))

    def client(self, service: str, region: str, *, retrying: bool = True) -> Any:
        """Return boto3's client of a service, created once.

        Args:
            retrying: Whether boto3 repeats failed requests. It would also repeat those that fail for lack of capacity,
                as EC2 answers them with status 500.
        """
        key = (service, region, retrying)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(*key)
            return self._clients[key]

    def _made(self, service: str, region: str, retrying: bool) -> Any:
        from botocore.config import Config

        hurried = self._hurried and service == "sts"
        connect, read = HURRIED_SECONDS if hurried else (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": TRIES if retrying and not hurried else 1},
            connect_timeout=connect,
            read_timeout=read,
            max_pool_connections=CONNECTIONS,
        )
        with explained(f"offer {service} in {region}"):
            client = bound_client(self._session.client(service, region_name=region, config=config), ANSWER)
        client.meta.events.register("after-call", _refuse_page, unique_id="cmlkit-page")
        return client


def _refuse_page(http_response: Any, model: Any, **_: object) -> None:
    """Refuse the page of a proxy or a login in place of an answer: read as one, it would be an empty list."""
    from botocore.parsers import ResponseParserError

    # A file that is downloaded may be a page. The media type says nothing: stand-ins of AWS send JSON as text/html.
    if http_response.status_code < 300 and not model.has_streaming_output and _PAGE.match(http_response.content):
        raise ResponseParserError("it is a web page, as of a proxy")
