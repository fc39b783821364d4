"""git push for what the remote's API does not take: large files, many files, and a checkout's own commits."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from cmlkit.errors import AnswerLost, GitError, GitFailed, PermissionDenied, ServiceError, TooManyRequests
from cmlkit.git.access import GitAccess
from cmlkit.git.checkout import shared_file
from cmlkit.git.command import run_git

TIMEOUT_SECONDS = 1800.0
# git tells the status and not `Retry-After`; without one, GitHub asks for at least a minute.
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
LIMIT_SECONDS = 60.0


def push_blob(content: bytes, *, access: GitAccess, ref: str, author: str, environ: Mapping[str, str]) -> str:
    """Store bytes in a repository under `ref`; return their blob id.

    A temporary repository holds one commit with one file. No history is fetched, and neither the user's repository
    nor the user's git configuration is read or changed.

    Args:
        access: Its authorization is passed to git in its environment, not in an argument, URL or file.
        ref: Full name, such as `refs/cmlkit/uploads/…`; keeps the blob from garbage collection until a commit has it.
        author: Name and address of the author of the commit that `ref` leads to, as `NAME <ADDRESS>`.
        environ: Variables for git, such as PATH, proxies and certificates.

    Raises:
        PermissionDenied: The token may not push.
        AnswerLost: The connection failed, or there are too many requests; pushing again does no harm.
        ServiceError: The push failed for another reason.
        GitError: git is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="cmlkit-push-") as folder:
        git = _Git(Path(folder), _environ(environ, access))
        git.run("init", "--quiet", "--bare", "--template=", ".")
        blob = git.run("hash-object", "-w", "--stdin", send=content)
        tree = git.run("mktree", send=f"100644 blob {blob}\tfile\n".encode())
        commit = git.run("hash-object", "-w", "-t", "commit", "--stdin", send=_commit(tree, author))
        git.run("push", "--quiet", access.url, f"{commit}:{ref}")
    return blob


def push_blobs(
    contents: Iterable[bytes], *, access: GitAccess, ref: str, author: str, environ: Mapping[str, str]
) -> set[str]:
    """Store many files' bytes in a repository at once, as `push_blob` stores one; return their blob ids."""
    with tempfile.TemporaryDirectory(prefix="cmlkit-push-") as folder:
        git = _Git(Path(folder), _environ(environ, access))
        git.run("init", "--quiet", "--bare", "--template=", ".")
        names = [_written(Path(folder) / f"file-{number}", content) for number, content in enumerate(contents)]
        blobs = git.run("hash-object", "-w", "--stdin-paths", send="".join(f"{name}\n" for name in names).encode())
        ids = sorted(set(blobs.split()))
        # In folders of a thousand: one huge folder is slow for git.
        trees = [_tree(git, ids[start : start + 1000], "100644 blob") for start in range(0, len(ids), 1000)]
        commit = git.run(
            *("hash-object", "-w", "-t", "commit", "--stdin"),
            send=_commit(_tree(git, trees, "040000 tree"), author),
        )
        git.run("push", "--quiet", access.url, f"{commit}:{ref}")
    return set(ids)


def push_commit(commit: str, *, directory: Path, access: GitAccess, ref: str, environ: Mapping[str, str]) -> None:
    """Store a commit of a checkout under `ref`, with those that it builds on; the repository may lack them.

    The push starts from a repository of its own, which borrows the checkout's objects: hooks, and credentials that
    the checkout's configuration has for the same address, stay out of it.

    Raises:
        PermissionDenied, AnswerLost, ServiceError, GitError: As from `push_blob`.
    """
    with tempfile.TemporaryDirectory(prefix="cmlkit-push-") as folder:
        git = _Git(Path(folder), _environ(environ, access))
        git.run("init", "--quiet", "--bare", "--template=", ".")
        shallow = shared_file(directory, "shallow")
        if shallow.exists():
            (Path(folder) / "shallow").write_bytes(shallow.read_bytes())
        (Path(folder) / "objects" / "info").mkdir(exist_ok=True)
        (Path(folder) / "objects" / "info" / "alternates").write_text(f"{shared_file(directory, 'objects')}\n")
        git.run("push", "--quiet", access.url, f"{commit}:{ref}")


def _written(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    return file.name


def _tree(git: _Git, ids: Iterable[str], kind: str) -> str:
    return git.run("mktree", send="".join(f"{kind} {each}\t{each}\n" for each in ids).encode())


def _commit(tree: str, author: str) -> bytes:
    # The same bytes for the same file, so that pushing twice changes nothing.
    identity = f"{author} 0 +0000"
    return f"tree {tree}\nauthor {identity}\ncommitter {identity}\n\nUpload\n".encode()


def _environ(environ: Mapping[str, str], access: GitAccess) -> dict[str, str]:
    settings = {
        f"http.{access.url}.extraHeader": f"Authorization: {access.authorization}",
        "credential.helper": "",
    }
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (name, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    certificates = {"GIT_SSL_CAINFO": environ["REQUESTS_CA_BUNDLE"]} if environ.get("REQUESTS_CA_BUNDLE") else {}
    inherited = {name: value for name, value in environ.items() if not re.match("GIT_(?!SSL)", name)}
    isolation = {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    return {**certificates, **inherited, **isolation, **variables}


class _Git:
    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.directory = directory
        self.environ = environ

    def run(self, *arguments: str, send: bytes = b"") -> str:
        try:
            output = run_git(self.directory, *arguments, send=send, environ=self.environ, timeout=TIMEOUT_SECONDS)
        except GitFailed as error:
            if arguments[0] != "push" and error.words and error.next_step:
                raise  # of this machine's disk
            raise (_failed(arguments[0], error.words) if error.words else ServiceError(error.message)) from error
        except GitError as error:
            reason = "Files that are too large or too many for the API, and commits, are pushed with git."
            raise GitError(f"{error.message} {reason}", next_step=error.next_step) from error
        return output.decode("ascii", "replace").strip()


def _failed(command: str, stderr: str) -> ServiceError | PermissionDenied:
    lines = [line.removeprefix("remote:").strip() for line in stderr.splitlines()]
    text = f"git {command} failed: {' '.join(filter(None, lines))[-400:]}"
    if re.search(r"(?:error:|HTTP) 429\b|too many requests|rate limit", stderr, re.IGNORECASE):
        return TooManyRequests(text, wait=LIMIT_SECONDS, next_step="Run again later, or push fewer large files.")
    if re.search(r"Authentication failed|error: 40[13]|denied|Permission to|could not read Username", stderr):
        return PermissionDenied(text, next_step="The token needs this permission: contents: write.")
    if re.search(
        r"[Cc]ould not resolve|Failed to connect|timed out|hung up|disconnect|RPC failed|error: 5\d\d", stderr
    ):
        return AnswerLost(text)
    return ServiceError(text)
