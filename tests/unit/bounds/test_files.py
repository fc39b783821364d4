"""Files that others wrote: whatever is not a regular file of a fitting size is neither waited for nor read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cmlkit.bounds.files import open_regular, read_project_file, read_regular, read_small, read_text
from cmlkit.errors import SettingsError

LIMIT = 1024**2


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1024**4)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (pipe, "it is a named pipe, not a regular file"),
        (link_to_zeros, "it is a device, not a regular file"),
        (folder, "Is a directory"),
        (sparse, "it has 1 TiB, more than the 1 MiB that are read of such a file"),
    ],
)
def test_what_is_no_file_of_a_fitting_size_is_refused(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "there")
    with pytest.raises(OSError, match=r".") as caught:
        read_regular(tmp_path / "there", LIMIT)
    assert caught.value.strerror == why
    assert read_small(tmp_path / "there", LIMIT) is None


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 108 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("there")
        with pytest.raises(OSError, match="No such device"):
            open_regular("there")


def test_a_file_that_has_no_size_is_read_to_its_limit() -> None:
    assert read_regular("/proc/self/status", LIMIT).startswith(b"Name:")
    with pytest.raises(OSError, match="more than the 10 B"):
        read_regular("/proc/self/status", 10)


def test_a_link_to_a_file_is_followed_as_dvc_makes_them(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"model")
    (tmp_path / "m").symlink_to("cache")
    assert read_regular(tmp_path / "m") == b"model"


def test_a_file_of_the_limits_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"1234")
    assert read_regular(tmp_path / "there", 4) == b"1234"


def test_line_ends_are_those_of_python(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"a\r\nb\rc\n")
    assert read_text(tmp_path / "there", LIMIT) == (tmp_path / "there").read_text()


def test_a_file_of_the_project_may_be_missing_but_not_too_large(tmp_path: Path) -> None:
    assert read_project_file(tmp_path / "dvc.lock") is None
    pipe(tmp_path / "dvc.lock")
    assert read_project_file(tmp_path / "dvc.lock") is None
    sparse(tmp_path / "dvc.yaml")
    with pytest.raises(SettingsError, match=r"dvc\.yaml cannot be read: it has 1 TiB"):
        read_project_file(tmp_path / "dvc.yaml")
