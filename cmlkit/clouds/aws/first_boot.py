"""AWS's part of the boot script.

It asks the instance metadata service at AWS_EC2_METADATA_SERVICE_ENDPOINT (default http://169.254.169.254), with a
token (version 2), for /latest/meta-data/instance-id, /latest/dynamic/instance-identity/document (its pendingTime) and
/latest/meta-data/spot/instance-action; every answer may be missing.
"""

from __future__ import annotations

from importlib.resources import files

from cmlkit.clouds.launching import FirstBoot

# After compression and before base64 encoding: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
USER_DATA_LIMIT_BYTES = 16_384


def first_boot() -> FirstBoot:
    """Return AWS's part of the boot script, and the size limit of the whole."""
    script = (files(__package__ or "") / "metadata.sh").read_text(encoding="utf-8")
    return FirstBoot(cloud="AWS", metadata_script=script, user_data_limit=USER_DATA_LIMIT_BYTES)
