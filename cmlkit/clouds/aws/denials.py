"""Denials: decoding EC2's encoded messages about missing permissions."""

from __future__ import annotations

from cmlkit.clouds.aws.refusal import explained, fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.errors import CmlkitError
from cmlkit.records.json_text import read_json


class Denials:
    """Messages about missing permissions."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def decoded(self, encoded: str) -> str:
        """Return the denied `ACTION on RESOURCE`; empty if the account may not decode messages either.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
        """
        try:
            with explained("decode its message"):
                sts = self._region.client("sts", retrying=False)
                answer = sts.decode_authorization_message(EncodedMessage=encoded)
                text = fields_of(answer, "decode its message").text("DecodedMessage")
                context = fields_of(read_json(text), "decode its message").inside("context")
            return f"{context.text('action')} on {context.text('resource')}"
        except CmlkitError:
            # Only a detail of the message is lost.
            return ""
