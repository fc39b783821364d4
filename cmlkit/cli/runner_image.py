"""`cmlkit runner image`: the recipe of an image, and the check of one."""

from __future__ import annotations

import dataclasses
import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmlkit.ci import for_commands
from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, emit_text
from cmlkit.cli.runner_stop import PLACES
from cmlkit.errors import SettingsError
from cmlkit.formats import plural, size

if TYPE_CHECKING:
    from cmlkit.runner.packages.project import ProjectPackages

# Settings that the recipe of an image depends on, and those of the instance that checks one.
OF_IMAGES = (
    *(*PLACES, "runner.arch", "runner.startup-script", "runner.proxy", "runner.no-proxy"),
    *("runner.instance-type", "runner.cpus", "runner.memory", "runner.gpus", "runner.market", "runner.max-price"),
    *("runner.subnet", "runner.security-group", "runner.disk-size", "runner.disk-type", "runner.tags"),
    "runner.wait-timeout",
)
# uv reads the lock file, and may fetch a Python for that.
EXPORT_SECONDS = 300.0


@click.command(cls=Command)
@with_settings("runner", only=OF_IMAGES)
@click.option("--check", default="", metavar="IMAGE", help="Boot an instance of this image, and report what it lacks.")
@click.option(
    "--project",
    is_flag=False,
    flag_value="",
    metavar="[LIST]",
    help="With the packages that train.setup installs, or those of uv.lock or requirements.txt, or of this list.",
)
@click.option("--python", default="", metavar="VERSION", help="With --project: the Python of the training, as 3.12.")
def image(invocation: Invocation, check: str, project: str | None, python: str) -> None:
    """Print the recipe of a machine image that boots without downloads, or check an image.

    \b
    cmlkit runner image >prepare-image.sh
    cmlkit runner image --project --python 3.12 >prepare-image.sh
    cmlkit runner image --arch arm64 --startup-script "apt-get install -y libgomp1"
    cmlkit runner image --check ami-0123456789abcdef0
    """
    from cmlkit.runner.boot import image_recipe
    from cmlkit.runner.image_check import check_image

    if python and project is None:
        raise click.UsageError("--python goes with --project.")
    packages = None if project is None else _packages(invocation, project, python)
    spec, workflow_run = invocation.settings.runner, invocation.workplace.workflow_run(with_commit=False)
    forge = edges.runner_forge(invocation, workflow_run)
    download = forge.runner_download(architecture="arm64" if spec.arch == "arm64" else "x64")
    if not check:
        recipe = image_recipe(
            runner_url=download.url,
            runner_sha256=download.sha256,
            startup_script=spec.startup_script,
            proxy=spec.proxy,
            no_proxy=spec.no_proxy,
            packages=packages,
        )
        if packages:
            packed = size(len(gzip.compress(recipe.encode(), mtime=0)))
            invocation.progress.note(f"Compressed, as user data may be, the recipe has {packed}.")
        emit_text(invocation, {"recipe": recipe}, recipe.rstrip())
        return
    found = check_image(
        dataclasses.replace(spec, image=check),
        workflow_run=workflow_run,
        forge=forge,
        cloud_for=edges.clouds(invocation),
        progress=invocation.progress,
    )
    missing = found.missing(download.sha256, packages.digest if packages else "")
    has = {"runner": found.runner_sha256, "git": found.git, "uv": found.uv}
    if packages:
        has["packages"] = found.packages and ("those of the project" if found.packages == packages.digest else "others")
    lines = [("image", check), *((name, value or "none") for name, value in has.items())]
    result = {"image": check, "missing": missing}
    emit(invocation, result, [*lines, ("each boot fetches", ", ".join(missing) or "nothing")])


def _packages(invocation: Invocation, named: str, python: str) -> ProjectPackages:
    """Return the project's packages, and say where they stand and what is left out."""
    from cmlkit.runner.packages.project import Files, project_packages

    files = Files(read=_text, export=lambda flags: _exported(invocation, flags))
    settings = invocation.settings
    with invocation.progress.stage("Read the project's packages") as say:
        found = project_packages(settings.train.setup, files, named=named, arch=settings.runner.arch, python=python)
        say(f"{plural(found.count, 'package')} of {', '.join(found.sources)}")
    if not found.python:
        invocation.progress.note("The packages are for the Python of the image; --python names another.")
    for line in found.left_out:
        invocation.progress.note(f"Left out of the image: {line}")
    for note in found.notes:
        invocation.progress.warn(note)
    return found


def _text(path: str) -> str | None:
    from cmlkit.bounds.files import read_project_file

    content = read_project_file(Path(path))
    return None if content is None else content.decode("utf-8", "replace")


def _exported(invocation: Invocation, flags: Sequence[str]) -> str:
    """Return the packages of uv.lock, as uv itself lists them.

    Raises:
        SettingsError: uv is not installed, or refuses the lock file.
    """
    from cmlkit.process import run_program

    program = shutil.which("uv", path=invocation.environ.get("PATH"))
    if program is None:
        raise SettingsError(
            "Reading uv.lock needs uv, which is not installed.",
            next_step="https://docs.astral.sh/uv/getting-started/installation/",
        )
    plain = ["--frozen", "--quiet", "--no-header", "--no-annotate", "--no-hashes"]
    ended = run_program(
        [program, "export", *plain, *flags],
        directory=Path.cwd(),
        environ=for_commands(invocation.environ),
        timeout=EXPORT_SECONDS,
    )
    if ended.code:
        raise SettingsError(f"uv cannot read uv.lock: {ended.errors.strip()[-500:]}")
    return ended.output
