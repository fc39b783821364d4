"""Identity: the owner of the credentials."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from cmlkit.clouds.aws.refusal import fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.diagnosing import Identity


class Identities:
    """The account, and the user or role in it."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def identity(self) -> Identity:
        # This needs no permission. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        doing = f"say in {self._region} whose credentials these are"
        with self._region.asked(doing):
            answer = fields_of(self._region.client("sts").get_caller_identity(), doing)
        return Identity(
            account=answer.text("Account"),
            principal=answer.text("Arn"),
            server_time=_time(answer.within("ResponseMetadata", "HTTPHeaders").text("date", "")),
        )


def _time(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
