"""The local files that a report shows: found beside it, inside the checkout, and fit to be read by everyone.

A report must not publish what nobody meant to: files outside of the checkout, git's own, ignored or hidden ones that
are no pictures, and credentials.
"""

from __future__ import annotations

import binascii
import mimetypes
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from cmlkit.bounds.files import read_regular
from cmlkit.errors import SettingsError
from cmlkit.git.limits import FileLimits
from cmlkit.publishing.files import picture_fault, picture_suffix
from cmlkit.report.targets import Target

_EMBEDDED = re.compile(r"data:(?P<kind>image/[\w.+-]+)(?P<parameters>(?:;[^;,]*)*),(?P<content>.*)", re.DOTALL | re.I)
# A scheme, a host, a place on the page, or a query.
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|[#?]|\Z")
# Private keys, key files of cloud accounts, and tokens of GitHub and AWS.
_SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\"type\": ?\"(?:service_account|external_account|authorized_user)\""
    rb"|\bgh[opsur]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22}|\bAKIA[0-9A-Z]{16}\b|aws_secret_access_key",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    """A file that a report shows: the name that it is stored under, and the end of the address that is kept."""

    name: str
    content: bytes
    fragment: str = ""


@dataclass(frozen=True, kw_only=True)
class LocalFiles:
    """The files that reports may show.

    Attributes:
        root: The checkout: nothing outside of it is read.
        directory: The working directory, for paths that do not exist beside the report.
        limits: Size limits for files in a commit.
        is_ignored: Returns whether git ignores a file.
    """

    root: Path
    directory: Path
    limits: FileLimits
    is_ignored: Callable[[Path], bool]

    def read(self, target: Target, folder: Path) -> LocalFile | None:
        """Return the file or the embedded image that a report in `folder` names; None if it names no local file.

        Raises:
            SettingsError: There is no such file, it is no picture, or it is not fit to be published.
        """
        if embedded := _EMBEDDED.fullmatch(target.address):
            return _decoded(embedded)
        if _ELSEWHERE.match(target.address):
            return None
        if (found := self._find(target.address, folder)) is None:
            # A site's path looks like an absolute one, and loose text like a path.
            if target.is_loose or target.address.startswith("/"):
                return None
            raise SettingsError("there is no such file")
        path, fragment = found
        content = self._content(path)
        if suffix := picture_suffix(content):
            return LocalFile(name=f"{path.stem}{suffix}", content=content, fragment=fragment)
        if target.kind == "image":
            raise SettingsError("it is no PNG, JPEG, GIF, WebP or SVG picture")
        if why := picture_fault(path.name, content):
            raise SettingsError(why)
        self._check_fit(path, content)
        return LocalFile(name=path.name, content=content, fragment=fragment)

    def paths(self, target: Target, folder: Path) -> list[Path]:
        """Return the paths at which the file that a report shows is looked for."""
        if _ELSEWHERE.match(target.address):
            return []
        return [place / name for place in (folder, self.directory) for name, _ in _names(target.address)]

    def _find(self, address: str, folder: Path) -> tuple[Path, str] | None:
        """Return path and fragment of an address: beside the report, else in the working directory, else None."""
        for place in (folder, self.directory):
            for name, fragment in _names(address):
                if _exists(place / name):
                    return place / name, fragment
        return None

    def _content(self, path: Path) -> bytes:
        real = path.resolve()
        if not real.is_relative_to(self.root.resolve()):
            raise SettingsError("it lies outside of the checkout")
        if any(part.lower() == ".git" for part in self._inside(path).parts):
            raise SettingsError("it lies in .git")
        if not real.is_file():
            raise SettingsError("it is a folder or a device")
        try:
            if (size := real.stat().st_size) > self.limits.git:
                most = self.limits.git // 1024**2
                raise SettingsError(f"it has {size / 1024**2:.1f} MiB, and {self.limits.host} takes {most} MiB in git")
            return read_regular(real, self.limits.git)
        except OSError as error:
            raise SettingsError(f"it cannot be read: {error.strerror}") from error

    def _check_fit(self, path: Path, content: bytes) -> None:
        if any(part.startswith(".") for part in self._inside(path).parts):
            raise SettingsError("it is hidden, and no picture")
        if self.is_ignored(path):
            raise SettingsError("git ignores it, and it is no picture; name it to `cmlkit asset publish`")
        if _SECRET.search(content):
            raise SettingsError("it contains a key or a token")

    def _inside(self, path: Path) -> Path:
        return path.resolve().relative_to(self.root.resolve())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # Too long for a name, or with a null byte.
        return False


def _names(address: str) -> Iterator[tuple[str, str]]:
    """Return the file names that an address may mean, each with the fragment behind it."""
    yield address, ""
    yield unquote(address), ""
    path, mark, fragment = address.partition("#")
    path = path.partition("?")[0]
    yield path, mark + fragment
    yield unquote(path), mark + fragment


def _decoded(embedded: re.Match[str]) -> LocalFile:
    content = embedded["content"]
    try:
        if embedded["parameters"].lower().endswith(";base64"):
            decoded = b64decode(re.sub(r"\s", "", unquote(content)), validate=True)
        else:
            decoded = unquote_to_bytes(content)
    except binascii.Error as error:
        raise SettingsError(f"the embedded {embedded['kind']} is not base64") from error
    if not (suffix := picture_suffix(decoded)):
        guessed = (mimetypes.guess_extension(embedded["kind"].lower()) or "").removeprefix(".").upper()
        raise SettingsError(f"the embedded {embedded['kind']} is no {guessed or 'known'} picture")
    return LocalFile(name=f"embedded{suffix}", content=decoded)
