"""The accelerator: a library that fits scikit-learn's estimators faster, and what it did, as it tells itself."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.errors import MissingExtra, ServiceError, SettingsError
from cmlkit.formats import plural
from cmlkit.process import run_program
from cmlkit.settings.variables import ACCELERATOR, ACCELERATOR_REPORT

NONE, INTELEX, CUML = ACCELERATORS = ("none", "intelex", "cuml")
INJECTED = Path(__file__).parent / "injected"
TIMEOUT_SECONDS = 30.0
# https://docs.nvidia.com/cuml/latest/cuml-accel/usage/
_CUML_VARIABLE = "CUML_ACCEL_ENABLED"
_MODULES = {INTELEX: "sklearnex", CUML: "cuml"}
_NAMES = {INTELEX: "scikit-learn-intelex", CUML: "cuML"}
_FOUND = "import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
# A program that a command starts by name; other ways to start Python, such as `uv run`, may have another one.
_PYTHON = re.compile(r"(?:^|[;&|(]\s*)((?:\S*/)?python[\d.]*)\s")


@dataclass(kw_only=True)
class Watched:
    """Fits of a training, as the accelerator tells of them.

    Attributes:
        on: Fits that it did; `off` those that it left to scikit-learn.
        is_missing: Whether the training's Python lacks it.
    """

    name: str
    on: int = 0
    off: int = 0
    is_missing: bool = False

    @property
    def sentence(self) -> str:
        """The sentence for the report about its work."""
        title = _NAMES[self.name]
        if self.on and self.name == CUML:
            return f"{title} was active"
        if self.on:
            left = f", {plural(self.off, 'fit')} left to scikit-learn" if self.off else ""
            return f"{title} was active in {plural(self.on, 'fit')}{left}"
        why = "it is not installed where the training ran" if self.is_missing else "it told of no fit"
        return f"{title} was not active: " + ("it left all fits to scikit-learn" if self.off else why)

    def tell(self, word: str) -> None:
        """Count a line of the report that `injected/sitecustomize.py` writes."""
        self.on += word == "on"
        self.off += word == "off"
        self.is_missing = self.is_missing or word == "missing"


def told(watched: Watched, warn: Callable[[str], None]) -> str:
    """Return what the accelerator did, for the record, and warn if it did nothing; empty without an accelerator."""
    if watched.name not in _MODULES:
        return ""
    if not watched.on:
        warn(f"{watched.sentence}, though train.accelerator is {watched.name}.")
    return watched.sentence


def check_installed(name: str) -> None:
    """Check that this Python has the accelerator.

    Raises:
        SettingsError: It has not.
    """
    if name in _MODULES and importlib.util.find_spec(_MODULES[name]) is None:
        raise _missing(name)


def check_command(name: str, command: str, directory: Path, environ: Mapping[str, str]) -> None:
    """Check the same of the Python that a command starts by name; nothing if it starts it otherwise.

    Raises:
        SettingsError: It lacks the accelerator.
    """
    started = _PYTHON.search(command)
    program = shutil.which(started[1], path=environ.get("PATH")) if started else None
    if name not in _MODULES or program is None:
        return
    question = _FOUND.format(module=_MODULES[name])
    try:
        ended = run_program([program, "-c", question], directory=directory, environ=environ, timeout=TIMEOUT_SECONDS)
    except ServiceError:
        return
    if ended.code == 1:
        raise _missing(name, where=f" in {program}")


@contextmanager
def patched(name: str) -> Iterator[None]:
    """Make the classes of scikit-learn that are imported inside those of the accelerator."""
    if name == CUML:
        importlib.import_module("cuml.accel").install()
        yield
        return
    if name != INTELEX:
        yield
        return
    sklearnex = importlib.import_module("sklearnex")
    sklearnex.patch_sklearn(verbose=False)
    try:
        yield
    finally:
        sklearnex.unpatch_sklearn()


@contextmanager
def watched_here(name: str) -> Iterator[Watched]:
    """Watch the fits in this process."""
    found = Watched(name=name)
    if name != INTELEX:
        yield found
        if name == CUML and importlib.import_module("cuml.accel").enabled():
            found.tell("on")
        return
    logger = logging.getLogger("sklearnex")
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [_Telling(found)], False
    logger.setLevel(logging.INFO)
    try:
        yield found
    finally:
        logger.handlers, logger.level, logger.propagate = before


@contextmanager
def watched_command(name: str, environ: Mapping[str, str]) -> Iterator[tuple[Mapping[str, str], Watched]]:
    """Yield the environment in which a command is accelerated without a change, and what it will have told."""
    found = Watched(name=name)
    if name not in _MODULES:
        yield environ, found
        return
    with tempfile.TemporaryDirectory(prefix="cmlkit-accelerator-") as folder:
        report = Path(folder, "report")
        path = ":".join(filter(None, (str(INJECTED), environ.get("PYTHONPATH", ""))))
        variables = {"PYTHONPATH": path, ACCELERATOR: name, ACCELERATOR_REPORT: str(report)}
        if name == CUML:
            variables[_CUML_VARIABLE] = "1"
        yield {**environ, **variables}, found
        for line in report.read_text(encoding="utf-8").split() if report.is_file() else ():
            found.tell(line)


class _Telling(logging.Handler):
    def __init__(self, found: Watched) -> None:
        super().__init__(logging.INFO)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if ".fit" in said:
            self._found.tell("off" if "fallback" in said else "on" if "accelerated" in said else "")


def _missing(name: str, where: str = "") -> SettingsError:
    message = f"train.accelerator is {name}, and {_NAMES[name]} is not installed{where}."
    if name == INTELEX and not where:
        return MissingExtra(message, extra="intelex")
    packages = "scikit-learn-intelex" if name == INTELEX else "cuml-cu12 (or cuml-cu13)"
    return SettingsError(message, next_step=f"Install {packages} in train.setup, or leave train.accelerator out.")


def is_accelerated(value: Any) -> bool:
    """Return whether an object is of one of scikit-learn-intelex's classes."""
    return type(value).__module__.partition(".")[0] in ("sklearnex", "daal4py", "onedal")
