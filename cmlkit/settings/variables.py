"""The variables `CMLKIT_…`: the name of each, and a warning for those that are misspelt.

Whoever reads or sets one takes its name from here, except for the parts that stand alone: scripts, and the file that
Python loads in a command's process.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

PREFIX = "CMLKIT_"
CONFIG, DEBUG = "CMLKIT_CONFIG", "CMLKIT_DEBUG"
TOKEN, RUNNER_TOKEN = "CMLKIT_TOKEN", "CMLKIT_RUNNER_TOKEN"
APP_ID, APP_PRIVATE_KEY = "CMLKIT_APP_ID", "CMLKIT_APP_PRIVATE_KEY"
# The action gives it to a step: the job's place in its matrix.
JOB_INDEX = "CMLKIT_JOB_INDEX"
# A training gives them to its commands.
MODEL, SCORES = "CMLKIT_MODEL", "CMLKIT_SCORES"
ACCELERATOR, ACCELERATOR_REPORT = "CMLKIT_ACCELERATOR", "CMLKIT_ACCELERATOR_REPORT"
# The boot script takes these from its environment, in tests.
HOME, SUDOERS_FOLDER = "CMLKIT_HOME", "CMLKIT_SUDOERS_FOLDER"
# The boot script gives them to the job.
INSTANCE_ID, INSTANCE_STARTED = "CMLKIT_INSTANCE_ID", "CMLKIT_INSTANCE_STARTED"
INSTANCE_TYPE, INSTANCE_MARKET = "CMLKIT_INSTANCE_TYPE", "CMLKIT_INSTANCE_MARKET"
INSTANCE_REGION, INSTANCE_PRICE = "CMLKIT_INSTANCE_REGION", "CMLKIT_INSTANCE_PRICE_USD_PER_HOUR"
INSTANCE_DISK_PRICE = "CMLKIT_INSTANCE_DISK_USD_PER_HOUR"
INSTANCE_ADDRESS_PRICE = "CMLKIT_INSTANCE_ADDRESS_USD_PER_HOUR"
INSTANCE_MINUTE_PRICE = "CMLKIT_INSTANCE_JOB_USD_PER_MINUTE"
INSTANCE_LAUNCHER = "CMLKIT_INSTANCE_LAUNCHER"
KEEP_SECONDS = "CMLKIT_INSTANCE_KEEP_SECONDS"
# The sandbox's own, for its machines and hooks.
_SANDBOX_PREFIX = "CMLKIT_SANDBOX_"

_LEAST_LIKENESS = 0.6


def known() -> frozenset[str]:
    """Return the names of all variables of cmlkit, those of the settings included."""
    from cmlkit.settings.schema import SCHEMA

    named = {name for name in globals().values() if isinstance(name, str) and name.startswith(PREFIX)}
    settings = {declaration.variable for declarations in SCHEMA.values() for declaration in declarations}
    return frozenset((named | settings) - {PREFIX, _SANDBOX_PREFIX})


def misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable that has a value and cmlkit's prefix, and that cmlkit does not read."""
    names = known()
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith(_SANDBOX_PREFIX):
            continue
        if name not in names and environ[name].strip():
            yield f"The variable {name} has no effect: cmlkit does not know it. {_neighbour(name, names)}"


def _neighbour(name: str, names: Iterable[str]) -> str:
    # Without the prefix, by which all are alike.
    bare = {known_name.removeprefix(PREFIX): known_name for known_name in sorted(names)}
    [*found] = difflib.get_close_matches(name.removeprefix(PREFIX), bare, n=1, cutoff=_LEAST_LIKENESS)
    if found:
        return f"Did you mean {bare[found[0]]}?"
    return "If it is another program's, give it another prefix."
