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
OF_ONE_PROJECT = (HOSTED_TEMPLATE, *TEMPLATES.values(), "retrain-on-change.yml")
"""Templates that train in one folder; the others are for all that a repository has."""
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


def below_root(text: str, *, name: str, folder: str) -> tuple[str, str]:
    """Return the file name and the text of a filled-in template whose steps run in a folder of the repository.

    Its name, and with it its group of concurrency, is another one for each folder.

    Args:
        name: The template's file name.
        folder: Path from the repository's root.

    Raises:
        SettingsError: The template is for the whole repository, or the folder's name would be more than a name in it.
    """
    if name not in OF_ONE_PROJECT:
        raise SettingsError(
            f"{name} is for the whole repository, and not for {folder}.",
            next_step=f"Copy it to {WORKFLOWS} at the root; `--workflow` takes {', '.join(OF_ONE_PROJECT)} here.",
        )
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*", folder, re.ASCII):
        raise SettingsError(
            f"The folder {folder!r} has letters in its name that mean something else in a workflow.",
            next_step="Rename it: a-z, A-Z, 0-9, dots, dashes and underscores are taken.",
        )
    file = f"{name.removesuffix('.yml')}-{folder.replace('/', '-')}.yml"
    text = re.sub(r"(?m)^name: (.*)$", lambda found: f"name: {inline(f'{found[1]} ({folder})')}", text, count=1)
    text = re.sub(
        r"(?m)^( +)command: .*$", lambda found: f"{found[0]}\n{found[1]}working-directory: {inline(folder)}", text
    )
    text = text.replace(".cmlkit/checkpoint", f"{folder}/.cmlkit/checkpoint")
    return file, re.sub(r"(?m)(?<=^    paths:\n)(?:      - .*\n)+", lambda found: _paths(found[0], file, folder), text)


def _paths(block: str, file: str, folder: str) -> str:
    """Return a workflow's filter of paths for a folder."""
    listed = (line.strip().removeprefix("- ").strip('"') for line in block.splitlines())
    placed = (
        f"{WORKFLOWS.as_posix()}/{file}" if item.startswith(".github/") else f"{folder}/{item}" for item in listed
    )
    return "".join(f"      - {inline(item)}\n" for item in placed)


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
