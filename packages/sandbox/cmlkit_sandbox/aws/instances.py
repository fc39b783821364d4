"""Operations on existing instances: end them, and read their consoles."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from cmlkit_sandbox.aws.answer import Answer, Refusal, ec2_answer
from cmlkit_sandbox.aws.call import Call
from cmlkit_sandbox.aws.fleet import BY_USER, Fleet
from cmlkit_sandbox.aws.moto_backend import STATE_CODES

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
CONSOLE_LIMIT_BYTES = 64 * 1024


class Instances:
    """EC2's operations on the fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def terminate(self, call: Call) -> Answer:
        """Answer TerminateInstances: all of them, or none if one is unknown."""
        ids = call.listed("InstanceId")
        if not ids:
            raise Refusal("MissingParameter", "The request must contain the parameter InstanceId")
        self._check(call.region, ids)
        items = "".join(self._terminated(instance_id) for instance_id in ids)
        return ec2_answer(call.action, f"<instancesSet>{items}</instancesSet>")

    def console(self, call: Call) -> Answer:
        """Answer GetConsoleOutput with the machine's output so far."""
        instance_id = call.text("InstanceId")
        self._check(call.region, [instance_id])
        machine = self._fleet.machines.get(instance_id)
        written = machine.console.encode()[-CONSOLE_LIMIT_BYTES:] if machine is not None else b""
        output = f"<output>{base64.b64encode(written).decode()}</output>" if written else ""
        moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
        return ec2_answer(call.action, f"<instanceId>{instance_id}</instanceId><timestamp>{moment}</timestamp>{output}")

    def refuse(self, call: Call) -> Answer:
        """Refuse an operation that a machine that boots once does not support."""
        raise Refusal("UnsupportedOperation", f"The sandbox's instances live once; it has no {call.action}.")

    def _terminated(self, instance_id: str) -> str:
        before = self._fleet.end(instance_id, BY_USER)
        after = self._fleet.instance(instance_id).state
        current, previous = (f"<code>{STATE_CODES[state]}</code><name>{state}</name>" for state in (after, before))
        return (
            f"<item><instanceId>{instance_id}</instanceId><currentState>{current}</currentState>"
            f"<previousState>{previous}</previousState></item>"
        )

    def _check(self, region: str, ids: Iterable[str]) -> None:
        for instance_id in ids:
            if not re.fullmatch(r"i-([0-9a-f]{8}|[0-9a-f]{17})", instance_id):
                raise Refusal("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
        unknown = [instance_id for instance_id in ids if not self._fleet.knows(region, instance_id)]
        if len(unknown) == 1:
            raise Refusal("InvalidInstanceID.NotFound", f"The instance ID '{unknown[0]}' does not exist")
        if unknown:
            raise Refusal("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(unknown)}' do not exist")
