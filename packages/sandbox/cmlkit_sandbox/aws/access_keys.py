"""Access keys: the ones that the account has, and the refusal of all others."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from cmlkit_sandbox.aws.answer import Refusal
from cmlkit_sandbox.aws.call import Call

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d+)/(?P<region>[^/]*)/(?P<service>[^/]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html: it needs no credentials.
_UNSIGNED = (("sts", "AssumeRoleWithWebIdentity"),)
_NOT_VALID = "AWS was not able to validate the provided access credentials"
_UNKNOWN_KEY = "The security token included in the request is invalid."
_WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


class AccessKeys:
    """The access keys that are valid: id -> secret.

    Attributes:
        known: Keys of the account's users, and those that it gave to instances and roles.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = dict(known)

    def check(self, call: Call) -> None:
        """Refuse a call that is not signed with one of the keys, with the words of the service that was called.

        Raises:
            Refusal: AuthFailure from EC2, InvalidAccessKeyId from S3, InvalidClientTokenId or
                UnrecognizedClientException from others; a wrong secret gives SignatureDoesNotMatch.
        """
        signed = _AUTHORIZATION.match(str(call.environ.get("HTTP_AUTHORIZATION", "")))
        key = signed["key"] if signed else _presigned(call)
        if not key and (call.service, call.action) in _UNSIGNED:
            return
        if key not in self.known:
            raise _unknown(call)
        if signed and not hmac.compare_digest(_signature(call, signed, self.known[key]), signed["signature"]):
            raise _mismatch(call)


def _presigned(call: Call) -> str:
    """Return the key of an address that was signed; its signature is not checked."""
    query = parse_qs(str(call.environ.get("QUERY_STRING", "")))
    return query.get("X-Amz-Credential", [""])[0].partition("/")[0]


def _unknown(call: Call) -> Refusal:
    if call.protocol == "ec2":
        return Refusal("AuthFailure", _NOT_VALID, status=401)
    if call.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return Refusal("InvalidAccessKeyId", message, status=403)
    code = "InvalidClientTokenId" if call.protocol == "query" else "UnrecognizedClientException"
    return Refusal(code, _UNKNOWN_KEY, status=400 if call.protocol == "json" else 403)


def _mismatch(call: Call) -> Refusal:
    if call.protocol == "ec2":
        return Refusal("AuthFailure", _NOT_VALID, status=401)
    code = "InvalidSignatureException" if call.protocol in ("json", "rest-json") else "SignatureDoesNotMatch"
    return Refusal(code, _WRONG_SIGNATURE, status=400 if call.protocol == "json" else 403)


def _signature(call: Call, signed: re.Match[str], secret: str) -> str:
    """Return the signature that the request has if it was made with the secret, computed by botocore as by a client."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    environ = call.environ
    headers = {
        name: str(
            environ.get("HTTP_" + name.upper().replace("-", "_"), environ.get(name.upper().replace("-", "_"), ""))
        )
        for name in signed["headers"].split(";")
    }
    path = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"])
    kind = S3SigV4Auth if signed["service"] == "s3" else SigV4Auth
    auth = kind(Credentials(signed["key"], secret), signed["service"], signed["region"])
    request = AWSRequest(
        method=str(environ["REQUEST_METHOD"]),
        url=f"http://{environ['HTTP_HOST']}{path}",
        headers=headers,
        data=call.signed_body,
    )
    request.context["timestamp"] = str(environ.get("HTTP_X_AMZ_DATE", ""))
    found: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return found
