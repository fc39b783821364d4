"""`cmlkit init`: the files that a project needs for retraining."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cmlkit import scaffold
from cmlkit.bounds.files import SETTINGS_BYTES, read_regular, read_small
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import print_json, print_pairs
from cmlkit.errors import GitError, NotARepository, SettingsError, step_after
from cmlkit.files import write_whole
from cmlkit.forges import check_server
from cmlkit.git import checkout, remote
from cmlkit.git.remote import Remote
from cmlkit.settings.schema import SCHEMA, TrainSpec
from cmlkit.sinks.printing import show

SETTINGS = Path("cmlkit.yaml")
# Skipped in a project that is not a repository yet: nothing below these belongs to the training.
NOT_LISTED = (".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist")
MOST_FILES = 20_000


@click.command()
@with_settings("runner", "train", "gate")
@click.option("--on", "place", type=click.Choice(scaffold.PLACES), default=scaffold.INSTANCE, help=scaffold.PLACES_HELP)
@click.option("--auth", type=click.Choice(list(scaffold.TEMPLATES)), default="oidc", help=scaffold.AUTH_HELP)
@click.option(
    "--workflow",
    "workflows",
    multiple=True,
    metavar="TEMPLATE",
    help="Templates to write instead of the one for --on and --auth.",
)
@click.option("--schedule", default="", metavar="CRON", help="When the workflow runs; daily at 08:00 if omitted.")
@click.option("--action", default=scaffold.ACTION, metavar="OWNER/REPOSITORY@REF", help="The action to use.")
@click.option("--example", is_flag=True, help="Also write a small example project.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option(
    "--from-cml",
    "from_cml",
    multiple=True,
    is_flag=False,
    flag_value="",
    metavar="[WORKFLOW]",
    help="Rewrite a workflow that was written for CML, beside it; those of this repository if none is named.",
)
@click.option("--dry-run", is_flag=True, help="With --from-cml: write nothing, and print the new workflow.")
def init(
    invocation: Invocation,
    place: str,
    auth: str,
    workflows: Sequence[str],
    schedule: str,
    action: str,
    example: bool,
    force: bool,
    from_cml: Sequence[str],
    dry_run: bool,
) -> None:
    """Write a workflow and cmlkit.yaml into this repository, and list what remains to be set on GitHub.

    Settings that neither flags nor variables give are guessed from the project's files.

    \b
    cmlkit init --on hosted
    cmlkit init
    cmlkit init --auth keys --run "python src/fit.py" --instance-type c7i.xlarge
    cmlkit init --workflow reap.yml --workflow retrain-on-change.yml
    cmlkit init --from-cml .github/workflows/cml.yml
    """
    if from_cml:
        _refuse_beside_from_cml(invocation, workflows, schedule, example)
        _migrate(invocation, from_cml, action=action, force=force, dry_run=dry_run)
        return
    if dry_run:
        raise click.UsageError("--dry-run goes with --from-cml.")
    needs_instance = place != scaffold.HOSTED
    if not needs_instance:
        _refuse_beside_hosted(invocation, workflows)
    listed, origin = _asked_of_git(invocation, Path.cwd())
    files = _example_files() if example else {}
    if not example and (force or not SETTINGS.exists()):
        files[SETTINGS] = _settings_text(invocation, _there(listed, Path.cwd()))
    if SETTINGS in files and not needs_instance:
        files[SETTINGS] = scaffold.without_section(files[SETTINGS], "runner")
    if SETTINGS not in files:
        _say_what_is_not_written(invocation)
    region = next(iter(invocation.settings.runner.region), "") or scaffold.region(invocation.environ)
    for name in workflows or [scaffold.TEMPLATES[auth] if needs_instance else scaffold.HOSTED_TEMPLATE]:
        text = scaffold.workflow(name)
        files[scaffold.WORKFLOWS / name] = scaffold.workflow_file(text, action=action, region=region, schedule=schedule)
    written = _write(files, force=force)
    steps = scaffold.steps("".join(files.values()), environ=invocation.environ, origin=origin)
    if invocation.as_json:
        print_json({"written": [path.as_posix() for path in written], "steps": steps})
        return
    unchanged = [path for path in dict.fromkeys([SETTINGS, *files]) if path not in written]
    print_pairs([*(("written", str(path)) for path in written), *(("unchanged", str(path)) for path in unchanged)])
    show("\nWhat is left to do:")
    for number, step in enumerate(steps, start=1):
        show(f"{number}. {step}")


def _migrate(invocation: Invocation, named: Sequence[str], *, action: str, force: bool, dry_run: bool) -> None:
    """Rewrite workflows that were written for CML."""
    from cmlkit.cli.from_cml import migration

    listed, _ = _asked_of_git(invocation, Path.cwd())
    paths = [Path(name) for name in named if name]
    found = migration.migrated(paths, action=action, listed=_there(listed, Path.cwd()))
    if not dry_run:
        _write({item.new: item.rewritten.text for item in found}, force=force)
    migration.show(found, as_json=invocation.as_json, written=not dry_run)


def _refuse_beside_from_cml(invocation: Invocation, workflows: Sequence[str], schedule: str, example: bool) -> None:
    """Refuse options that say how to write other files."""
    given = {"--workflow": workflows, "--schedule": schedule, "--example": example}
    flags = [*_flags_given(invocation), *(flag for flag, value in given.items() if value)]
    if flags:
        raise click.UsageError(
            f"{', '.join(flags)} cannot be used with --from-cml, which keeps what the workflow says."
        )


def _refuse_beside_hosted(invocation: Invocation, workflows: Sequence[str]) -> None:
    """Refuse options about an instance, and other templates, for a training that needs none."""
    auth = click.get_current_context().get_parameter_source("auth") is ParameterSource.COMMANDLINE
    given = {"--auth": auth, "--workflow": bool(workflows)}
    flags = [*_flags_given(invocation, ("runner",)), *(flag for flag, is_given in given.items() if is_given)]
    if flags:
        raise click.UsageError(
            f"{', '.join(flags)} cannot be used with --on {scaffold.HOSTED}, which launches no instance:"
            " leave out one of them."
        )


def _flags_given(invocation: Invocation, sections: Sequence[str] = ("runner", "train", "gate")) -> list[str]:
    """Return the flags of settings that the command line has."""
    declared = [item for section in sections for item in SCHEMA[section]]
    return [item.flag for item in declared if invocation.settings.sources[item.path] == item.flag]


def _say_what_is_not_written(invocation: Invocation) -> None:
    """Warn about flags that would have gone into the settings file, which stays."""
    if flags := _flags_given(invocation):
        invocation.progress.warn(
            f"{SETTINGS} exists and was kept, without {', '.join(flags)}: edit it, or overwrite it with --force."
        )


def _asked_of_git(invocation: Invocation, directory: Path) -> tuple[list[str], Remote | None]:
    """Return the project's files as git lists them, and the repository on its server; neither without a repository."""
    try:
        listed, origin = checkout.files(directory), remote.origin(directory)
    except NotARepository:
        return [], None  # a new project, for example
    except GitError as error:
        invocation.progress.warn(f"{error.message} {error.next_step}".rstrip())
        return [], None
    if origin and not invocation.workplace.is_job:
        check_server(origin.server)
    return listed, origin


def _settings_text(invocation: Invocation, listed: Sequence[str]) -> str:
    guess = scaffold.guess(
        listed, lambda path: (read_small(Path(path), SETTINGS_BYTES) or b"").decode("utf-8", "replace")
    )
    train = {**guess.train, **_said(invocation, "train")}
    if not train.get("run") and not train.get("estimator"):
        train["run"] = _asked()
    for key in guess.missing:
        if key not in train:
            default = getattr(TrainSpec(), key)
            shown = default if isinstance(default, str) else ", ".join(default)
            invocation.progress.note(f"No file for train.{key} was found; its default applies: {shown}.")
    sections = {"runner": _said(invocation, "runner"), "train": train}
    return scaffold.settings_file(sections, gate=_said(invocation, "gate"))


def _asked() -> str:
    """Ask the person at the terminal for the training command."""
    if sys.stdin.isatty():
        return str(click.prompt("Which command trains the model", err=True))
    raise SettingsError(
        f"No training script was found: none of {', '.join(scaffold.TRAINING_SCRIPTS)}.",
        next_step='Say how the project trains: cmlkit init --run "python SCRIPT".',
    )


def _said(invocation: Invocation, section: str) -> dict[str, Any]:
    """Return the values that flags and variables give for a section."""
    values = getattr(invocation.settings, section)
    return {
        item.key: getattr(values, item.name)
        for item in SCHEMA[section]
        if invocation.settings.sources[item.path] in (item.flag, item.variable)
    }


def _there(listed: Sequence[str], directory: Path) -> list[str]:
    """Return the project's files: those that git lists, or all of them outside a repository."""
    if listed:
        # Git lists a removed file until its removal is committed.
        return [path for path in listed if (directory / path).is_file()]
    found = (path.relative_to(directory) for path in directory.rglob("*") if path.is_file())
    kept = (path.as_posix() for path in found if not set(path.parts) & set(NOT_LISTED))
    return [path for path, _ in zip(kept, range(MOST_FILES), strict=False)]


def _example_files() -> dict[Path, str]:
    folder = scaffold.example()
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.relative_to(folder): path.read_text(encoding="utf-8") for path in files}


def _write(files: Mapping[Path, str], *, force: bool) -> list[Path]:
    """Write the files that are missing; write none if one of them would overwrite another content.

    Raises:
        SettingsError: Files exist with other content and `force` is False, or a file cannot be written.
    """
    changed = {path: text for path, text in files.items() if _content(path) != text}
    there = [str(path) for path in changed if path.exists()]
    if there and not force:
        raise SettingsError(
            f"{', '.join(there)} {'exists' if len(there) == 1 else 'exist'} already; nothing was written.",
            next_step="Move the existing files away, or overwrite them with --force.",
        )
    for path, text in changed.items():
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}.", next_step=step_after(error)) from error
    return list(changed)


def _content(path: Path) -> str | None:
    try:
        return read_regular(path, SETTINGS_BYTES).decode("utf-8")  # with its line breaks
    except (OSError, UnicodeDecodeError):
        return None
