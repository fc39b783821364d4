"""The region that a workflow launches in, and where it is known from."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Mapping
from pathlib import Path

VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


def region(environ: Mapping[str, str], read: Callable[[Path], str]) -> tuple[str, str]:
    """Return the region that the machine is set up for, and what says so; both are empty if nothing does.

    Args:
        read: File -> its text, empty if it is missing.
    """
    named = next((name for name in VARIABLES if environ.get(name)), "")
    if named:
        return environ[named], named
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    file = environ.get("AWS_CONFIG_FILE") or (f"{home}/.aws/config" if home else "")
    profile = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"
    found = _of_profile(read(Path(file)), profile) if file else ""
    return (found, f"profile {profile} of the AWS CLI") if found else ("", "")


def _of_profile(text: str, profile: str) -> str:
    """Return the region of a profile. https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html"""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return ""
    section = "default" if profile == "default" else f"profile {profile}"
    return parser.get(section, "region", fallback="")
