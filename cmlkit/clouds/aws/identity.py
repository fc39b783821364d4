"""Identity: the owner of the credentials."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.diagnosing import Identity


class Identities:
    """The account, and the user or role in it."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def identity(self) -> Identity:
        # This needs no permission. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        with self._region.asked(f"say in {self._region} whose credentials these are"):
            answer = self._region.client("sts").get_caller_identity()
        return Identity(
            account=str(answer["Account"]),
            principal=str(answer["Arn"]),
            server_time=_time(answer["ResponseMetadata"]["HTTPHeaders"]),
        )


def _time(headers: Mapping[str, str]) -> float | None:
    return parsedate_to_datetime(headers["date"]).timestamp() if headers.get("date") else None
