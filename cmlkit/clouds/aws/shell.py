"""A shell on an instance by Session Manager of AWS Systems Manager: no key, no open port."""

from __future__ import annotations

from cmlkit.clouds.aws.refusal import fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.connecting import Shell, ShellProgram
from cmlkit.errors import PermissionDenied
from cmlkit.records.fields import Fields
from cmlkit.records.json_text import json_text

SHELL_PROGRAM = ShellProgram(
    name="session-manager-plugin",
    advice="Install AWS's plugin, newer than 1.2.497:"
    " https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
)
# The plugin reads the session, with its token, from the variable that its first argument names: arguments are public.
# https://github.com/aws/aws-cli/blob/develop/awscli/customizations/sessionmanager.py
_SESSION = "AWS_SSM_START_SESSION_RESPONSE"
_NO_PROFILE = (
    "Launch with `iam-instance-profile`, naming a profile whose role has the policy AmazonSSMManagedInstanceCore; see"
    " docs/how-to/debug-a-runner.md."
)
_NOT_MANAGED = (
    "Within its first two minutes, try again. Else its role needs the policy AmazonSSMManagedInstanceCore, its image"
    " the agent (Ubuntu's has it), and its network a way to Systems Manager; see docs/how-to/debug-a-runner.md."
)


class Shells:
    """Shells on instances in the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def shell(self, instance_id: str) -> Shell:
        self._require_agent(instance_id)
        client, doing = self._region.client("ssm"), f"open a shell on {instance_id}"
        with self._region.asked(doing):
            answer = client.start_session(Target=instance_id)
        session = {name: fields_of(answer, doing).filled(name) for name in ("SessionId", "TokenValue", "StreamUrl")}
        target = json_text({"Target": instance_id})
        return Shell(
            arguments=(_SESSION, self._region.name, "StartSession", "", target, str(client.meta.endpoint_url)),
            variables={_SESSION: json_text(session)},
        )

    def _require_agent(self, instance_id: str) -> None:
        """Raise PermissionDenied unless the agent on the instance answers to Systems Manager."""
        doing = f"say whether {instance_id} takes a shell"
        filters = [{"Key": "InstanceIds", "Values": [instance_id]}]
        with self._region.asked(doing):
            answer = self._region.client("ssm").describe_instance_information(Filters=filters)
        managed = fields_of(answer, doing).any_listed("InstanceInformationList")
        if any(item.text("PingStatus", "") == "Online" for item in managed):
            return
        if not (profile := self._profile(instance_id)):
            raise PermissionDenied(
                f"{instance_id} takes no shell: it was launched without an instance profile.",
                next_step=_NO_PROFILE,
            )
        raise PermissionDenied(
            f"{instance_id} takes no shell: Session Manager does not hear of it, and its profile is {profile}.",
            next_step=_NOT_MANAGED,
        )

    def _profile(self, instance_id: str) -> str:
        """Return the ARN of the instance's profile; empty if it has none."""
        found: list[Fields] = [
            instance
            for group in self._region.pages(
                "describe_instances", "Reservations", doing=f"look at {instance_id}", InstanceIds=[instance_id]
            )
            for instance in group.any_listed("Instances")
        ]
        return next((item.within("IamInstanceProfile").text("Arn", "") for item in found), "")
