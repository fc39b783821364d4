"""Launches: RunInstances with its refusals and idempotency; moto does the rest."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from cmlkit_sandbox.aws.answer import Answer, Refusal
from cmlkit_sandbox.aws.call import Call
from cmlkit_sandbox.aws.fleet import Fleet
from cmlkit_sandbox.aws.keys import Keys
from cmlkit_sandbox.aws.metadata import MetadataService
from cmlkit_sandbox.aws.moto_backend import STATE_CODES, Moto
from cmlkit_sandbox.aws.quotas import Quotas
from cmlkit_sandbox.aws.settling import Settling

# Before it is base64-encoded: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
USER_DATA_LIMIT_BYTES = 16_384
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Run_Instance_Idempotency.html
TOKEN_LIMIT_CHARACTERS = 64
# GiB. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
VOLUME_SIZES: Mapping[str, tuple[int, int]] = {
    "gp2": (1, 16_384),
    "gp3": (1, 65_536),
    "io1": (4, 16_384),
    "io2": (4, 65_536),
    "sc1": (125, 16_384),
    "st1": (125, 16_384),
    "standard": (1, 1024),
}
BOOTABLE = ("gp2", "gp3", "io1", "io2", "standard")
NEEDING_IOPS = ("io1", "io2")


class Launches:
    """RunInstances.

    Args:
        environ: Maps an instance id to the variables that point its machine at this AWS.
    """

    def __init__(
        self,
        moto: Moto,
        fleet: Fleet,
        *,
        quotas: Quotas,
        settling: Settling,
        keys: Keys,
        metadata: MetadataService,
        environ: Callable[[str], Mapping[str, str]],
    ) -> None:
        self._moto = moto
        self._fleet = fleet
        self._quotas = quotas
        self._settling = settling
        self._keys = keys
        self._metadata = metadata
        self._environ = environ
        self._known: dict[tuple[str, str], tuple[Mapping[str, Any], Answer]] = {}

    def run(self, call: Call) -> Answer:
        """Launch the instances of a call, or return those already launched with its client token.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
        """
        with self._moto.lock:
            if (earlier := self._earlier(call)) is not None:
                return earlier
            described = self._check(call)
            # A dry run is about permissions and values: neither capacity nor quotas nor the account's plan.
            if call.is_dry_run:
                raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)
            self._settling.check(call)
            self._quotas.check_plan(described)
            self._check_quota(call, described)
            answer = self._moto.answer(call)
            if answer.status == 200:
                self._begin(call, answer)
        return answer

    def _earlier(self, call: Call) -> Answer | None:
        token = call.text("ClientToken")
        if len(token) > TOKEN_LIMIT_CHARACTERS:
            raise Refusal("InvalidParameterValue", f"Value ({token}) for parameter clientToken is invalid. Too long.")
        known = self._known.get((call.region, token)) if token else None
        if known is None:
            return None
        parameters, answer = known
        if parameters != call.parameters:
            raise Refusal(
                "IdempotentParameterMismatch",
                f"The client token '{token}' was used before with other parameters.",
            )
        return self._as_they_are(answer)

    def _as_they_are(self, answer: Answer) -> Answer:
        """Return the first answer again, with its instances' current states."""
        states = iter([self._fleet.instance(instance_id).state for instance_id in _instance_ids(answer)])

        def restated(match: re.Match[str]) -> str:
            state = next(states)
            return f"<instanceState><code>{STATE_CODES[state]}</code><name>{state}</name></instanceState>"

        pattern = r"<instanceState>.*?</instanceState>"
        content = re.sub(pattern, restated, answer.content.decode(), flags=re.DOTALL).encode()
        return Answer(status=200, media_type=answer.media_type, content=content)

    def _check(self, call: Call) -> Mapping[str, Any]:
        """Refuse an impossible launch; otherwise return the instance type's description."""
        _check_user_data(call.text("UserData"))
        self._moto.furnish(call)
        described = self._instance_type(call)
        self._check_image(call, described)
        self._check_zone(call)
        return described

    def _check_quota(self, call: Call, described: Mapping[str, Any]) -> None:
        running = self._fleet.running_cpus(call.region)
        cpus = int(described["VCpuInfo"]["DefaultVCpus"]) * int(call.parameters.get("MaxCount", 1))
        self._quotas.check(call, cpus=cpus, running=running)

    def _instance_type(self, call: Call) -> Mapping[str, Any]:
        described = self._moto.instance_type(call.instance_type)
        if described is None:
            raise Refusal("InvalidParameterValue", f"Invalid value '{call.instance_type}' for InstanceType.")
        return described

    def _check_image(self, call: Call, described: Mapping[str, Any]) -> None:
        image_id = call.text("ImageId")
        if not re.fullmatch(r"ami-[0-9a-f]+", image_id):
            raise Refusal("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
        image = self._moto.image(call.region, image_id)
        if image is None:
            raise Refusal("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
        architectures = described["ProcessorInfo"]["SupportedArchitectures"]
        if image.architecture not in architectures:
            raise Refusal(
                "InvalidParameterValue",
                f"The architecture '{','.join(architectures)}' of the specified instance type does not match the"
                f" architecture '{image.architecture}' of the specified AMI. Specify an instance type and an AMI that"
                " have matching architectures, and try again.",
            )
        _check_disk(call, image)

    def _check_zone(self, call: Call) -> None:
        zone = self._moto.subnet_zone(call.region, call.text("SubnetId"))
        zones = self._moto.zones_offering(call.region, call.instance_type)
        if zone and zone not in zones:
            raise Refusal(
                "Unsupported",
                f"Your requested instance type ({call.instance_type}) is not supported in your requested Availability"
                f" Zone ({zone}). Please retry your request by not specifying an Availability Zone or choosing"
                f" {', '.join(zones)}.",
            )

    def _begin(self, call: Call, answer: Answer) -> None:
        user_data = call.text("UserData")
        for instance_id in _instance_ids(answer):
            instance = self._moto.instance(call.region, instance_id)
            if call.market == "spot":
                instance.spot_instance_request_id = f"sir-{secrets.token_hex(4)}"
            for interface in instance.nics.values():
                interface.delete_on_termination = True
                interface.add_tags(call.tags("network-interface"))
            self._metadata.add(
                instance_id,
                region=call.region,
                instance=instance,
                user_data=base64.b64decode(user_data),
                profile=call.text("IamInstanceProfile.Name") or call.text("IamInstanceProfile.Arn").rpartition("/")[2],
            )
            self._fleet.add(
                instance_id,
                region=call.region,
                user_data=user_data,
                environ=self._environ(instance_id),
                doom=self._keys.refusal(call),
            )
        if token := call.text("ClientToken"):
            self._known[call.region, token] = (call.parameters, answer)


def _check_user_data(encoded: str) -> None:
    try:
        size = len(base64.b64decode(encoded, validate=True))
    except binascii.Error as error:
        raise Refusal("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from error
    if size > USER_DATA_LIMIT_BYTES:
        raise Refusal("InvalidParameterValue", f"User data is limited to {USER_DATA_LIMIT_BYTES} bytes")


def _check_disk(call: Call, image: Any) -> None:
    mapping = image.block_device_mappings[0]
    asked = call.text("BlockDeviceMapping.1.Ebs.VolumeSize")
    smallest = int(mapping["Ebs"]["VolumeSize"])
    if call.text("BlockDeviceMapping.1.DeviceName") == mapping["DeviceName"] and asked and int(asked) < smallest:
        raise Refusal(
            "InvalidBlockDeviceMapping",
            f"Volume of size {asked}GB is smaller than snapshot '{mapping['Ebs']['SnapshotId']}', expect size>="
            f" {smallest}GB",
        )
    _check_volume(
        call.text("BlockDeviceMapping.1.Ebs.VolumeType") or "gp2",
        size=int(asked or smallest),
        iops=call.text("BlockDeviceMapping.1.Ebs.Iops"),
    )


def _check_volume(kind: str, *, size: int, iops: str) -> None:
    if kind not in VOLUME_SIZES:
        raise Refusal("InvalidParameterValue", f"Invalid value '{kind}' for VolumeType.")
    if kind not in BOOTABLE:
        raise Refusal("BootForVolumeTypeUnsupported", f"The {kind} volume type cannot be used as a boot volume.")
    if kind in NEEDING_IOPS and not iops:
        raise Refusal("MissingParameter", f"The parameter iops must be specified for {kind} volumes.")
    least, most = VOLUME_SIZES[kind]
    if not least <= size <= most:
        limit = f"too small for volume type {kind}; minimum is {least}" if size < least else ""
        limit = limit or f"too large for volume type {kind}; maximum is {most}"
        raise Refusal("InvalidParameterValue", f"Volume of {size}GiB is {limit} GiB")


def _instance_ids(answer: Answer) -> list[str]:
    return re.findall(r"<instanceId>(i-[0-9a-f]+)</instanceId>", answer.content.decode())
