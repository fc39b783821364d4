"""`cmlkit access github`: the variable, the secret and the switch that the workflows need."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import print_json, print_pairs
from cmlkit.doctor import workflows
from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.sinks.printing import show

if TYPE_CHECKING:
    from cmlkit.forges.github.repository import GitHub
    from cmlkit.records.workflow_run import WorkflowRun

T = TypeVar("T")
ROLE, RUNNER_TOKEN = "AWS_ROLE_ARN", "CMLKIT_RUNNER_TOKEN"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that the workflows need.

    Attributes:
        state: `set`, `missing`, `unknown` if the token may not look, or `unused` if no workflow here needs it.
        remedy: How to set it by hand; empty if nothing needs doing.
        change: Sets it, if its value is known and is not set yet.
    """

    name: str
    state: str
    remedy: str = ""
    change: Callable[[], None] | None = None


@click.command(cls=Command)
@with_settings()
@click.option("--role-arn", default="", metavar="ARN", help=f"Value for the variable {ROLE}.")
@click.option("--set", "sets", is_flag=True, help="Set what is missing and known, after showing it and asking.")
@click.option("--runner-token-stdin", is_flag=True, help=f"Read the secret {RUNNER_TOKEN} from standard input.")
@click.option("--yes", is_flag=True, help="With --set: do not ask.")
def github(invocation: Invocation, role_arn: str, sets: bool, runner_token_stdin: bool, yes: bool) -> None:
    """List the variable, the secret and the switch that the workflows need; with --set, set those that are missing.

    What no workflow of this checkout names is listed as unused, and not set unless its value is given by a flag.
    The secret's value is read from CMLKIT_RUNNER_TOKEN or from standard input, and stored by the GitHub CLI. The token
    for the rest is that of CMLKIT_TOKEN, GITHUB_TOKEN or the GitHub CLI.

    \b
    cmlkit access github
    cmlkit access github --set --role-arn arn:aws:iam::123456789012:role/cmlkit
    """
    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    secret = _secret(invocation, from_stdin=runner_token_stdin)
    # A value in a flag or from standard input is to be set, whatever the workflows say.
    asked = {name for name, given in ((ROLE, role_arn), (RUNNER_TOKEN, runner_token_stdin)) if given}
    items = list(_items(invocation, workflow_run, role_arn=role_arn, secret=secret, asked=asked))
    changes = [item for item in items if item.change]
    if not invocation.as_json:
        print_pairs([(f"{item.state:<7}  {item.name}", item.remedy) for item in items])
    if sets and changes:
        _confirm([item.name for item in changes], workflow_run, yes=yes)
        for item in changes:
            if item.change:
                item.change()
            invocation.progress.note(f"{item.name} is set.")
    if invocation.as_json:
        rows = [{"name": item.name, "state": item.state, "remedy": item.remedy} for item in items]
        print_json({"items": rows, "changed": [item.name for item in changes] if sets else []})
    elif sets and not changes:
        show("\nNothing was set: nothing is missing whose value is known.")


def _confirm(names: list[str], workflow_run: WorkflowRun, *, yes: bool) -> None:
    show(f"\nTo be set in {workflow_run.repository_url}: {'; '.join(names)}.", errors=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise SettingsError("Nothing was set: nobody is there to ask.", next_step="Say so with --yes.")
    click.confirm("Set them?", abort=True, err=True)


def _items(
    invocation: Invocation, workflow_run: WorkflowRun, *, role_arn: str, secret: str, asked: Container[str]
) -> Iterator[Item]:
    forge, environ = _forge(invocation, workflow_run)
    page, named = f"{workflow_run.repository_url}/settings", workflows.named(Path.cwd())
    unused = f"not named by {', '.join(named.files)}"
    if ROLE in asked or named.needs(ROLE):
        yield _role(forge, page, role_arn)
    else:
        yield Item(name=f"variable {ROLE}", state="unused", remedy=unused)
    if RUNNER_TOKEN in asked or named.needs(RUNNER_TOKEN):
        yield _runner_token(forge, page, workflow_run, secret, environ=environ)
    else:
        yield Item(name=f"secret {RUNNER_TOKEN}", state="unused", remedy=unused)
    yield _switch(forge, page)


def _role(forge: GitHub, page: str, role_arn: str) -> Item:
    settings = forge.actions_settings
    known = _looked(lambda: settings.variable(ROLE))
    return Item(
        name=f"variable {ROLE}",
        state="unknown" if isinstance(known, CmlkitError) else "set" if known else "missing",
        remedy="" if known and not isinstance(known, CmlkitError) else f"cmlkit access aws; {page}/variables/actions",
        change=(lambda: settings.set_variable(ROLE, role_arn)) if role_arn and known != role_arn else None,
    )


def _runner_token(
    forge: GitHub, page: str, workflow_run: WorkflowRun, secret: str, *, environ: Mapping[str, str]
) -> Item:
    from cmlkit.forges.github import command_line

    there = _looked(lambda: forge.actions_settings.has_secret(RUNNER_TOKEN))

    def store() -> None:
        command_line.set_secret(workflow_run.server_url, workflow_run.repository, RUNNER_TOKEN, secret, environ=environ)

    return Item(
        name=f"secret {RUNNER_TOKEN}",
        state="unknown" if isinstance(there, CmlkitError) else "set" if there else "missing",
        remedy="" if there is True else f"a token with Administration: write; {page}/secrets/actions",
        change=store if secret and there is not True else None,
    )


def _switch(forge: GitHub, page: str) -> Item:
    settings = forge.actions_settings
    allowed = _looked(settings.may_create_pull_requests)
    return Item(
        name="switch: Actions may create pull requests",
        state="unknown" if isinstance(allowed, CmlkitError) else "set" if allowed else "missing",
        remedy="" if allowed is True else f"{page}/actions",
        change=settings.let_create_pull_requests if allowed is False else None,
    )


def _looked(look: Callable[[], T]) -> T | CmlkitError:
    try:
        return look()
    except CmlkitError as error:
        return error


def _forge(invocation: Invocation, workflow_run: WorkflowRun) -> tuple[GitHub, dict[str, str]]:
    from cmlkit.forges.github import environ_at, open_forge

    signed_in = edges.signed_in(invocation, workflow_run)
    there = environ_at(workflow_run.server_url, signed_in.environ)
    forge = open_forge(repository=workflow_run.repository, environ=there, notify=invocation.progress.note)
    return forge, dict(invocation.environ)


def _secret(invocation: Invocation, *, from_stdin: bool) -> str:
    value = sys.stdin.read() if from_stdin else invocation.environ.get(RUNNER_TOKEN, "")
    if value := value.strip():
        invocation.workplace.keep_secret(value)
    return value
