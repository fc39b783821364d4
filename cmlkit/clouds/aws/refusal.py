"""AWS's errors explained: the cause, the next step, and what else may succeed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from cmlkit.clouds.aws.error_codes import CHECK_CREDENTIALS, CHECK_SETTINGS, Row, row_for
from cmlkit.clouds.launching import LaunchRefused, Remedy
from cmlkit.errors import AnswerLost, CapacityError, CmlkitError, PermissionDenied, ServiceError, SettingsError
from cmlkit.records.fields import Fields

_ENCODED = "Encoded authorization failure message:"
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)(?: on resource: (arn:\S+))?")
_FORBIDDEN = "with an explicit deny"
_CHECK_ENDPOINT = "Check AWS_ENDPOINT_URL and proxies, if there are any; else run again later."


@contextmanager
def explained(
    doing: str, *, launching: bool = False, decode: Callable[[str], str] = lambda encoded: ""
) -> Iterator[None]:
    """Turn boto3's errors into cmlkit's.

    Args:
        doing: The action and its resource, as in `AWS did not …`: `list the instances in eu-west-1`.
        launching: Whether refusals with a remedy become `LaunchRefused`.
        decode: Returns the missing permission for an encoded message; empty if it is unknown.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise from_answer(error.response, doing, launching=launching, decode=decode) from error
    except BotoCoreError as error:
        raise _without_answer(error, doing, launching=launching) from error
    except (ResponseParserError, ValueError, TypeError, LookupError, AttributeError) as error:
        # boto3 reads an answer of another shape, such as the page of a proxy, into one of these, as it happens to.
        words = " ".join(str(error).partition("received.")[0].split()).rstrip(".")
        raise AnswerLost(
            f"AWS did not {doing}: its answer cannot be read ({type(error).__name__}: {words[:200]}).",
            next_step=_CHECK_ENDPOINT,
        ) from error


def fields_of(answer: Any, doing: str) -> Fields:
    """Return an answer's fields; a missing or mistyped one raises ServiceError.

    Args:
        doing: As in `explained`.
    """

    def unfit(problem: str) -> ServiceError:
        return ServiceError(
            f"AWS did not {doing}: its answer is not what the API promises: {problem}.", next_step=_CHECK_ENDPOINT
        )

    return Fields(answer, unfit=unfit)


def from_answer(
    response: Any, doing: str, *, launching: bool = False, decode: Callable[[str], str] = lambda encoded: ""
) -> CmlkitError:
    """Return cmlkit's error for AWS's error document."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None
    # If the error document is missing, boto3 fills in the status and the whole page instead.
    said = "it answered with an error page" if code.isdecimal() else str(response.get("Error", {}).get("Message", ""))
    said, _, encoded = said.partition(_ENCODED)
    said = said.strip().rstrip(".")
    row = row_for(code, status, said)
    if row.error is PermissionDenied and not row.next_step:
        row = _denied(row, said, decode(encoded.strip()) if encoded else "")
    message = f"AWS did not {doing}: {said} ({code})."
    if launching and row.remedy is not None:
        return LaunchRefused(
            message,
            code=code,
            remedy=row.remedy,
            next_step=row.next_step,
            words=said,
            ends_as=row.error,
            settles=row.settles,
        )
    error = ServiceError if row.error is CapacityError else row.error
    if issubclass(error, ServiceError):
        return error(message, next_step=row.next_step, status=status, code=code)
    return error(message, next_step=row.next_step)


def settles(error: CmlkitError) -> bool:
    """Return whether the error's request may succeed within half a minute, as it names something that was just made."""
    from botocore.exceptions import ClientError

    if not isinstance(error.__cause__, ClientError):
        return False
    answer = error.__cause__.response["Error"]
    return row_for(str(answer.get("Code", "")), said=str(answer.get("Message", ""))).settles


def _denied(row: Row, said: str, decoded: str) -> Row:
    """Return the row of a denial with the missing permission, and what the denial depends on."""
    named = _ACTION.search(said)
    permission = decoded or (f"{named[1]} on {named[2]}" if named and named[2] else named[1] if named else "")
    return replace(row, remedy=_remedy_for_denial(permission, said), next_step=_permission_needed(said, permission))


def _remedy_for_denial(permission: str, said: str) -> Remedy | None:
    """Return what another rung may change about a denial: policies can name types, subnets, markets and regions.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    action, _, resource = permission.partition(" on ")
    kind = resource.rpartition(":")[2].partition("/")[0]
    if kind == "spot-instances-request":
        return Remedy.OTHER_MARKET
    if action not in ("", "ec2:RunInstances"):
        # A permission that nobody gave is missing everywhere; but policies that deny are often for some regions only.
        return Remedy.OTHER_REGION if _FORBIDDEN in said else None
    return Remedy.OTHER_REGION if kind in ("volume", "key-pair") else Remedy.OTHER_PLACE


def _permission_needed(said: str, permission: str) -> str:
    asked = f"the permission {permission}" if permission else "the permissions"
    if _FORBIDDEN in said:
        kind = "a service control policy of the organisation" if "service control policy" in said else "a policy"
        return (
            f"Ask an administrator: {kind} denies {asked}. Such policies often demand tags, which the setting `tags`"
            " gives, or allow only some types, regions or on-demand instances."
        )
    if permission:
        return f"Give the user or role {asked}; `cmlkit access aws` shows complete policies."
    return "Give the user or role the permissions that `cmlkit access aws` shows."


def _without_answer(error: Exception, doing: str, *, launching: bool) -> CmlkitError:
    from botocore import exceptions

    message = f"AWS did not {doing}: {str(error).rstrip('.')}."
    if isinstance(error, exceptions.NoCredentialsError):
        return PermissionDenied("There are no AWS credentials.", next_step=CHECK_CREDENTIALS)
    if isinstance(error, exceptions.PartialCredentialsError | exceptions.CredentialRetrievalError):
        return PermissionDenied(message, next_step=CHECK_CREDENTIALS)
    if isinstance(error, exceptions.ParamValidationError | exceptions.InvalidRegionError):
        return SettingsError(message, next_step=CHECK_SETTINGS)
    if isinstance(error, exceptions.ConnectionError):
        # The request was never sent.
        if launching:
            return LaunchRefused(message, code=type(error).__name__, remedy=Remedy.LATER)
        return ServiceError(message, next_step="Check the network, and that the region's name is right.")
    if isinstance(error, exceptions.HTTPClientError):
        return AnswerLost(message, next_step="Check the network, and try again.")
    return ServiceError(message)
