"""Packages of uv.lock, as lists with the hashes of the files that one machine would take.

uv finds a package in its cache by its index and its hashes: if it was installed without them, `uv sync` fetches it
again (https://github.com/astral-sh/uv/issues/16786). So each index has a list of its own, and each package its hashes:
not those of other systems, as user data has a limit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.records.fields import Fields
from cmlkit.runner.packages.requirements import check_address
from cmlkit.sinks.secrets import without_tokens

LOCK = "uv.lock"
PYPI = "https://pypi.org/simple"
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)(?P<marker>\s*;[^\\]*)?")
# https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
_WHEEL = re.compile(r"[^/]+-(?P<python>[\w.]+)-(?P<abi>[\w.]+)-(?P<platform>[\w.]+)\.whl")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine that is to have the packages.

    Attributes:
        arch: As wheels name it: x86_64 or aarch64.
        python: Its version, such as `3.12`; empty if any may be used.
    """

    arch: str
    python: str = ""

    def takes(self, file: str) -> bool:
        """Return whether a wheel, named as its file, can be installed here."""
        wheel = _WHEEL.fullmatch(file)
        return (
            wheel is not None
            and any(self._runs(tag) for tag in wheel["platform"].split("."))
            and any(self._reads(tag, wheel["abi"]) for tag in wheel["python"].split("."))
        )

    def _runs(self, platform: str) -> bool:
        is_here = platform.startswith(("manylinux", "linux")) and platform.endswith(self.arch)
        return platform == "any" or is_here

    def _reads(self, python: str, abi: str) -> bool:
        match = re.fullmatch(r"(?P<kind>py|cp)3(?P<minor>\d*)", python)
        if match is None or re.fullmatch(r"cp\d+t", abi):
            return False  # another interpreter, or one without the global lock
        minor = re.match(r"3\.(\d+)", self.python)
        if minor is None or not match["minor"]:
            return True
        if match["kind"] == "cp" and abi != "abi3":
            return int(match["minor"]) == int(minor[1])
        return int(match["minor"]) <= int(minor[1])


@dataclass(frozen=True, kw_only=True)
class Locked:
    """The packages of a lock file.

    Attributes:
        lists: One for each index, to be installed without dependencies.
        left_out: Packages that come from elsewhere.
        index: The index of everything else, such as build tools; empty for PyPI.
        folders: The projects of the workspace that are built.
        python: The versions of Python that the project allows.
    """

    lists: tuple[str, ...]
    left_out: tuple[str, ...]
    index: str
    folders: tuple[str, ...]
    python: str


def locked(exported: str, lock: str, machine: Machine) -> Locked:
    """Return the packages that `uv export` lists, with indexes and hashes from the lock file.

    Raises:
        SettingsError: The lock file is none, or the address of an index has credentials.
    """
    document = Fields(_parsed(lock), unfit=lambda what: SettingsError(f"{LOCK} is not as uv writes it: {what}."))
    packages = {(item.text("name"), item.text("version", "")): item for item in document.listed("package")}
    indexes = {item.inside("source").text("registry", "") for item in packages.values()} - {""}
    lists: dict[str, list[str]] = {}
    left_out = []
    for line in exported.splitlines():
        pinned = _PINNED.fullmatch(line.strip())
        package = packages.get((pinned["name"], pinned["version"])) if pinned else None
        registry = package.inside("source").text("registry", "") if package else ""
        if pinned is None or package is None or not registry.startswith(("http:", "https:")):
            left_out.append(without_tokens(line.strip()))
        elif hashes := list(_hashes(package, machine)):
            lists.setdefault(registry, []).append(" ".join([line.strip(), *(f"--hash={value}" for value in hashes)]))
    for registry in lists:
        check_address(registry, source=LOCK)
    folders = [item.inside("source").text("editable", "") for item in packages.values()]
    only = indexes.pop() if len(indexes) == 1 and indexes != {PYPI} else ""
    return Locked(
        lists=tuple("\n".join([*_index_lines(registry, only), *lines]) for registry, lines in lists.items()),
        left_out=tuple(line for line in left_out if line not in ("", "-e .", ".")),
        index=only,
        folders=tuple(filter(None, folders)),
        python=document.text("requires-python", ""),
    )


def _index_lines(registry: str, only: str) -> list[str]:
    """Return the option for an index: the only one, or one beside PyPI, which has the tools that build packages."""
    if registry == PYPI:
        return []
    return [f"--index-url {registry}" if registry == only else f"--extra-index-url {registry}"]


def _parsed(lock: str) -> dict[str, Any]:
    try:
        return tomllib.loads(lock)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{LOCK} is not TOML: {error}.") from error


def _hashes(package: Fields, machine: Machine) -> Iterator[str]:
    """Yield the hashes of the wheels for a machine; without one, that of the source."""
    wheels = [(_file(item), item.text("hash", "")) for item in package.any_listed("wheels")]
    if fitting := [value for file, value in wheels if value and machine.takes(file)]:
        yield from fitting
    elif package.has("sdist"):
        yield from filter(None, [package.inside("sdist").text("hash", "")])


def _file(item: Fields) -> str:
    address = item.text("url", "") or item.text("path", "") or item.text("filename", "")
    return address.rpartition("/")[2].partition("#")[0].replace("%2B", "+").replace("%2b", "+")
