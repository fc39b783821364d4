"""Identity: whose credentials these are."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from cmlkit.clouds.aws.operations import Operations
from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.base import Identity


class Identities(Operations):
    """The account, and who we are in it."""

    def identity(self) -> Identity:
        # No permission is needed for it. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        with explained("say whose credentials these are"):
            answer = self.connection.client("sts", self.region).get_caller_identity()
        return Identity(
            account=str(answer["Account"]),
            arn=str(answer["Arn"]),
            server_time=_time(answer["ResponseMetadata"]["HTTPHeaders"]),
        )


def _time(headers: Mapping[str, str]) -> float | None:
    return parsedate_to_datetime(headers["date"]).timestamp() if headers.get("date") else None
