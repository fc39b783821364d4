"""boto3 against the sandbox's AWS, for its tests."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cmlkit_sandbox.aws import (
    ACCESS_KEY,
    SECRET_KEY,
    AwsServer,
    images,
)

REGION = "eu-west-1"
UBUNTU = images.IMAGES[0].id(REGION)
DEADLINE_SECONDS = 30


@functools.cache
def _session() -> Any:
    return boto3.session.Session(ACCESS_KEY, SECRET_KEY)


@functools.lru_cache(maxsize=8)  # boto3 takes a while to make one
def _client(url: str, service: str, region: str, tries: int) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": tries})
    return _session().client(service, region_name=region, endpoint_url=url, config=config)


def client(aws: AwsServer, service: str = "ec2", *, region: str = REGION, tries: int = 1) -> Any:
    return _client(aws.url, service, region, tries)


def run_instances(aws: AwsServer, lines: str = "", *, tries: int = 1, **changes: Any) -> Any:
    """RunInstances for one instance that runs bash lines; the answer."""
    request: dict[str, Any] = {
        "ImageId": UBUNTU,
        "InstanceType": "t3.medium",
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceInitiatedShutdownBehavior": "terminate",
    }
    if lines:
        request["UserData"] = f"#!/bin/bash\n{lines}\n"
    return client(aws, tries=tries).run_instances(**(request | changes))


def launch(aws: AwsServer, lines: str = "", *, tries: int = 1, **changes: Any) -> str:
    """Id of a new instance that runs bash lines."""
    instance_id: str = run_instances(aws, lines, tries=tries, **changes)["Instances"][0]["InstanceId"]
    return instance_id


def described(aws: AwsServer, instance_id: str) -> Any:
    """The instance as DescribeInstances has it."""
    return client(aws).describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def refused(ask: Callable[..., object], **request: Any) -> tuple[str, int, str]:
    """Code, status and message of the error that a call gets."""
    with pytest.raises(ClientError) as caught:
        ask(**request)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.02)


def until_state(aws: AwsServer, instance_id: str, state: str) -> None:
    until(lambda: aws.instance(instance_id).state == state)
