"""The sandbox's AWS: moto in this process, behind a layer that adds the parts of EC2 that moto lacks.

The layer adds machines that boot from their user data and end the instance when they power off, pending before
running, launches that happen once per client token, EC2's own refusals, real console output, the metadata service,
public images, prices, quotas, schedules that fire, denied permissions, and faults on demand.

    with AwsServer(directory) as aws:
        aws.fail("RunInstances", "InsufficientInstanceCapacity", market="spot", times=2)
        subprocess.run(["cmlkit", "runner", "launch"], env={**os.environ, **aws.environ()})
"""

from __future__ import annotations

from cmlkit_sandbox.aws.account import ACCESS_KEY, SECRET_KEY, needed_permissions
from cmlkit_sandbox.aws.call import Call
from cmlkit_sandbox.aws.faults import Fault
from cmlkit_sandbox.aws.fleet import SandboxInstance
from cmlkit_sandbox.aws.server import AwsServer

__all__ = ["ACCESS_KEY", "SECRET_KEY", "AwsServer", "Call", "Fault", "SandboxInstance", "needed_permissions"]
