"""Runs commands of cmlkit, each in a process of its own that is forked from this one with everything imported.

A command takes a tenth of a second so, instead of one; a sweep starts hundreds. Requests are lines of JSON on standard
input; the answers, on standard output, are the child's id and then its status.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from cmlkit import clock
from cmlkit.__main__ import run
from cmlkit.clouds import aws
from cmlkit.clouds.aws import connection
from cmlkit.forges.github import transport
from cmlkit.runner import arrival

# How much faster than time the commands wait; what they wait for comes at once.
CLOCK_RATE = 250.0
# So that a launch makes each of its calls more than once before its runner is online, and none of them often.
POLLS_PER_LOOK = 2
# An answer that does not come is given up as soon as that can be told from a slow machine.
PATIENCE_SECONDS = 1.0


def prepare() -> None:
    """Import, and connect to, what every command needs."""
    clock.SystemClock.sleep = lambda self, seconds: time.sleep(seconds / CLOCK_RATE)  # type: ignore[method-assign]
    connection.READ_TIMEOUT_SECONDS = PATIENCE_SECONDS  # type: ignore[assignment]
    arrival.POLLS_PER_LOOK_AT_INSTANCES = arrival.POLLS_PER_LOOK_AT_CONSOLE = POLLS_PER_LOOK
    transport.TIMEOUT_SECONDS = (PATIENCE_SECONDS, PATIENCE_SECONDS)
    shared = aws.regions()
    here = shared("")
    for service in ("ec2", "ssm", "pricing", "scheduler", "sts"):
        here.connection.client(service, here.region)
    here.connection.client("ec2", here.region, retrying=False)
    here.connection.client("pricing", "us-east-1")
    aws.regions = lambda *, hurried=False: shared


def main() -> None:
    prepare()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.exit(_in_the_child(request))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _in_the_child(request: dict[str, Any]) -> int:
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.environ.update(request["environ"])
    return run(request["arguments"], environ=os.environ)


if __name__ == "__main__":
    main()
