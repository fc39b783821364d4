"""The commands. Each builds the edges, calls one function and prints its result; its module loads when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import click

import cmlkit
from cmlkit.cli.groups import Group
from cmlkit.sinks.printing import show

# Command -> module and attribute, and the line that `cmlkit --help` shows, so that help imports no command.
COMMANDS = {
    "init": ("cmlkit.cli.init", "init", "Write a workflow and cmlkit.yaml into this repository."),
    "demo": ("cmlkit.cli.sandbox", "demo", "Run the whole daily job on this machine, in the sandbox."),
    "sandbox": ("cmlkit.cli.sandbox", "sandbox", "Keep the sandbox running; print the variables that point to it."),
    "runner": ("cmlkit.cli.runner", "runner", "Launch, stop, list and reap runners."),
    "access": ("cmlkit.cli.access", "access", "Show, and make, the access that the workflows need."),
    "doctor": ("cmlkit.cli.doctor", "doctor", "Check for anything that would stop a run, before it costs money."),
    "due": ("cmlkit.cli.due", "due", "Say whether a training is due: whether anything has changed."),
    "train": ("cmlkit.cli.train", "train", "Train a model, and record the result."),
    "publish": ("cmlkit.cli.publish", "publish", "Gate the last training; commit, open a pull request and report."),
    "report": ("cmlkit.cli.publish", "report", "Print the report of the last training as markdown."),
    "model": ("cmlkit.cli.model", "model", "Show, verify, list, compare and promote models."),
    "comment": ("cmlkit.cli.comment", "comment", "Write markdown as a comment, or keep one up to date."),
    "check": ("cmlkit.cli.check", "check", "Write markdown as a check on the commit."),
    "pr": ("cmlkit.cli.pr", "pr", "Open a pull request with files that you name."),
    "asset": ("cmlkit.cli.asset", "asset", "Store images for comments."),
    "workflow": ("cmlkit.cli.workflow", "workflow", "Rerun workflow runs, or tell of their failures."),
    "repo": ("cmlkit.cli.repo", "repo", "Prepare the checkout for commits."),
    "alias": ("cmlkit.cli.cml.alias", "alias", "Put cml and cml-* on PATH, as names of cmlkit."),
    "config": ("cmlkit.cli.config", "config", "Show every setting, and where its value came from."),
}

# Commands that publish and the templates are made of, for workflows of one's own.
BLOCKS = "Building blocks"
BUILDING_BLOCKS = ("comment", "check", "pr", "asset", "workflow", "repo")

# Name that workflows written for CML use -> our command.
ALIASES: dict[str, tuple[str, ...]] = {
    "ci": ("repo", "prepare"),
    "send-comment": ("comment", "create"),
    "send-github-check": ("check", "create"),
    "rerun-workflow": ("workflow", "rerun"),
}
# Commands that CML has, too: their flags may be CML's.
CML_NAMES = {
    *ALIASES,
    *("asset", "check", "comment", "pr", "publish", "repo", "runner", "tensorboard", "tensorboard-dev", "workflow"),
}


class Commands(Group):
    """A group that imports a command when it is used, and suggests the nearest one for a misspelt name."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        # Completion looks at unfinished lines, which need no translation.
        if not context.resilient_parsing and not CML_NAMES.isdisjoint(args):
            args = _translated(context, args)
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(context, [*ALIASES.get(arguments[0], arguments[:1]), *arguments[1:]])

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        blocks = [name for name in COMMANDS if name in BUILDING_BLOCKS]
        for title, names in (("Commands", [name for name in COMMANDS if name not in blocks]), (BLOCKS, blocks)):
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name][2]) for name in names])


def _translated(context: click.Context, arguments: list[str]) -> list[str]:
    """Return the arguments in our words, if they are a command of CML's; its tokens go to the environment."""
    from cmlkit.ci import workplace
    from cmlkit.cli.cml.translation import translated
    from cmlkit.settings.variables import CONFIG

    environ: Mapping[str, str] = context.obj or {}
    has_settings = Path(environ.get(CONFIG) or "cmlkit.yaml").exists()
    translation = translated(arguments, environ=environ, has_settings=has_settings)
    context.obj = {**environ, **translation.variables}
    progress = workplace(context.obj).progress()
    for note in translation.notes:
        progress.warn(note)
    return list(translation.arguments)


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        show(f"cmlkit, version {cmlkit.__version__}")
        context.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback on failure.")
def cli() -> None:
    """Retrain a model on a short-lived EC2 runner, and open a pull request with the result.

    \b
    Try it here, without an account:    cmlkit demo
    Start in your own repository:       cmlkit init
    See every setting:                  cmlkit config show
    """
