"""The error tree: each class has an exit code, and each error a next step.

CmlkitError                 1   a defect in cmlkit
├── NothingToDo             0   training found nothing to do, and the settings allow that
├── SettingsError           2   a flag, variable, file or argument is wrong
│   ├── MetricsError        2   a metrics file is missing, or none has a number with a name
│   ├── ModelError          2   a model file is missing, tampered with, or too large
│   ├── FileError           2   the machine refuses a file or a folder: the disk is full, it is not readable, it is gone
│   ├── MissingExtra        2   a library that an extra brings is not installed
│   └── GitError            2   git is missing, or refuses to work in the repository
│       ├── NotARepository  2   the folder is in no git repository
│       ├── NotTrusted      2   the repository belongs to another user, as in a container
│       └── GitFailed       2   a git command failed, or took too long
├── PermissionDenied        3   credentials are missing or insufficient
├── CapacityError           4   the cloud has no capacity, or the account no quota
├── WaitTimeout             5   something did not come up in time
├── GateRejected            6   the gate rejected the model
├── ServiceError            7   GitHub or AWS failed permanently
│   ├── NotFound            7   the named resource does not exist there
│   ├── Conflict            7   the resource changed or exists already
│   └── AnswerLost          7   a write was sent, but no answer came: check before repeating
│       └── TooManyRequests 7   a rate limit refused it: wait before repeating
├── TrainingFailed          8   the training command failed
└── Interrupted           130   SIGINT, SIGTERM or SIGHUP
"""

import errno
import os


class CmlkitError(Exception):
    """A failure with an explanation: what happened, on which resource, and what to do next.

    Args:
        message: One sentence: what happened, on which resource, and the cause.
        next_step: What the user should do; empty if the message says it all.
    """

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n{self.next_step}" if self.next_step else self.message


class NothingToDo(CmlkitError):
    """Training found nothing to do, and the settings allow that: nothing was trained, and nothing is published."""

    exit_code = 0


class SettingsError(CmlkitError):
    """A flag, a variable, `cmlkit.yaml` or an argument is wrong."""

    exit_code = 2


class MetricsError(SettingsError):
    """A metrics file is missing, or none has a number with a name."""


class ModelError(SettingsError):
    """A model file is missing, does not match its manifest, or is too large for its store."""


class FileError(SettingsError):
    """The machine refuses to read or write a file: it is not permitted, is gone, or the disk is full."""


class MissingExtra(SettingsError):
    """A library that comes with an extra of cmlkit is not installed.

    Args:
        message: One sentence: what needs which library.
        extra: Name of the extra in pyproject.toml.
        otherwise: What else the person can do, behind the command that installs the extra.
    """

    def __init__(self, message: str, *, extra: str, otherwise: str = "") -> None:
        super().__init__(message, next_step=f"pip install 'cmlkit-ci[{extra}]'{otherwise}")


class GitError(SettingsError):
    """git is not installed, or refuses to work in the repository."""


class NotARepository(GitError):
    """The folder is in no git repository."""


class NotTrusted(GitError):
    """git refuses to work in a repository that belongs to another user."""


class GitFailed(GitError):
    """A git command failed, or took too long.

    Attributes:
        words: What git printed about it; empty if it took too long.
    """

    def __init__(self, message: str, *, next_step: str = "", words: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.words = words


class PermissionDenied(CmlkitError):
    """Credentials are missing, expired, or lack a permission, which the message names.

    Attributes:
        is_of_workflow: Whether it is the workflow's own token, or that of an App, that lacks a permission.
    """

    exit_code = 3
    is_of_workflow = False


class CapacityError(CmlkitError):
    """The cloud lacks capacity for the request, or the account lacks quota."""

    exit_code = 4


class WaitTimeout(CmlkitError):
    """Something did not come up within the time that the settings give it."""

    exit_code = 5


class GateRejected(CmlkitError):
    """The gate rejected the model, and the settings make that fail the run."""

    exit_code = 6


class ServiceError(CmlkitError):
    """GitHub or AWS failed permanently: retries are used up, or the answer is invalid.

    Attributes:
        status: The HTTP status; None if no answer came.
        code: The service's own error code, such as `VcpuLimitExceeded`; empty if it gave none.
    """

    exit_code = 7

    def __init__(self, message: str, *, next_step: str = "", status: int | None = None, code: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.code = code


class NotFound(ServiceError):
    """The named resource does not exist, or the token may not see it."""


class Conflict(ServiceError):
    """The resource already exists, or has changed since it was read."""


class AnswerLost(ServiceError):
    """A write was sent but no answer came; the caller must check the result before repeating it.

    Attributes:
        wait: Seconds that the server asks to wait before the next try; 0 if it asks for none.
    """

    wait = 0.0


class TooManyRequests(AnswerLost):
    """The server refused a request because of a rate limit: nothing happened, and later it may work.

    Args:
        wait: Seconds that the server asks to wait; 0 if it names none.
    """

    def __init__(self, message: str, *, wait: float = 0.0, next_step: str = "", status: int | None = None) -> None:
        super().__init__(message, next_step=next_step, status=status)
        self.wait = wait


class TrainingFailed(CmlkitError):
    """The training command failed or was killed.

    Attributes:
        returncode: The command's own exit code; negative for a signal, as in `subprocess`.
    """

    exit_code = 8

    def __init__(self, message: str, *, returncode: int, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.returncode = returncode


class Interrupted(CmlkitError):
    """SIGINT, SIGTERM or SIGHUP ended the command after it cleaned up."""

    exit_code = 130


# errno -> what helps. https://man7.org/linux/man-pages/man3/errno.3.html
_NEXT_STEPS = {
    errno.ENOSPC: "Free space on that disk; the variable TMPDIR names another folder for temporary files.",
    errno.EDQUOT: "Free space: the disk quota of this user is used up.",
    errno.EFBIG: "Allow larger files: ulimit -f.",
    errno.EROFS: "Work in a folder on a file system that is not read-only.",
    errno.EACCES: "Give the user of this process access to it.",
    errno.EPERM: "Give the user of this process access to it.",
    errno.ENAMETOOLONG: "Shorten the name.",
    errno.EMFILE: "Allow more open files: ulimit -n.",
}

_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def step_after(error: OSError) -> str:
    """Return what helps against a refusal of the machine; empty if nothing is known to."""
    return _NEXT_STEPS.get(error.errno or 0, "")


def step_in(words: str) -> str:
    """Return what helps against a refusal of the machine that another program tells in its words, in English."""
    return next(
        (step for number, step in _NEXT_STEPS.items() if number in _OF_DISKS and os.strerror(number) in words), ""
    )


def is_of_files(error: OSError) -> bool:
    """Return whether an error is about a file or the machine, not about a connection."""
    return error.filename is not None or error.errno in {*_NEXT_STEPS, errno.ENOENT, errno.EIO, errno.ENOMEM}


def file_error(error: OSError, *, path: str = "") -> FileError:
    """Return the error for what the machine refused.

    Args:
        path: The file, if the system's own error names none.
    """
    name = path or error.filename
    why = error.strerror or str(error)
    if name is None and error.errno == errno.ENOENT:
        return FileError("The working directory does not exist any more.", next_step="Change to a folder that does.")
    place = os.fsdecode(name).encode("utf-8", "backslashreplace").decode() if name is not None else ""
    message = f"{place} cannot be used: {why}." if place else f"The machine refused a file: {why}."
    return FileError(message, next_step=step_after(error))
