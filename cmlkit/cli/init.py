"""`cmlkit init`: the files that a project needs for retraining."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

import click
from click.core import ParameterSource

from cmlkit.bounds.files import PROJECT_FILE_BYTES, SETTINGS_BYTES, read_small
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import print_json, print_pairs
from cmlkit.errors import GitError, NotARepository, SettingsError
from cmlkit.forges import check_server
from cmlkit.git import checkout, remote
from cmlkit.git.remote import Remote
from cmlkit.scaffold import confession, python_version, settings_text, templates
from cmlkit.scaffold.confession import Confession
from cmlkit.scaffold.cron import check_schedule
from cmlkit.scaffold.guess import Guess, Unused, guess
from cmlkit.scaffold.project import Project
from cmlkit.scaffold.region import region
from cmlkit.scaffold.steps import steps
from cmlkit.scaffold.training_command import SCRIPTS
from cmlkit.scaffold.writing import write_files
from cmlkit.settings.schema import SCHEMA, TrainSpec
from cmlkit.settings.setting import inside
from cmlkit.sinks.printing import show

SETTINGS = Path("cmlkit.yaml")
# Skipped in a project that is not a repository yet: nothing below these belongs to the training.
NOT_LISTED = (".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist")
MOST_FILES = 20_000


@click.command(cls=Command)
@with_settings("runner", "train", "gate")
@click.option(
    "--on", "place", type=click.Choice(templates.PLACES), default=templates.INSTANCE, help=templates.PLACES_HELP
)
@click.option("--auth", type=click.Choice(list(templates.TEMPLATES)), default="oidc", help=templates.AUTH_HELP)
@click.option(
    "--workflow",
    "workflows",
    multiple=True,
    metavar="TEMPLATE",
    help="Templates to write instead of the one for --on and --auth.",
)
@click.option("--schedule", default="", metavar="CRON", help="When the workflow runs; daily at 08:00 if omitted.")
@click.option("--action", default=templates.ACTION, metavar="OWNER/REPOSITORY@REF", help="The action to use.")
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

    Settings that neither flags nor variables give are guessed from the project's files. It says what each was guessed
    from, what it did not use, and what the machine that trains will lack.

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
    needs_instance = place != templates.HOSTED
    if not needs_instance:
        _refuse_beside_hosted(invocation, workflows)
    if schedule:
        check_schedule(schedule)
    project, origin = _project(invocation, Path.cwd())
    files = _example_files() if example else {}
    confessed = Confession()
    if not example and (force or not SETTINGS.exists()):
        found = guess(project)
        files[SETTINGS] = _settings_text(invocation, found, needs_instance=needs_instance, action=action)
        confessed = _confessed(invocation, found, needs_instance=needs_instance)
    if SETTINGS in files and not needs_instance:
        files[SETTINGS] = settings_text.without_section(files[SETTINGS], "runner")
    if SETTINGS not in files:
        _say_what_is_not_written(invocation)
    default = templates.TEMPLATES[auth] if needs_instance else templates.HOSTED_TEMPLATE
    (place, named_by), (branch, told_by) = _region(invocation), _default_branch(Path.cwd())
    python, folder = python_version.asked(project), _folder(Path.cwd())
    for name in workflows or [default]:
        text = templates.workflow_file(
            templates.workflow(name),
            action=action,
            region=place,
            schedule=schedule,
            branch=branch,
            python=python.version,
        )
        path, text = _workflow(name, text, folder)
        files[_root(folder) / path] = text
    texts = {path.as_posix(): text for path, text in files.items()}
    standing = (
        *confession.python_entry(texts, python.because),
        *confession.region_entry(texts, named_by),
        *confession.branch_entry(texts, branch, told_by),
    )
    passed_over = (Unused(paths=(python.source,), why=python.problem),) if python.problem else ()
    confessed = replace(confessed, guessed=(*confessed.guessed, *standing), unused=(*confessed.unused, *passed_over))
    written = write_files(files, force=force, root=_root(folder))
    remaining = steps("".join(files.values()), environ=invocation.environ, origin=origin)
    _show(invocation, files, written, confessed, remaining)


def _show(
    invocation: Invocation,
    files: Mapping[Path, str],
    written: Sequence[Path],
    confessed: Confession,
    remaining: Sequence[str],
) -> None:
    """Print what was written, guessed and passed over, and what is left to do."""
    if invocation.as_json:
        said = {name: value for name, value in asdict(confessed).items() if name != "machine"}
        print_json({"written": [path.as_posix() for path in written], **said, "steps": remaining})
        return
    unchanged = [path for path in dict.fromkeys([SETTINGS, *files]) if path not in written]
    print_pairs([*(("written", str(path)) for path in written), *(("unchanged", str(path)) for path in unchanged)])
    for line in confessed.lines():
        show(line)
    show("\nWhat is left to do:")
    for number, step in enumerate(remaining, start=1):
        show(f"{number}. {step}")


def _migrate(invocation: Invocation, named: Sequence[str], *, action: str, force: bool, dry_run: bool) -> None:
    """Rewrite workflows that were written for CML."""
    from cmlkit.cli.from_cml import migration

    project, _ = _project(invocation, Path.cwd())
    paths = [Path(name) for name in named if name]
    found = migration.migrated(paths, action=action, listed=list(project.files))
    if not dry_run:
        write_files({item.new: item.rewritten.text for item in found}, force=force)
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
            f"{', '.join(flags)} cannot be used with --on {templates.HOSTED}, which launches no instance:"
            " leave out one of them."
        )


def _folder(directory: Path) -> str:
    """Return the path of a folder in its repository; empty for the root, and outside of a repository."""
    try:
        place = checkout.prefix(directory)
    except GitError:
        return ""
    return "" if place == PurePosixPath() else place.as_posix()


def _root(folder: str) -> Path:
    """Return the way from a folder of the repository to its root, where GitHub looks for workflows."""
    return Path(*[".."] * len(PurePosixPath(folder).parts))


def _workflow(name: str, text: str, folder: str) -> tuple[Path, str]:
    """Return where in the repository a workflow is written, and its text."""
    if not folder:
        return templates.WORKFLOWS / name, text
    file, text = templates.below_root(text, name=name, folder=folder)
    return templates.WORKFLOWS / file, text


def _argument(command: str) -> str:
    """Return a command as one argument of another, which a shell does not change."""
    return shlex.quote(command) if set(command) & set('"$`\\!') else f'"{command}"'


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


def _project(invocation: Invocation, directory: Path) -> tuple[Project, Remote | None]:
    """Return the project's files as git lists them, and its place on a server; all files without a repository."""
    try:
        listed, origin = checkout.files(directory), remote.origin(directory)
        ignored = tuple(checkout.ignored_files(directory))
    except GitError as error:
        if not isinstance(error, NotARepository):  # a new project, for example
            invocation.progress.warn(f"{error.message} {error.next_step}".rstrip())
        return Project(files=_nameable(invocation, _below(directory)), read=_text), None
    if origin and not invocation.workplace.is_job:
        check_server(origin.server)
    # Git lists a removed file until its removal is committed.
    files = _nameable(invocation, [path for path in listed if (directory / path).is_file()])

    def ignores(paths: Collection[str]) -> frozenset[str]:
        return checkout.ignored_among(directory, paths)

    return Project(files=files, read=_text, ignored=ignored, ignores=ignores), origin


def _nameable(invocation: Invocation, paths: Sequence[str]) -> frozenset[str]:
    """Return the paths that a settings file can name, and warn about the others."""

    def is_nameable(path: str) -> bool:
        try:
            inside(path)
            path.encode()  # a name that is not UTF-8 is half of a character
        except ValueError:
            return False
        return True

    files = frozenset(filter(is_nameable, paths))
    if others := sorted({*paths} - files):
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        invocation.progress.warn(f"{others[0]!r}{more} left out: {SETTINGS} cannot name such files.")
    return files


def _text(path: str) -> str:
    limit = PROJECT_FILE_BYTES if path.endswith(".ipynb") else SETTINGS_BYTES
    return (read_small(Path(path), limit) or b"").decode("utf-8", "replace")


def _settings_text(invocation: Invocation, found: Guess, *, needs_instance: bool, action: str) -> str:
    train = {**found.train, **_said(invocation, "train")}
    if not train.get("run") and not train.get("estimator"):
        train["run"] = _asked(found)
    runner = {**(found.runner if needs_instance else {}), **_said(invocation, "runner")}
    return settings_text.settings_file(
        {"runner": runner, "train": train},
        gate=_said(invocation, "gate"),
        schema=settings_text.schema_address(action),
    )


def _asked(found: Guess) -> str:
    """Ask the person at the terminal for the training command."""
    several = ", ".join(found.candidates)
    if sys.stdin.isatty():
        asked = f"Which command trains the model ({several})" if several else "Which command trains the model"
        return str(click.prompt(asked, err=True))
    if several:
        raise SettingsError(
            f"Several commands may train, and none stands out: {several}.",
            next_step=f"Say which: cmlkit init --run {_argument(found.candidates[0])}.",
        )
    raise SettingsError(
        f"No training script was found: none of {', '.join(SCRIPTS)}, no script or notebook that fits a model.",
        next_step='Say how the project trains: cmlkit init --run "python SCRIPT".',
    )


def _confessed(invocation: Invocation, found: Guess, *, needs_instance: bool) -> Confession:
    """Return what is to be said of the guesses that are written into the settings file."""
    said = {**_said(invocation, "train"), **_said(invocation, "runner")}
    if said.get("estimator"):
        said.setdefault("run", "")
    defaults = {key: getattr(TrainSpec(), key) for key in found.missing}
    machine = "instance" if needs_instance else "runner"
    return confession.of_guess(found, said=said, defaults=defaults, file=str(SETTINGS), machine=machine)


def _region(invocation: Invocation) -> tuple[str, str]:
    """Return the region to launch in, and what names it; both are empty if nothing does."""
    if named := next(iter(invocation.settings.runner.region), ""):
        return named, invocation.settings.sources["runner.region"]
    return region(invocation.environ, lambda path: _text(str(path)))


def _default_branch(directory: Path) -> tuple[str, str]:
    """Return the repository's default branch, and how it is known; both are empty if it is not."""
    try:
        if found := checkout.remote_default_branch(directory):
            return found, "origin/HEAD"
        return checkout.current_branch(directory) or "", "the current branch, as origin/HEAD is not known"
    except GitError:
        return "", ""


def _said(invocation: Invocation, section: str) -> dict[str, Any]:
    """Return the values that flags and variables give for a section."""
    values = getattr(invocation.settings, section)
    return {
        item.key: getattr(values, item.name)
        for item in SCHEMA[section]
        if invocation.settings.sources[item.path] in (item.flag, item.variable)
    }


def _below(directory: Path) -> list[str]:
    """Return the files of a project that is not a repository yet."""
    found = (path.relative_to(directory) for path in directory.rglob("*") if path.is_file())
    kept = (path.as_posix() for path in found if not set(path.parts) & set(NOT_LISTED))
    return [path for path, _ in zip(kept, range(MOST_FILES), strict=False)]


def _example_files() -> dict[Path, str]:
    folder = templates.example()
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.relative_to(folder): path.read_text(encoding="utf-8") for path in files}
