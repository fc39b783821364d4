"""`cmlkit access aws`: the role that the workflows of this repository assume."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.bounds.files import SETTINGS_BYTES, read_small
from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import print_json, print_pairs
from cmlkit.errors import CmlkitError, GitError, SettingsError
from cmlkit.scaffold.writing import write_files
from cmlkit.sinks.printing import show

if TYPE_CHECKING:
    from cmlkit.clouds.aws.access import Grant
    from cmlkit.forges.access import Access
    from cmlkit.records.workflow_run import WorkflowRun

FOLDER = Path("cmlkit-access")
WORKFLOWS = Path(".github/workflows")
_REGION = re.compile(r"(?m)^ +AWS_REGION: *['\"]?([a-z0-9-]+)['\"]? *(?:#.*)?$")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A value, and how it became known."""

    value: str
    source: str


@click.command(cls=Command)
@with_settings()
@click.option("--account", default="", metavar="NUMBER", help="The account; that of the credentials if omitted.")
@click.option(
    "--branch", default="", help="The branch whose workflows may assume the role; the default branch if omitted."
)
@click.option("--environment", multiple=True, metavar="NAME", help="An environment whose jobs may assume it, too.")
@click.option("--region", multiple=True, help="Where instances may be launched; from settings or workflow if omitted.")
@click.option("--role", default="", metavar="NAME", help="Name of the role; cmlkit-OWNER-NAME if omitted.")
@click.option("--write", is_flag=True, help=f"Write the files, to {FOLDER}/.")
@click.option("--force", is_flag=True, help="Overwrite files with other content.")
def aws(
    invocation: Invocation,
    account: str,
    branch: str,
    environment: tuple[str, ...],
    region: tuple[str, ...],
    role: str,
    write: bool,
    force: bool,
) -> None:
    """Show the role and its policies for this repository; with --write, write them as files. Nothing is made in AWS.

    One file is for CloudFormation and one for Terraform: each creates the provider of OpenID Connect, the role and,
    if wanted, the roles of the stop schedule and of the instances. The policies are written one by one, too.

    \b
    cmlkit access aws
    cmlkit access aws --write --account 123456789012 --region eu-west-1
    """
    from cmlkit.clouds.aws import access

    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    known = _of_forge(invocation, workflow_run)
    regions = _regions(invocation, region)
    facts = {
        "account": _account(invocation, account, regions.value.split(", ")[0]),
        "repository": Fact(value=workflow_run.repository, source=workflow_run.server_url),
        "branch": _branch(branch, known),
        "region": regions,
    }
    grant = _grant(facts, workflow_run, known, environment, role)
    files = access.files(grant)
    places = {FOLDER / name: text for name, text in files.items()}
    written = [str(path) for path in write_files(places, force=force)] if write else []
    steps = _steps(grant, written=write)
    if invocation.as_json:
        values = {name: fact.value for name, fact in facts.items()}
        print_json({**values, "role": grant.role_arn, "files": files, "written": written, "steps": steps})
        return
    print_pairs([*((name, f"{fact.value} ({fact.source})") for name, fact in facts.items()), ("role", grant.role_arn)])
    print_pairs([("subject", subject) for subject in grant.subjects])
    if write:
        print_pairs([("written", path) for path in written])
    else:
        show(f"\n# {FOLDER}/cloudformation.yaml\n{files['cloudformation.yaml']}")
    show("\nWhat is left to do:")
    for number, step in enumerate(steps, start=1):
        show(f"{number}. {step}")


def _grant(
    facts: dict[str, Fact], workflow_run: WorkflowRun, known: Access | None, environments: tuple[str, ...], role: str
) -> Grant:
    from cmlkit.clouds.aws.access import Grant, partition_of, role_name
    from cmlkit.forges.github.identity import issuer, subjects

    repository, regions = workflow_run.repository, tuple(facts["region"].value.split(", "))
    ids = known.ids if known else None
    return Grant(
        account=facts["account"].value,
        repository=repository,
        regions=regions,
        issuer=issuer(workflow_run.server_url),
        subjects=subjects(repository, facts["branch"].value, environments=environments, ids=ids),
        role=role or role_name(repository),
        partition=partition_of(regions[0]),
    )


def _of_forge(invocation: Invocation, workflow_run: WorkflowRun) -> Access | None:
    """Return what the forge says of the repository; None without a token, or without an answer."""
    try:
        forge = edges.forge_if_any(invocation, workflow_run)
        return forge.access() if forge else None
    except SettingsError:
        raise
    except CmlkitError as error:
        invocation.progress.note(f"The repository was not asked about: {error.message}")
        return None


def _account(invocation: Invocation, named: str, region: str) -> Fact:
    if named:
        return Fact(value=named.replace("-", ""), source="--account")
    try:
        identity = edges.clouds(invocation)(region).identity()
    except CmlkitError as error:
        raise SettingsError(
            f"No AWS account is known: {error.message}",
            next_step="Name it, as in: cmlkit access aws --account 123456789012.",
        ) from error
    return Fact(value=identity.account, source=f"credentials of {identity.principal}")


def _branch(named: str, known: Access | None) -> Fact:
    from cmlkit.git import checkout, remote

    if named:
        return Fact(value=named, source="--branch")
    if known:
        return Fact(value=known.branch, source="the repository's default branch")
    try:
        if branch := checkout.remote_default_branch(Path.cwd()):
            return Fact(value=branch, source="the default branch, as the clone knows it")
        branch = remote.default_branch(Path.cwd())
        return Fact(value=branch, source="the default branch, as the remote origin says: the clone does not know it")
    except GitError as error:
        raise SettingsError(
            "The default branch is not known: no token asked for it, this clone does not say it, and the remote origin"
            f" was asked in vain. {error.message}",
            next_step="Name it, as in: cmlkit access aws --branch main.",
        ) from error


def _regions(invocation: Invocation, named: Sequence[str]) -> Fact:
    settings = invocation.settings
    if named:
        return Fact(value=", ".join(named), source="--region")
    if settings.runner.region:
        return Fact(value=", ".join(settings.runner.region), source=settings.sources["runner.region"])
    for path in sorted([*WORKFLOWS.glob("*.yml"), *WORKFLOWS.glob("*.yaml")]):
        if match := _REGION.search((read_small(path, SETTINGS_BYTES) or b"").decode("utf-8", "replace")):
            return Fact(value=match[1], source=str(path))
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if region := invocation.environ.get(variable):
            return Fact(value=region, source=variable)
    raise SettingsError(
        "No AWS region is known: neither settings nor workflows have one.",
        next_step="Name it, as in: cmlkit access aws --region eu-west-1.",
    )


def _steps(grant: Grant, *, written: bool) -> list[str]:
    """Return what a person has to do for the role to exist and to be used."""
    deploy = shlex.join(
        [
            *("aws", "cloudformation", "deploy", "--stack-name", re.sub(r"[^A-Za-z0-9-]", "-", grant.role)),
            *("--template-file", str(FOLDER / "cloudformation.yaml"), "--capabilities", "CAPABILITY_NAMED_IAM"),
            *("--region", grant.regions[0]),
        ]
    )
    create = (
        f"Create the role: {deploy}; or with Terraform, from main.tf. If the account has the provider of OpenID Connect"
        " already, add --parameter-overrides CreateProvider=no (Terraform: -var create_provider=false)"
    )
    return [
        *([] if written else ["Write the files: cmlkit access aws --write, with the same options"]),
        create,
        f"Name the role in the repository: cmlkit access github --set --role-arn {grant.role_arn}",
    ]
