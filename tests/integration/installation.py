"""Both distributions, built without a network, and fresh environments that hold what a plain installation does."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SANDBOX = ROOT / "packages" / "sandbox"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
OURS = {"cmlkit-ci", "cmlkit-sandbox"}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Wheel and sdist of one project."""

    wheel: Path
    sdist: Path

    def files(self) -> set[str]:
        """Names in the wheel."""
        return set(ZipFile(self.wheel).namelist())

    def requirements(self, *extras: str) -> list[Requirement]:
        """What the wheel's metadata asks for, with these extras."""
        [name] = [name for name in self.files() if name.endswith(".dist-info/METADATA")]
        metadata = HeaderParser().parsestr(ZipFile(self.wheel).read(name).decode())
        return wanted(metadata.get_all("Requires-Dist") or [], extras)


def build(project: Path, folder: Path) -> Distribution:
    """Build a project with the backend of this environment."""
    run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=project)
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distribution(wheel=wheel, sdist=sdist)


def install(wheels: Sequence[Path], requirements: Iterable[Requirement], folder: Path) -> Path:
    """Programs of a fresh environment with the wheels, and with only what the requirements lead to, lent by path."""
    programs = environment_of(requirements, folder)
    uv = Path(sys.executable).parent / "uv"
    options: list[str | Path] = ["--no-deps", "--offline", "--no-cache", "--python", programs / "python"]
    run(uv, "pip", "install", *options, *wheels, cwd=folder)
    return programs


def environment_of(requirements: Iterable[Requirement], folder: Path) -> Path:
    """Programs of a fresh environment without our own distributions, and with only what the requirements lead to."""
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=folder)
    python = environment / "bin" / "python"
    lent = folder / "lent"
    lent.mkdir()
    lend(requirements, lent)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder))
    (site / "lent.pth").write_text(str(lent))
    return environment / "bin"


def lend(requirements: Iterable[Requirement], folder: Path) -> None:
    """Link the installed files of distributions, and of what they require in turn, into a folder."""
    site = Path(sysconfig.get_path("purelib"))
    for name in closure(requirements):
        tops = {path.parts[0] for path in distribution(name).files or ()} - {"..", "__pycache__"}
        for top in tops:
            (folder / top).symlink_to(site / top)


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Names of the distributions to install; not our own, which are wheels here."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in found or key[0] in OURS:
            continue
        found.add(key)
        waiting += wanted(distribution(key[0]).requires or [], requirement.extras)
    return {name for name, _ in found}


def wanted(lines: Iterable[str], extras: Iterable[str]) -> list[Requirement]:
    """Those of a distribution's requirements that hold here, with some of its extras."""
    requirements = [Requirement(line) for line in lines]
    environments = [{"extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or any(requirement.marker.evaluate(given) for given in environments)
    ]
