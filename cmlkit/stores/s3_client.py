"""S3's client, addresses, and errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from cmlkit.bounds.answers import Bounds, bound_client, exceeded
from cmlkit.errors import AnswerLost, NotFound, PermissionDenied, ServiceError, SettingsError
from cmlkit.records.fields import Fields

# A part has at least 5 MiB, an object at most 10,000 parts.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 32 * 1024**2
PARTS_AT_A_TIME = 4
CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 120
TRIES = 5
# A list has at most 1,000 keys of 1,024 bytes. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
ANSWER = Bounds(size=16 * 1024**2, seconds=120.0)
OBJECT = Bounds(size=None)


class S3Client:
    """boto3's S3 client, created when first used.

    Args:
        connect_timeout: Seconds for a connection; `read_timeout` are those for an answer.
        tries: How often a request is sent if it fails in a way that may pass.
        bounds: Of each answer; `OBJECT` to read objects, whose bytes the caller counts.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        tries: int = TRIES,
        bounds: Bounds = ANSWER,
    ) -> None:
        self._settings = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
        self._tries = tries
        self._bounds = bounds
        self._made: Any = None

    def __call__(self) -> Any:
        if self._made is None:
            import boto3
            from botocore.config import Config

            config = Config(
                retries={"mode": "standard", "total_max_attempts": self._tries},
                max_pool_connections=PARTS_AT_A_TIME + 1,
                **self._settings,
            )
            self._made = bound_client(boto3.session.Session().client("s3", config=config), self._bounds)
        return self._made


def bucket_and_key(address: str) -> tuple[str, str]:
    """Return the bucket of `s3://bucket/key`, and the key or prefix without slashes around it."""
    parts = urlsplit(address)
    return parts.netloc, parts.path.strip("/")


@contextmanager
def explained(action: str, *, needs: str, setting: str = "publish.store") -> Iterator[None]:
    """Translate boto3's errors into ours, with AWS's message.

    Args:
        action: What S3 was to do, after "S3 refused to".
        needs: The permissions for it.
        setting: The setting that names the bucket.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except NoCredentialsError as error:
        raise PermissionDenied(
            "AWS credentials for S3 are missing.",
            next_step="Give the instance a role (runner.iam-instance-profile), or use"
            " aws-actions/configure-aws-credentials in the job.",
        ) from error
    except ClientError as error:
        raise _refused(error, action, needs, setting) from error
    except Boto3Error as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, ClientError):
            raise _refused(cause, action, needs, setting) from error
        raise _lost(error, action) from error
    except (BotoCoreError, OSError) as error:
        raise _lost(error, action) from error
    except (ResponseParserError, ValueError, TypeError, LookupError, AttributeError) as error:
        # boto3 reads an answer of another shape, such as the page of a proxy, into one of these, as it happens to.
        raise AnswerLost(f"S3 did not {action}: its answer cannot be read ({type(error).__name__}).") from error


def fields_of(answer: Any, action: str) -> Fields:
    """Return an answer's fields; a missing or mistyped one raises ServiceError."""

    def unfit(problem: str) -> ServiceError:
        return ServiceError(f"S3 did not {action}: its answer is not what the API promises: {problem}.")

    return Fields(answer, unfit=unfit)


def _lost(error: Exception, action: str) -> AnswerLost:
    if why := exceeded(error):
        return AnswerLost(f"S3 did not {action}: its answer {why}.")
    return AnswerLost(f"S3 did not {action}: {error}")


def _refused(error: Any, action: str, needs: str, setting: str) -> Exception:
    code, status = str(error.response["Error"]["Code"]), _status(error)
    text = f"S3 refused to {action}: {code} {error.response['Error'].get('Message', '')}".rstrip()
    if status == 403:
        return PermissionDenied(text, next_step=f"The role or user needs {needs} there.")
    if code == "NoSuchBucket":
        return SettingsError(text, next_step=f"Create the bucket, or correct the setting {setting}.")
    if status == 404:
        return NotFound(text, status=404, next_step="It was removed: see the bucket's lifecycle rules.")
    return ServiceError(text, status=status)


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
