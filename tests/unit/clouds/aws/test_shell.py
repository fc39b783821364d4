"""A shell by Session Manager: what its plugin gets, and what is said of an instance that takes none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cmlkit.clouds.aws import access
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.aws.shell import Shells
from cmlkit.errors import PermissionDenied

ID = "i-0123456789abcdef0"
PROFILE = "arn:aws:iam::123456789012:instance-profile/train"
SESSION = {"SessionId": "octo-0a1b", "TokenValue": "secret-token", "StreamUrl": "wss://ssmmessages.eu-west-1/x"}


class Connection:
    """boto3's own clients, with the answers of AWS in order."""

    def __init__(self) -> None:
        keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
        self.clients: dict[str, Any] = {name: boto3.client(name, **keys) for name in ("ssm", "ec2")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        self.asked: set[str] = set()
        for name, client in self.clients.items():
            client.meta.events.register(f"before-parameter-build.{name}", self._note)
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: str, region: str, *, retrying: bool = True) -> Any:
        return self.clients[service]

    def _note(self, model: Any, **_: Any) -> None:
        self.asked.add(f"{model.service_model.service_name}:{model.name}")

    def answers(self, *, ping: str = "", profile: str = "") -> None:
        managed = [{"InstanceId": ID, "PingStatus": ping}] if ping else []
        self.stubs["ssm"].add_response("describe_instance_information", {"InstanceInformationList": managed})
        self.stubs["ssm"].add_response("start_session", SESSION, {"Target": ID})
        has = {"IamInstanceProfile": {"Arn": profile}} if profile else {}
        self.stubs["ec2"].add_response(
            "describe_instances", {"Reservations": [{"Instances": [{"InstanceId": ID, **has}]}]}
        )


def shells(**answers: str) -> Shells:
    connection = Connection()
    connection.answers(**answers)
    return Shells(AwsRegion(connection, "eu-west-1"))  # type: ignore[arg-type]


def test_the_plugin_gets_the_session_in_a_variable_and_never_as_an_argument() -> None:
    shell = shells(ping="Online").shell(ID)
    assert shell.arguments[1:3] == ("eu-west-1", "StartSession")
    assert json.loads(shell.arguments[4]) == {"Target": ID}
    assert shell.arguments[5] == "https://ssm.eu-west-1.amazonaws.com"
    assert json.loads(shell.variables[shell.arguments[0]]) == SESSION
    assert not any("secret-token" in word for word in shell.arguments)
    assert "secret-token" not in repr(shell)


@pytest.mark.parametrize(
    ("answers", "problem", "way_out"),
    [
        ({}, "launched without an instance profile", "Launch with `iam-instance-profile`"),
        ({"profile": PROFILE}, f"its profile is {PROFILE}", "AmazonSSMManagedInstanceCore, its image the agent"),
        ({"ping": "ConnectionLost", "profile": PROFILE}, "does not hear of it", "try again"),
    ],
)
def test_an_instance_that_takes_no_shell_is_told_with_the_way_to_allow_it(
    answers: dict[str, str], problem: str, way_out: str
) -> None:
    with pytest.raises(PermissionDenied) as caught:
        shells(**answers).shell(ID)
    assert problem in caught.value.message
    assert way_out in caught.value.next_step


def test_the_policy_for_people_who_connect_allows_what_a_shell_asks_for_and_nothing_else() -> None:
    connection = Connection()
    connection.answers(ping="Online")
    Shells(AwsRegion(connection, "eu-west-1")).shell(ID)  # type: ignore[arg-type]
    refused = Connection()
    refused.answers(profile=PROFILE)
    with pytest.raises(PermissionDenied):
        Shells(AwsRegion(refused, "eu-west-1")).shell(ID)  # type: ignore[arg-type]
    assert connection.asked | refused.asked == set(allowed())


def allowed() -> Iterator[str]:
    for statement in json.loads((access.POLICIES / "connect.json").read_text())["Statement"]:
        actions = statement["Action"]
        yield from [actions] if isinstance(actions, str) else actions
