"""What the machine refuses, in the words of the system: the file, the cause and what helps."""

from __future__ import annotations

import errno
import re

import pytest

from cmlkit.errors import file_error, is_of_files, step_in


@pytest.mark.parametrize(
    ("error", "says", "next_step"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The machine refused a file: No space left", "Free space"),
        (OSError(errno.ENOSPC, "No space left on device", "a/m"), "a/m cannot be used: No space left", "TMPDIR"),
        (OSError(errno.EROFS, "Read-only file system", b"m\xff"), r"m\\udcff cannot be used: Read-only", "read-only"),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded", "m"),
            "m cannot be used: Disk quota exceeded",
            "quota of this user",
        ),
        (OSError(errno.ENAMETOOLONG, "File name too long", "m" * 300), "cannot be used: File name too long", "Shorten"),
        (OSError(errno.EACCES, "Permission denied", "m"), "m cannot be used: Permission denied", "access"),
        (OSError(errno.ENOENT, "No such file or directory"), "The working directory does not exist", "Change"),
    ],
)
def test_the_machines_own_words_come_with_the_file_and_what_helps(error: OSError, says: str, next_step: str) -> None:
    assert is_of_files(error)
    told = file_error(error)
    assert re.search(says, told.message)
    assert next_step in told.next_step


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        ("fatal: sha1 file x write error. Out of diskspace: No space left on device", "TMPDIR"),
        ("fatal: unable to create temporary file: Read-only file system", "read-only"),
        ("error: unable to write file m: Disk quota exceeded", "quota of this user"),
        ("fatal: not a git repository", ""),
    ],
)
def test_a_refusal_in_the_words_of_git_has_the_same_step(words: str, next_step: str) -> None:
    assert next_step in step_in(words)
    assert bool(step_in(words)) is bool(next_step)


def test_a_connection_is_no_file() -> None:
    assert not is_of_files(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
