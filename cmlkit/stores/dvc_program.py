"""DVC itself: where its project is, the command that starts it, and a folder beside the project to work in."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cmlkit.errors import MissingExtra, ServiceError, SettingsError
from cmlkit.process import run_program

SHORT_SECONDS = 120.0
TRANSFER_SECONDS = 6 * 3600.0
_DOCUMENTATION = "https://doc.dvc.org/user-guide/data-management/remote-storage"


def project_of(directory: Path) -> Path:
    """Return the folder of the DVC project.

    Raises:
        SettingsError: `directory` is not in a DVC project.
    """
    for folder in (directory.resolve(), *directory.resolve().parents):
        if (folder / ".dvc" / "config").is_file():
            return folder
    raise SettingsError(
        "The checkout is not a DVC project, so that DVC cannot keep the model.",
        next_step=f"dvc init, dvc remote add --default NAME URL, and commit .dvc/config: {_DOCUMENTATION}",
    )


def program() -> list[str]:
    """Return the command that starts DVC: the one of this Python, else the one on PATH."""
    if importlib.util.find_spec("dvc") is not None:
        return [sys.executable, "-m", "dvc"]
    if found := shutil.which("dvc"):
        return [found]
    raise MissingExtra(
        "DVC is not installed, which keeps the model.",
        extra="dvc",
        otherwise=", or DVC with the extra for its remote, such as dvc[gs].",
    )


def for_dvc(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for DVC. No person started it, so it sends no usage statistics."""
    return {**environ, "DVC_NO_ANALYTICS": "1"}


def check_remote(settings: Mapping[str, str]) -> None:
    """Refuse a project without a default remote.

    Raises:
        SettingsError: The default remote is missing.
    """
    if not settings.get("core.remote"):
        raise SettingsError(
            "The DVC project has no default remote to push the model to.",
            next_step=f"dvc remote add --default NAME URL, and commit .dvc/config: {_DOCUMENTATION}",
        )


@contextmanager
def workspace(directory: Path, environ: Mapping[str, str], *, remote: str = "") -> Iterator[Path]:
    """Yield a folder that is a DVC project without git, with settings and cache of the project around `directory`.

    Args:
        remote: The remote to use if it is not the default one.
    """
    project = project_of(directory)
    settings = project_settings(project, environ)
    if not remote:
        check_remote(settings)
    temporary = project / ".dvc" / "tmp"
    temporary.mkdir(exist_ok=True)  # DVC's own, and in its .gitignore
    with tempfile.TemporaryDirectory(dir=temporary, prefix="cmlkit-") as folder:
        own = {
            "core.no_scm": "true",
            "core.check_update": "false",
            "core.site_cache_dir": f"{folder}/site",
        }
        config = Path(folder, ".dvc", "config")
        config.parent.mkdir()
        config.write_text(_ini({"cache.dir": str(project / ".dvc" / "cache"), **settings, **own}), encoding="utf-8")
        yield Path(folder)


def project_settings(project: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the project's DVC settings, merged from all of its files, with absolute paths."""
    lines = run_dvc(project, "config", "--list", environ=environ, timeout=SHORT_SECONDS).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _ini(settings: Mapping[str, str]) -> str:
    """Return DVC's settings file: `remote.NAME.option` belongs to the section `['remote "NAME"']`."""
    sections: dict[str, list[str]] = {}
    for key, value in settings.items():
        section, _, rest = key.partition(".")
        name, _, option = rest.rpartition(".")
        quote = "'" if '"' in value else '"'
        title = f"""['{section} "{name}"']""" if name else f"[{section}]"
        sections.setdefault(title, []).append(f"    {option} = {quote}{value}{quote}")
    return "\n".join("\n".join([title, *lines]) for title, lines in sections.items()) + "\n"


def run_dvc(directory: Path, *arguments: str, environ: Mapping[str, str], timeout: float) -> str:
    ended = run_program([*program(), *arguments], directory=directory, environ=environ, timeout=timeout)
    if ended.code == 0:
        return ended.output
    lines = [line.strip() for line in ended.errors.splitlines() if line.strip()]
    words = " ".join(line for line in lines if line.startswith("ERROR")) or " ".join(lines)
    raise ServiceError(
        f"dvc {arguments[0]} failed: {words[-600:] or f'exit code {ended.code}'}",
        next_step="Try `dvc push` or `dvc pull` in a clone: the remote's settings and credentials are DVC's.",
    )
