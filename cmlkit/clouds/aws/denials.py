"""Denials: decoding EC2's encoded messages about missing permissions."""

from __future__ import annotations

import json

from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.errors import CmlkitError


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
            context = json.loads(answer["DecodedMessage"])["context"]
            return f"{context['action']} on {context['resource']}"
        except (CmlkitError, ValueError, KeyError):
            # Only a detail of the message is lost.
            return ""
