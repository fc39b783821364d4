"""The files to copy: workflow templates, filled in for a repository, and the example project."""

from __future__ import annotations

import re
from pathlib import Path

from cmlkit.errors import SettingsError
from cmlkit.sinks.yaml_text import inline

ACTION = "cmlkit/cmlkit@v1"
"""This project, as the templates and the documentation name it: they work as they are copied."""
WORKFLOWS = Path(".github/workflows")
TEMPLATES = {"oidc": "train-on-ec2.yml", "keys": "train-on-ec2-with-keys.yml"}
"""How the workflow gets into the cloud -> the template that does it so."""
HOSTED_TEMPLATE = "train-here.yml"
"""The template that needs no cloud."""
INSTANCE, HOSTED = PLACES = ("ec2", "hosted")
PLACES_HELP = "Where to train: on an EC2 instance for this one job, or on a machine of GitHub's, without a cloud."
AUTH_HELP = "How the workflow gets into AWS."


def workflow_file(
    template: str,
    *,
    action: str = ACTION,
    region: str = "",
    schedule: str = "",
    branch: str = "",
    python: str = "",
) -> str:
    """Fill in a template; what is empty stays as the template has it."""
    text = template.replace(ACTION, inline(action))
    if region:
        text = re.sub(r"(?m)^(  AWS_REGION:) .*$", lambda found: f"{found[1]} {inline(region)}", text)
    if schedule:
        cron = inline(schedule, quote='"')
        text = re.sub(r'(?m)^(    - cron:) "[^"]*".*$', lambda found: f"{found[1]} {cron}", text)
    if branch:
        text = re.sub(r"(?m)^(#?  +branches:) \[main\](?: #.*)?$", lambda found: f"{found[1]} {inline([branch])}", text)
    if python:
        text = re.sub(r'(?m)^( +python-version:) "[\d.]+"$', lambda found: f'{found[1]} "{python}"', text)
    return text


# A wheel has these folders below `resources`; a checkout has them at its root.
_RESOURCES = Path(__file__).parents[1] / "resources"
_CHECKOUT = Path(__file__).parents[2]


def example() -> Path:
    """Return the folder of the example project."""
    return _folder("examples") / "random-forest"


def workflow_names() -> list[str]:
    """Return the file names of the workflow templates."""
    return sorted(path.name for path in _folder("workflows").glob("*.yml"))


def workflow(name: str) -> str:
    """Return the text of a workflow template.

    Raises:
        SettingsError: There is no template of that name.
    """
    if name not in workflow_names():
        raise SettingsError(
            f"There is no workflow template {name!r}.", next_step=f"Choose one of {', '.join(workflow_names())}."
        )
    return (_folder("workflows") / name).read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    bundled = _RESOURCES / name
    return bundled if bundled.is_dir() else _CHECKOUT / name
